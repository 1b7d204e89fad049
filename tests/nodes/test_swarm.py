"""A Swarm bay of one manager and one worker on real machines, from nothing to its end."""

import pathlib
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, docker
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tools.devcloud import settings
from tools.nodes import workload
from tools.nodes.machine import Machine

_NODES = ('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}')
_NETWORK = 'across'
_SERVICE = 'web'
_FURTHER = 'further'


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-swarm', 'swarm', node_count=1, docker_volume_size=1,
        labels={'node_ports_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32'},
    ) as made:
        yield made


@pytest.fixture(scope='module')
def service(bay: Bay, client: Docker) -> str:
    """A container on every node, in a network that they share."""
    for each in bay.machines():
        workload.bring(each)
    client('network', 'create', '--driver', 'overlay', '--attachable', _NETWORK)
    client(*workload.service(_SERVICE, '--network', _NETWORK, '--endpoint-mode', 'dnsrr'))
    return _SERVICE


def names(machines: list[Machine]) -> set[str]:
    return {each.facts.name for each in machines}


def answers(machine: Machine) -> bool:
    """Whether the service on a node says which node that is."""
    return workload.answer(bays.address(machine)) == machine.facts.name


def test_the_bay_is_complete_when_its_swarm_is(bay: Bay, client: Docker) -> None:
    rows = [row.split() for row in client(*_NODES).splitlines()]
    assert {row[0] for row in rows} == names(bay.machines())
    assert sorted(row[1:] for row in rows) == [['Ready'], ['Ready', 'Leader']]


def test_none_gets_in_without_a_certificate(client: Docker) -> None:
    with pytest.raises(docker.Refused, match=r'bad certificate|certificate required'):
        docker.handshake(client.host, client.folder / 'ca.pem', None)


def test_none_gets_in_with_a_foreign_certificate(client: Docker, tmp_path: pathlib.Path) -> None:
    foreign = docker.self_signed(tmp_path, 'alice')
    with pytest.raises(docker.Refused, match=r'bad certificate|unknown ca'):
        docker.handshake(client.host, client.folder / 'ca.pem', foreign)
    # The bay's own gets in by the same means.
    docker.handshake(client.host, client.folder / 'ca.pem', client.folder)


def test_the_certificate_of_a_worker_is_none_for_the_managers_engine(
    bay: Bay, client: Docker, tmp_path: pathlib.Path
) -> None:
    (worker,) = bay.machines('node')
    for name, ending in (('cert.pem', 'pem'), ('key.pem', 'key')):
        text = bays.output(worker, 'cat', f'/etc/magnum/certificates/server.{ending}')
        (tmp_path / name).write_text(text)
    with pytest.raises(docker.Refused, match='certificate'):
        docker.handshake(client.host, client.folder / 'ca.pem', tmp_path)


def test_containers_are_on_the_nodes_volumes(bay: Bay) -> None:
    for each in bay.machines():
        source = bays.output(
            each, 'findmnt', '--noheadings', '--output', 'SOURCE', '/var/lib/docker'
        )
        assert source.splitlines()[-1].startswith('/dev/loop')


def test_a_service_answers_at_every_node(bay: Bay, service: str) -> None:
    """Managers run tasks, too, and let others reach them."""
    wait_until(lambda: all(answers(each) for each in bay.machines()))


def test_containers_reach_each_other_across_nodes(
    bay: Bay, client: Docker, service: str
) -> None:
    """By the name of the service, which the network's resolver has."""
    tasks = client('ps', '--quiet', '--filter', f'name={service}.')
    (task,) = tasks.splitlines()

    def heard() -> set[str]:
        script = (
            f'for address in $(nslookup tasks.{service} | sed -n "s/^Address.*: *\\(10[0-9.]*\\)'
            '.*/\\1/p"); do wget -q -O - http://$address/; done'
        )
        return set(client.run('exec', task, 'sh', '-c', script).stdout.decode().split())

    wait_until(lambda: heard() == names(bay.machines()))


def test_a_node_comes_back_from_a_reboot(bay: Bay, client: Docker, service: str) -> None:
    (worker,) = bay.machines('node')
    wait_until(lambda: answers(worker))
    bay.reboot(worker)
    wait_until(lambda: f'{worker.facts.name} Ready' in client(*_NODES))
    wait_until(lambda: answers(worker))
    test_containers_are_on_the_nodes_volumes(bay)


def test_a_node_that_joins_gets_the_workload(bay: Bay, client: Docker, service: str) -> None:
    (first,) = bay.machines('node')
    bay.resize(2)
    bay.stays(lambda: answers(first), 'UPDATE_COMPLETE')
    (second,) = (each for each in bay.machines('node') if each.facts.id != first.facts.id)
    assert f'{second.facts.name} Ready' in client(*_NODES)
    workload.bring(second)
    wait_until(lambda: answers(second))


def test_the_named_node_leaves_and_no_other(bay: Bay, client: Docker, service: str) -> None:
    first, second = sorted(bay.machines('node'), key=lambda each: each.facts.name)
    bay.resize(1, first.facts.id)
    bay.stays(lambda: answers(second), 'UPDATE_COMPLETE')
    wait_until(lambda: first.facts.name not in names(bay.machines()))
    assert names(bay.machines('node')) == {second.facts.name}
    assert f'{second.facts.name} Ready' in client(*_NODES)


def test_a_node_group_that_is_deleted_leaves_and_no_other(
    bay: Bay, client: Docker, service: str
) -> None:
    (first,) = bay.machines('node')
    bay.create_nodegroup(_FURTHER, 1)
    (second,) = (each for each in bay.machines('node') if each.facts.id != first.facts.id)
    assert f'{second.facts.name} Ready' in client(*_NODES)
    workload.bring(second)
    wait_until(lambda: answers(second))
    bay.delete_nodegroup(_FURTHER)
    bay.stays(lambda: answers(first), 'UPDATE_COMPLETE')
    for done in ('drained', 'removed'):
        assert second.facts.name in bay.events()[f'bay.delete_nodegroup.{done}']
    wait_until(lambda: second.facts.name not in names(bay.machines()))


def test_a_node_that_left_is_not_in_the_swarm(bay: Bay, client: Docker) -> None:
    rows = [row.split() for row in client(*_NODES).splitlines()]
    assert {row[0] for row in rows} == names(bay.machines())
