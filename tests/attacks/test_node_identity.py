"""Becoming a node of somebody's bay, or what only masters are.

The attackers: a reader of the project, who finds the bootstrap token in Heat
while nodes are built; and a program on a worker, which has the worker's token
and key.
"""

import hashlib
from collections.abc import Iterator

import pytest

from magnum.db import models
from magnum.domain.stack_names import stack_name
from tests.attacks.nodes import Node, boot, names_in, token_in_heat
from tests.attacks.running import RunningService

pytestmark = pytest.mark.slow

SERVICE_ADDRESS = '10.254.0.1'
TRUSTS_NOTHING = {'trusts': hashlib.sha256(b'').hexdigest()}
MASTER_ADDRESS = '203.0.113.10'


class Bay:
    """A bay whose stack Heat is at: one master, two workers, none of which has booted."""

    number = 0

    def __init__(self, service: RunningService):
        type(self).number += 1
        self.service = service
        self.name = f'victim-{self.number}'
        self.uuid = service.create_bay(self.name, node_count=2, labels={})
        self.stack = stack_name(self.name, self.uuid)
        self.master, self.workers = f'{self.stack}-master-0', f'{self.stack}-node-'
        service.world.worker().turn()

    def token(self, role: str) -> str:
        token = token_in_heat(self.service, self.stack, role)
        assert token
        return token

    def node(self, name: str, role: str, *addresses: str) -> Node:
        """A real one, whose server Heat has made."""
        node = boot(self.service, self.uuid, name, *addresses)
        node.token = self.token(role)
        return node

    def thief(self, name: str, role: str) -> Node:
        """Who has no server, and a token out of Heat."""
        return Node(self.service, self.uuid, name, self.token(role))

    def build(self) -> dict[str, Node]:
        """All nodes boot, and the bay is there; one worker is of an earlier release."""
        nodes = {
            'master': self.node(self.master, 'master', '10.0.0.10', MASTER_ADDRESS),
            'worker': self.node(f'{self.workers}0', 'worker', '10.0.0.20'),
            'other': self.node(f'{self.workers}1', 'worker', '10.0.0.21'),
        }
        for node in nodes.values():
            answer = node.ask('kubelet')
            assert answer.status_code == 200, answer.text
            role = 'master' if node is nodes['master'] else 'worker'
            node.come_up(role, signs=node is not nodes['worker'])
        names = [node.name for node in nodes.values()]
        self.finish(names[:1], names[1:])
        assert self.service.operation(self.uuid).state == 'SUCCEEDED'
        return nodes

    def finish(self, masters: list[str], workers: list[str]) -> None:
        world = self.service.world
        servers = {node.name: node.server_id for node in world.rows(models.Node)}
        stack = world.stack(self.stack)
        stack['outputs'] = {'master_names': masters, 'node_names': workers}
        stack['nodes'] = {
            name.rpartition('-')[2]: servers[name] for name in workers if name in servers
        }
        world.build(self.uuid)

    def change(self, count: int) -> None:
        answer = self.service.ask(
            'POST', f'/clusters/{self.uuid}/actions/resize', json={'node_count': count}
        )
        assert answer.status_code == 202, answer.text
        self.service.world.worker().turn()

    def failure(self) -> str | None:
        """The code of the last operation, once a conductor has looked at it."""
        self.service.world.worker().turn()
        error = self.service.operation(self.uuid).error
        return str(error['code']) if error else None


@pytest.fixture
def bay(service: RunningService) -> Iterator[Bay]:
    made = Bay(service)
    yield made
    service.ask('DELETE', f'/clusters/{made.uuid}')
    service.world.build(made.uuid)


@pytest.mark.parametrize('purpose', ['admin', 'server', 'etcd', 'kubelet'])
def test_a_reader_has_no_server(bay: Bay, purpose: str) -> None:
    """The masters' token out of Heat, before any server exists."""
    for name in (bay.master, f'{bay.stack}-master-1', f'{bay.workers}0', 'kubernetes.default'):
        answer = bay.thief(name, 'master').ask(purpose)
        assert answer.status_code == 403, (name, answer.text)
    assert bay.failure() is None


def test_a_server_made_by_hand_is_no_node(bay: Bay) -> None:
    """Under the name of a node, in the bay's own project."""
    bay.service.cloud.boot(bay.master, 'member-user', ('10.66.0.1',))
    answer = bay.thief(bay.master, 'master').ask('admin')
    assert answer.status_code == 403, answer.text


