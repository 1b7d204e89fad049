"""A Mesos bay of three masters and a worker: ZooKeeper is real, Mesos and Marathon are not.

``mesos-master``, ``mesos-agent`` and ``marathon`` are stand-ins (``tools/nodes/standins``)
that note their arguments and elect leaders in ZooKeeper.
"""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tests.nodes import bays, zookeeper
from tests.nodes.bays import Bay
from tools.devcloud import settings
from tools.nodes import network, programs
from tools.nodes.machine import Machine

WHOLE = ['follower', 'follower', 'leader']
PATH = '/of-the-tests'
#: With what systemd and the shell would take for theirs.
ENVIRONMENT = '{"GREETING": "it\'s $HOME, 100 %"}'
ATTRIBUTES = 'nodegroup:default-worker;role:worker;flavor:m1.small'
MESOS, MARATHON, AGENT = 5050, 8080, 5051
#: Seconds until a condition that a node reports shows in its bay's health.
PATIENCE = 90


@pytest.fixture(scope='module')
def bay(alice: Person) -> Iterator[Bay]:
    made = bays.create(
        alice, 'nodes-mesos', 'mesos', master_count=3, node_count=1, master_lb_enabled=True,
        labels={
            'mesos_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32',
            'mesos_slave_isolation': 'filesystem/linux,docker/runtime',
            'mesos_slave_image_providers': 'docker',
            'mesos_slave_work_dir': '/srv/mesos',
            'mesos_slave_executor_env_variables': ENVIRONMENT,
        },
    )
    made.complete('CREATE_COMPLETE')
    yield made
    made.delete()


def masters(bay: Bay) -> list[Machine]:
    """In the order of their names, which is that of their numbers."""
    return sorted(bay.machines('master'), key=lambda each: each.facts.name)


def is_whole(bay: Bay) -> bool:
    return zookeeper.modes(masters(bay)) == WHOLE


def leader(bay: Bay) -> Machine:
    """The master whose ZooKeeper leads."""
    (found,) = (
        each for each in masters(bay)
        if each.leader() is not None and zookeeper.mode(each) == 'leader'
    )
    return found


def page(address: str, port: int, path: str) -> str:
    """What a program answers; empty while it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f'http://{address}:{port}{path}', timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, OSError):
        return ''


def state(on: Machine, port: int, path: str) -> Any:
    """What a program of a machine tells, asked there."""
    done = bays.run(
        on, 'curl', '--silent', '--noproxy', '*', f'http://{on.facts.address}:{port}{path}'
    )
    return json.loads(done.stdout or '{}')


def arguments(on: Machine, program: str) -> list[list[str]]:
    """Those of each of a program's starts."""
    lines = bays.output(on, 'cat', f'/var/log/{program}.arguments').splitlines()
    return [json.loads(line) for line in lines]


def agree(bay: Bay, of: list[Machine]) -> bool:
    """Whether masters, Marathons and the agent see one leader each, by ZooKeeper."""
    (worker,) = bay.machines('node')
    public = {bays.address(each) for each in of}
    private = {each.facts.address for each in of}
    seen = {state(each, MESOS, '/state').get('leader') for each in of}
    seen.add(state(worker, AGENT, '/state').get('master_hostname'))
    marathon = {state(each, MARATHON, '/v2/leader').get('leader') for each in of}
    return len(seen) == len(marathon) == 1 and seen <= public and marathon <= private


def reached_from_subnet(of: Machine, port: int) -> bool:
    """Whether the router, which is none of the bay's nodes, can connect."""
    return programs.succeeds(
        'ip', 'netns', 'exec', network.of_router(of.facts.network),
        'timeout', '3', 'bash', '-c', f'</dev/tcp/{of.facts.address}/{port}',
    )


def test_three_servers_are_one_quorum(bay: Bay) -> None:
    assert is_whole(bay)
    assert [zookeeper.word(each, 'ruok') for each in masters(bay)] == ['imok'] * 3


def test_zookeeper_tells_no_more_than_nodes_ask(bay: Bay) -> None:
    """Other words tell of clients and settings, or stop it."""
    for text in ('mntr', 'conf', 'cons', 'envi'):
        assert 'not in the whitelist' in zookeeper.word(masters(bay)[0], text)


def test_what_one_server_is_told_all_know(bay: Bay) -> None:
    for number, told in enumerate(masters(bay)):
        zookeeper.write(told, PATH, f'by {number}')
        found = [zookeeper.read(each, PATH) for each in masters(bay)]
        assert found == [f'by {number}'] * 3


