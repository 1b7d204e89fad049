"""A Swarm bay of an image by ``tools/image``, whose nodes cannot get out of their network.

What they reach is Magnum's endpoint for nodes: by their own loopback, for that one port.
"""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays
from tests.nodes.bays import Bay
from tests.nodes.docker import Docker
from tools.devcloud import settings
from tools.nodes import guest, network, programs, workload
from tools.nodes.machine import Machine

#: The external network's gateway, that is this machine.
_OUTSIDE = str(settings.EXTERNAL_ADDRESSES[1])
#: Written by each installation.
_PACKAGES = 'var/lib/dpkg/status'
_LOG_OF_APT = 'var/log/apt/history.log'


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-image', 'swarm', node_count=1,
        labels={'node_ports_allowed_cidrs': f'{_OUTSIDE}/32'},
    ) as made:
        yield made


@pytest.fixture(scope='module')
def outside(bay: Bay) -> Iterator[str]:
    """The port of a server at the external network's gateway."""
    with socket.create_server((_OUTSIDE, 0)) as server:
        yield str(server.getsockname()[1])


@contextlib.contextmanager
def opened(router: str) -> Iterator[None]:
    """A router without the rule by which no machine gets out."""
    programs.run_in(router, 'iptables', '--wait', '-D', *network.NO_WAY_OUT)
    try:
        yield
    finally:
        programs.run_in(router, 'iptables', '--wait', '-A', *network.NO_WAY_OUT)


def gets_out(machine: Machine, port: str) -> bool:
    """Whether a node connects with a server outside its network."""
    script = 'exec 3<>"/dev/tcp/$0/$1"'
    done = bays.run(machine, 'timeout', '10', 'bash', '-c', script, _OUTSIDE, port)
    assert done.returncode == 0 or 'No route to host' in done.stderr, done
    return done.returncode == 0


def test_no_node_has_installed_anything(bay: Bay) -> None:
    assert (guest.root() / _PACKAGES).exists()
    for each in bay.machines():
        assert not (each.upper / _PACKAGES).exists()
        assert not (each.upper / _LOG_OF_APT).exists()


def test_no_node_gets_out_of_its_network(bay: Bay, outside: str) -> None:
    machines = bay.machines()
    assert len(machines) == 2
    assert not any(gets_out(each, outside) for each in machines)
    # It is the rule that keeps them in.
    (router,) = {network.of_router(each.facts.network) for each in machines}
    with opened(router):
        assert all(gets_out(each, outside) for each in machines)
    assert not any(gets_out(each, outside) for each in machines)


def test_nodes_reach_the_service_and_nothing_else_by_their_loopback(bay: Bay, url: str) -> None:
    port = int(url.removesuffix('/v1').rpartition(':')[2])
    assert {each.facts.ports for each in bay.machines()} == {(port,)}


def test_a_service_of_an_image_that_was_brought_in_runs(bay: Bay, client: Docker) -> None:
    for each in bay.machines():
        workload.bring(each)
    client(*workload.service('web'))
    (worker,) = bay.machines('node')
    wait_until(lambda: workload.answer(bays.address(worker)) == worker.facts.name)