def test_a_reader_who_is_faster_than_the_master_gets_nothing_that_lasts(bay: Bay) -> None:
    node = bay.node(bay.master, 'master')
    thief = bay.thief(bay.master, 'master')
    stolen = thief.ask('admin')
    late = node.ask('admin')
    assert late.status_code == 409, late.text
    assert 'bay.create.node_identity_conflict' in bay.service.events(bay.uuid)
    assert thief.ask('server').status_code == 401      # neither of them gets more
    assert bay.failure() == 'node_identity_conflict'
    shown = bay.service.ask('GET', f'/clusters/{bay.uuid}').json()
    assert shown['status'] == 'CREATE_FAILED'
    assert bay.master in shown['status_reason']
    # The authority that signed it is gone, and stays gone.
    assert stolen.status_code == 200
    assert bay.service.world.rows(models.KeyPair, bay_uuid=bay.uuid) == []
    bay.service.world.cloud.settle('FAILED', 'a node was refused')
    bay.change(3)
    assert bay.failure() == 'authority_missing'
    operations = bay.service.ask('GET', f'/clusters/{bay.uuid}/operations').json()['operations']
    failed = next(one for one in operations if one['verb'] == 'create')
    answer = bay.service.ask('POST', f'/operations/{failed["uuid"]}/actions/retry')
    assert answer.status_code == 202, answer.text
    bay.service.world.build(bay.uuid)
    with bay.service.database.reading() as session:
        trusted = bay.service.world.tools.certificates.trusted(session, bay.uuid)
    assert trusted
    assert thief.trust('admin').status_code == 401


def test_a_reader_who_is_slower_than_the_master_gets_nothing(bay: Bay) -> None:
    node, thief = bay.node(bay.master, 'master'), bay.thief(bay.master, 'master')
    assert node.ask('admin').status_code == 200
    assert thief.ask('admin').status_code == 409
    assert bay.failure() == 'node_identity_conflict'


def test_a_cancel_after_a_conflict_keeps_nothing_that_a_stranger_may_have(bay: Bay) -> None:
    node, thief = bay.node(bay.master, 'master'), bay.thief(bay.master, 'master')
    assert [thief.ask('admin').status_code, node.ask('admin').status_code] == [200, 409]
    operation = bay.service.operation(bay.uuid)
    answer = bay.service.ask('POST', f'/operations/{operation.uuid}/actions/cancel')
    assert answer.status_code == 202, answer.text
    bay.service.world.build(bay.uuid)
    assert bay.service.operation(bay.uuid).state == 'CANCELLED'
    assert bay.service.world.rows(models.KeyPair, bay_uuid=bay.uuid) == []
    assert thief.trust('admin').status_code == 401


def test_a_retried_request_of_a_node_is_no_conflict(bay: Bay) -> None:
    node = bay.node(bay.master, 'master')
    assert [node.ask('admin').status_code for _ in range(3)] == [200] * 3
    assert bay.failure() is None


@pytest.mark.parametrize('name', [
    'kubernetes.default.', 'kubernetes.default.svc.cluster.local.', 'x.svc.cluster.local',
    'localhost.', 'any-name-at-all',
])
def test_no_node_has_the_name_of_a_service(bay: Bay, name: str) -> None:
    # Even if the bay had a server of it.
    answer = bay.node(name, 'worker').ask('kubelet', [name])
    assert answer.status_code in (400, 403), answer.text
    worker = bay.node(f'{bay.workers}0', 'worker')
    assert worker.ask('kubelet', [name]).status_code == (200 if name == 'localhost.' else 400)


def test_a_workers_certificate_has_no_address_of_the_api(bay: Bay) -> None:
    bay.node(bay.master, 'master', '10.0.0.10', MASTER_ADDRESS)
    worker = bay.node(f'{bay.workers}0', 'worker', '10.0.0.20')
    asked = [SERVICE_ADDRESS, '10.0.0.10', MASTER_ADDRESS, '10.0.0.20', '127.0.0.1']
    assert names_in(worker.ask('kubelet', asked)) == {'10.0.0.20', '127.0.0.1'}


def test_a_master_has_the_apis_names_where_it_serves_it(bay: Bay) -> None:
    master = bay.node(bay.master, 'master', '10.0.0.10', MASTER_ADDRESS)
    asked = [SERVICE_ADDRESS, MASTER_ADDRESS, '8.8.8.8', 'kubernetes.default.', '10.0.0.10']
    assert names_in(master.ask('server', asked)) == {
        SERVICE_ADDRESS, MASTER_ADDRESS, '10.0.0.10', 'kubernetes.default'
    }
    assert names_in(master.ask('kubelet', [SERVICE_ADDRESS, '10.0.0.10'])) == {'10.0.0.10'}


def test_a_workers_token_opens_nothing_of_a_master(bay: Bay) -> None:
    bay.node(bay.master, 'master')
    for purpose in ('kubelet', 'admin', 'server'):
        assert bay.thief(bay.master, 'worker').ask(purpose).status_code == 403


