"""Choosing a driver."""

import pytest

from magnum.drivers import registry
from tests.unit.drivers import plans

REGISTRY = registry.Registry({driver.name: driver for driver in plans.DRIVERS})


@pytest.mark.parametrize('coe', ['kubernetes', 'swarm', 'mesos'])
@pytest.mark.parametrize('distro', ['debian', 'ubuntu'])
def test_choice(distro: str, coe: str) -> None:
    assert REGISTRY.choose('vm', distro, coe).name == coe


def test_swarm_mode_is_swarm() -> None:
    assert REGISTRY.choose('vm', 'debian', 'swarm-mode').name == 'swarm'


@pytest.mark.parametrize(
    ('server_type', 'distro', 'coe', 'error', 'field', 'text'),
    [
        ('vm', 'fedora-atomic', 'swarm', registry.DistroEndOfLife, 'image_id', 'end of life'),
        ('vm', 'coreos', 'kubernetes', registry.DistroEndOfLife, 'image_id', 'end of life'),
        ('vm', None, 'mesos', registry.DistroUnknown, 'image_id', 'os_distro'),
        ('vm', '', 'mesos', registry.DistroUnknown, 'image_id', 'os_distro'),
        ('vm', 'plan9', 'swarm', registry.DriverNotFound, 'image_id', 'plan9'),
        ('bm', 'debian', 'swarm', registry.DriverNotFound, 'image_id', 'type bm'),
        ('vm', 'debian', 'nomad', registry.DriverNotFound, 'coe', 'nomad'),
    ],
)
def test_refusals_name_what_is_supported(
    server_type: str,
    distro: str | None,
    coe: str,
    error: type[registry.DriverNotFound],
    field: str,
    text: str,
) -> None:
    with pytest.raises(error, match=f'{text}.*Supported: ') as refused:
        REGISTRY.choose(server_type, distro, coe)
    assert refused.value.field == field


def test_by_name() -> None:
    assert REGISTRY.by_name('mesos').name == 'mesos'
    with pytest.raises(registry.DriverNotFound, match='Supported: kubernetes, mesos, swarm'):
        REGISTRY.by_name('nomad')


def test_all_is_a_copy() -> None:
    assert REGISTRY.all() == {driver.name: driver for driver in plans.DRIVERS}
