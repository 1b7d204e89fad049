"""Swarm bays of one manager and one worker of other releases than all other tests."""

from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tools.devcloud import settings
from tools.nodes import guest, layout, workload
from tools.nodes.machine import Machine

#: By image, what its machines say of their release.
_RELEASES = {'debian-13': 'debian 13', 'ubuntu-24.04': 'ubuntu 24.04'}
_NODES = ('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')


# Of Ubuntu no mirror is known; MAGNUM_NODES_UBUNTU_MIRROR names one.
@pytest.fixture(scope='module', params=[
    name for name in _RELEASES if 'ubuntu' not in name or layout.MIRRORS['ubuntu']
])
def image(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope='module')
def bay(alice: Person, image: str) -> Iterator[Bay]:
    guest.ensure('swarm', image)
    with bays.completed(
        alice, f'nodes-{guest.SUITES[image]}', 'swarm', node_count=1, docker_volume_size=1,
        image_id=image,
        labels={'node_ports_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32'},
    ) as made:
        yield made


@pytest.fixture(scope='module')
def client(bay: Bay, image: str, tmp_path_factory: pytest.TempPathFactory) -> Docker:
    folder = tmp_path_factory.mktemp('docker') / 'files'
    return docker.configured(bay.person, bay.uuid, folder, image)


def release(of: Machine) -> str:
    script = '. /etc/os-release && echo "$ID $VERSION_ID"'
    return bays.output(of, 'sh', '-c', script).strip()


def answers(machine: Machine) -> bool:
    """Whether the service on a node says which node that is."""
    return workload.answer(bays.address(machine)) == machine.facts.name


def test_the_bay_is_complete_when_its_swarm_is(bay: Bay, client: Docker, image: str) -> None:
    machines = bay.machines()
    assert [release(each) for each in machines] == [_RELEASES[image]] * 2
    rows = [row.split() for row in client(*_NODES).splitlines()]
    assert {row[0] for row in rows} == {each.facts.name for each in machines}
    assert sorted(row[1:] for row in rows) == [['Ready'], ['Ready', 'Leader']]


def test_images_are_on_the_nodes_volumes(bay: Bay) -> None:
    for each in bay.machines():
        used = ('findmnt', '--noheadings', '--output', 'SOURCE', '/var/lib/docker')
        assert bays.output(each, *used).splitlines()[-1].startswith('/dev/loop')
        driver = bays.output(each, 'docker', 'info', '--format', '{{.Driver}}')
        assert driver.strip() == 'overlay2'


def test_a_service_answers_at_every_node_also_after_a_reboot(bay: Bay, client: Docker) -> None:
    for each in bay.machines():
        workload.bring(each)
    client(*workload.service('web'))
    wait_until(lambda: all(answers(each) for each in bay.machines()))
    (worker,) = bay.machines('node')
    bay.reboot(worker)
    wait_until(lambda: f'{worker.facts.name} Ready' in client(*_NODES))
    wait_until(lambda: answers(worker))


def further(bay: Bay) -> Machine:
    """A new node of the usual release, as there are beside others in an upgrade of images."""
    known = bays.ids(bay.machines())
    bay.create_nodegroup('further', 1, image_id=guest.IMAGE)
    (other,) = (each for each in bay.machines() if each.facts.id not in known)
    assert release(other) == 'debian 12'
    return other


def test_a_node_of_the_usual_release_comes_in(bay: Bay, client: Docker) -> None:
    other = further(bay)
    assert f'{other.facts.name} Ready' in client(*_NODES)
    workload.bring(other)
    wait_until(lambda: all(answers(each) for each in bay.machines()))


def test_a_node_of_the_usual_release_comes_in_without_tls(alice: Person, image: str) -> None:
    """It asks the manager's engine, which refuses clients that are much older or newer."""
    with bays.completed(
        alice, f'open-{guest.SUITES[image]}', 'swarm', node_count=0, image_id=image,
        tls_disabled=True,
    ) as bay:
        other = further(bay)
        (manager,) = bay.machines('master')
        assert f'{other.facts.name} Ready' in bays.output(manager, 'docker', *_NODES)