@pytest.mark.parametrize('whose', ['worker', 'master'])
def test_nobody_takes_the_place_of_a_living_node(bay: Bay, whose: str) -> None:
    """With the workers' token of a resize; nor is the node cut off by it."""
    living = bay.build()
    bay.change(3)
    token = token_in_heat(bay.service, bay.stack, 'worker') or ''
    thief = Node(bay.service, bay.uuid, living[whose].name, token)
    answer = thief.ask('kubelet')
    assert answer.status_code == (409 if whose == 'worker' else 403), answer.text
    assert thief.trust('kubelet').status_code == 401
    assert living[whose].sign('authorities', whose, TRUSTS_NOTHING).status_code == 200
    assert bay.failure() == ('node_identity_conflict' if whose == 'worker' else None)
    shown = bay.service.ask('GET', f'/clusters/{bay.uuid}').json()
    assert shown['status'] == ('UPDATE_FAILED' if whose == 'worker' else 'UPDATE_IN_PROGRESS')


def test_nothing_is_armed_where_no_node_is_built(bay: Bay) -> None:
    """A scale-down has no token, and a workers' operation none of masters."""
    bay.build()
    # None of the nodes would say that they are drained.
    bay.service.world.conf.set_override('drain_timeout', 0, 'nodes')
    before = {role: bay.token(role) for role in ('master', 'worker')}
    bay.change(1)
    assert {role: bay.token(role) for role in before} == before     # those of the creation
    for role, name in (('master', bay.master), ('worker', f'{bay.workers}1')):
        assert bay.thief(name, role).ask('kubelet').status_code == 401
    bay.finish([bay.master], [f'{bay.workers}0'])
    bay.change(2)
    armed = bay.service.world.rows(models.BootstrapToken, bay_uuid=bay.uuid, armed=True)
    assert [row.role for row in armed] == ['worker']
    assert bay.token('master') == before['master']
    assert bay.thief(bay.master, 'master').ask('kubelet').status_code == 401


def test_a_key_of_a_worker_gets_no_more_in_a_rotation(bay: Bay) -> None:
    living = bay.build()
    assert bay.service.ask('PATCH', f'/certificates/{bay.uuid}').status_code == 202
    bay.service.world.worker().turn()
    worker = living['worker']
    asked = [SERVICE_ADDRESS, '10.0.0.10', MASTER_ADDRESS, '10.0.0.20']
    assert names_in(worker.reissue('kubelet', asked)) == {'10.0.0.20'}
    for names in (['kubernetes.default.'], ['*.svc.cluster.local'], [living['other'].name]):
        assert worker.reissue('kubelet', names).status_code == 400
    for purpose in ('admin', 'server', 'proxy'):
        assert worker.reissue(purpose).status_code == 401
    worker.name = living['master'].name
    assert worker.reissue('kubelet').status_code == 401


def test_the_key_of_a_certificate_is_not_the_node(bay: Bay) -> None:
    """Who reads a kubelet's key, as from a copy of its disk, does not speak for the node."""
    living = bay.build()
    node = living['other']
    assert bay.service.ask('PATCH', f'/certificates/{bay.uuid}').status_code == 202
    bay.service.world.worker().turn()
    assert node.trust('kubelet').status_code == node.reissue('kubelet').status_code == 401
    thief = Node(bay.service, bay.uuid, node.name)
    for path, document in (
        ('authorities', TRUSTS_NOTHING), ('certificates', {'requests': {'kubelet': 'x'}}),
    ):
        assert thief.sign(path, 'worker', document).status_code == 401
    assert node.sign('authorities', 'worker', TRUSTS_NOTHING).status_code == 200
    # An older one is taken at that word until it signs for the first time.
    older = living['worker']
    assert older.trust('kubelet').status_code == older.reissue('kubelet').status_code == 200
    assert older.sign('authorities', 'worker', TRUSTS_NOTHING).status_code == 200
    assert older.trust('kubelet').status_code == older.reissue('kubelet').status_code == 401


def test_one_look_at_the_cloud_for_a_node(bay: Bay) -> None:
    node, thief = bay.node(bay.master, 'master'), bay.thief(f'{bay.workers}0', 'worker')
    bay.service.cloud.requests.clear()
    for purpose in ('admin', 'server', 'kubelet', 'admin'):
        assert node.ask(purpose).status_code == 200
    thief.token = 'guessed'
    for _ in range(5):
        assert thief.ask('kubelet').status_code == 401
    asked = [line for line in bay.service.cloud.requests if 'servers' in line]
    assert len(asked) == 1


def test_a_name_that_no_server_has_is_looked_for_a_few_times(bay: Bay) -> None:
    thief = bay.thief(f'{bay.workers}1', 'worker')
    bay.service.cloud.requests.clear()
    statuses = [thief.ask('kubelet').status_code for _ in range(20)]
    assert set(statuses) == {403, 429}
    asked = [line for line in bay.service.cloud.requests if 'servers' in line]
    assert 1 <= len(asked) <= 10