def test_masters_are_called_as_documented(bay: Bay) -> None:
    addresses = [each.facts.address for each in masters(bay)]
    ensemble = ','.join(f'{address}:{zookeeper.PORT}' for address in addresses)
    for each in masters(bay):
        (mesos,) = arguments(each, 'mesos-master')
        assert mesos == [
            f'--zk=zk://{ensemble}/mesos', '--quorum=2', f'--ip={each.facts.address}',
            f'--port={MESOS}', f'--hostname={bays.address(each)}', f'--cluster={bay.name}',
            '--work_dir=/var/lib/mesos',
        ]
        (marathon,) = arguments(each, 'marathon')
        assert marathon == [
            '--master', f'zk://{ensemble}/mesos', '--zk', f'zk://{ensemble}/marathon',
            '--hostname', each.facts.address, '--http_port', str(MARATHON),
        ]


def test_agents_are_called_as_documented(bay: Bay) -> None:
    (worker,) = bay.machines('node')
    ensemble = ','.join(f'{each.facts.address}:{zookeeper.PORT}' for each in masters(bay))
    (agent,) = arguments(worker, 'mesos-agent')
    assert agent == [
        f'--master=zk://{ensemble}/mesos', f'--ip={worker.facts.address}', '--port=5051',
        f'--hostname={bays.address(worker)}', '--containerizers=docker,mesos',
        '--executor_registration_timeout=5mins', '--work_dir=/srv/mesos',
        '--no-systemd_enable_support', '--isolation=filesystem/linux,docker/runtime',
        '--image_providers=docker', f'--attributes={ATTRIBUTES}',
        f'--executor_environment_variables={ENVIRONMENT}',
    ]


def test_all_find_their_leader_by_zookeeper(bay: Bay) -> None:
    wait_until(lambda: agree(bay, masters(bay)), 60)


def test_the_load_balancer_leads_to_mesos_and_marathon(bay: Bay) -> None:
    address = bay.document()['api_address']
    wait_until(lambda: page(address, MARATHON, '/ping') == 'pong', 60)
    assert json.loads(page(address, MESOS, '/state'))['cluster'] == bay.name


def test_strangers_do_not_reach_zookeeper(bay: Bay) -> None:
    """Neither from outside, where Mesos is open to this one, nor from the bay's own subnet."""
    for each in masters(bay):
        assert 'cluster' in page(bays.address(each), MESOS, '/state')
        for port in (zookeeper.PORT, 2888, 3888):
            with pytest.raises(TimeoutError), socket.create_connection(
                (bays.address(each), port), timeout=3
            ):
                pass
        assert reached_from_subnet(each, MESOS)
        assert not reached_from_subnet(each, zookeeper.PORT)


def test_a_master_comes_back_into_the_quorum(bay: Bay) -> None:
    first = masters(bay)[0]
    zookeeper.write(first, PATH, 'before the reboot')
    bay.reboot(first)
    wait_until(lambda: is_whole(bay), 120)
    assert zookeeper.read(first, PATH) == 'before the reboot'
    wait_until(lambda: agree(bay, masters(bay)), 60)


def test_another_leads_while_the_leader_is_off(bay: Bay) -> None:
    led = leader(bay)
    others = [each for each in masters(bay) if each.facts.id != led.facts.id]
    led.power_off()
    wait_until(lambda: zookeeper.modes(others) == ['follower', 'leader'], 60, every=0.5)
    zookeeper.write(others[0], PATH, 'by two')
    assert zookeeper.read(others[1], PATH) == 'by two'
    wait_until(lambda: agree(bay, others), 60)
    bay.start(led)
    wait_until(lambda: is_whole(bay), 120)
    assert zookeeper.read(led, PATH) == 'by two'


def test_one_of_three_is_no_quorum_and_says_so(bay: Bay) -> None:
    """The bay's health tells of it, and of its end."""
    wait_until(lambda: bay.document()['health_status'] == 'HEALTHY', PATIENCE)
    last, *lost = masters(bay)
    for each in lost:
        each.power_off()
    wait_until(lambda: zookeeper.mode(last) == '', 60, every=0.5)
    assert not zookeeper.can_write(last, PATH, 'by one')
    wait_until(lambda: bay.document()['health_status'] == 'UNHEALTHY', PATIENCE)
    assert 'not currently serving' in json.dumps(bay.document()['health_status_reason'])
    bay.start(*lost)
    wait_until(lambda: is_whole(bay), 120)
    assert zookeeper.read(last, PATH) == 'by two'
    wait_until(lambda: bay.document()['health_status'] == 'HEALTHY', PATIENCE)
