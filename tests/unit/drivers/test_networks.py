"""Networks of bays: what nodes reach without a proxy, and what they let in."""

from typing import Any

import pytest

from magnum.drivers import composition, settings
from magnum.drivers.contract import Driver
from tests.unit.drivers import hot, plans


@pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize(
    ('changes', 'own'),
    [
        ({}, ',10.0.0.0/24'),
        ({'labels': {'fixed_subnet_cidr': '192.168.50.0/24'}}, ',192.168.50.0/24'),
        ({'fixed_network_cidr': '192.168.60.0/24'}, ',192.168.60.0/24'),
        # Its addresses are not known.
        ({'fixed_network': 'team'}, ''),
    ],
)
def test_nodes_reach_each_other_without_the_proxy(
    driver: Driver, changes: dict[str, Any], own: str
) -> None:
    plan = plans.plan(driver, no_proxy='.example.org', http_proxy='http://192.0.2.1', **changes)
    files = hot.files_of(driver.render(plan), 'worker')
    told = settings.parse(files['/etc/magnum/node.env'])
    assert told['MAGNUM_NO_PROXY'] == f'.example.org,localhost,127.0.0.1{own}'


def test_encrypted_overlay_networks_pass_between_nodes_of_a_swarm() -> None:
    resources = composition.compose('swarm/templates/bay.yaml')['resources']
    rules = resources['secgroup_base']['properties']['rules']
    assert {'protocol': 'esp', 'remote_mode': 'remote_group_id'} in rules
