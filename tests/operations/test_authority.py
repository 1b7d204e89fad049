"""A bay gets another certificate authority while its nodes live."""

import copy
import dataclasses
import itertools
from typing import Any

import pytest
from cryptography import x509

from magnum.db import models
from magnum.drivers.contract import Observed
from tests.fakes.driver import FakeDriver
from tests.fakes.nodes import Bootstrap, FakeNode, SigningNode
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow

STEPS = (
    'expect_nodes', 'introduce_authority', 'await_introduction', 'switch_authority',
    'await_switch', 'rewrite_secrets', 'retire_authority', 'await_retirement',
)


class Bay:
    """A bay that is built, with a further group of two, and its nodes.

    The first worker is of an earlier release, and the others sign.
    """

    def __init__(self, world: World):
        self.world = world
        self.uuid = world.create(name='bay')
        world.build(self.uuid)
        world.add_nodegroup(self.uuid)
        world.build(self.uuid)
        self.service = Bootstrap(world.conf, world.database, world.tools.certificates)
        group = world.stack('gpu')['name']
        stack = next(
            living['name'] for living in world.cloud.living() if living['name'] != group
        )
        names = [f'{stack}-node-0', f'{group}-node-0', f'{group}-node-1']
        self.master: FakeNode = SigningNode(
            self.service, self.uuid, f'{stack}-master-0', 'master'
        )
        kinds = FakeNode, SigningNode, SigningNode
        self.nodes = [self.master, *(
            kind(self.service, self.uuid, name) for kind, name in zip(kinds, names, strict=True)
        )]

    def rotate(self) -> models.Operation:
        operation: models.Operation = self.world.ask('rotate_ca', self.uuid)
        return operation

    def turn(self) -> None:
        self.world.worker().turn()
        self.world.pass_time(11)

    def go_on(self, *followers: FakeNode, turns: int = 10) -> None:
        """The conductor and these nodes, by turns."""
        for _ in range(turns):
            self.turn()
            for node in followers:
                node.follow()
            assert all(a.accepts(b) for a, b in itertools.permutations(self.nodes, 2))

    def certificate(self, purpose: str) -> str | None:
        rows = self.world.rows(models.KeyPair, bay_uuid=self.uuid, purpose=purpose)
        return rows[0].certificate if rows else None

    def trusted(self) -> list[x509.Certificate]:
        with self.world.database.reading() as session:
            pem = self.world.tools.certificates.trusted(session, self.uuid)
        return x509.load_pem_x509_certificates((pem or '').encode())

    @property
    def operation(self) -> models.Operation:
        return self.world.operations(self.uuid)[-1]


@pytest.fixture
def bay(world: World) -> Bay:
    return Bay(world)


def test_every_node_follows(bay: Bay) -> None:
    (old,) = bay.trusted()
    bay.rotate()
    assert bay.world.bay(bay.uuid).status == 'UPDATE_IN_PROGRESS'
    bay.go_on(*bay.nodes)
    (new,) = bay.trusted()
    assert new.public_key() != old.public_key()
    assert new.subject == old.subject
    assert (bay.operation.state, bay.operation.error) == ('SUCCEEDED', None)
    assert bay.world.bay(bay.uuid).status == 'UPDATE_COMPLETE'
    for node in bay.nodes:
        x509.load_pem_x509_certificate(node.certificate.encode()).verify_directly_issued_by(new)
        assert x509.load_pem_x509_certificates(node.trusted.encode()) == [new]
    assert [bay.certificate(kind) for kind in ('ca-next', 'ca-former')] == [None, None]
    steps = bay.world.rows(models.OperationStep, operation_uuid=bay.operation.uuid)
    assert tuple(step.name for step in sorted(steps, key=lambda s: s.position)) == STEPS


def test_a_node_that_does_not_follow_stops_it_and_is_named(bay: Bay) -> None:
    deaf, *others = reversed(bay.nodes)
    bay.rotate()
    bay.go_on(*others)
    assert bay.operation.state == 'QUEUED'
    assert error_of(bay.operation)['code'] == 'nodes_behind'
    assert deaf.name in error_of(bay.operation)['reason']
    assert len(bay.trusted()) == 2          # the next one does not sign yet
    bay.world.pass_time(4000)
    bay.turn()
    assert error_of(bay.operation)['code'] == 'deadline_exceeded'
    assert deaf.name in error_of(bay.operation)['reason']
    assert bay.world.bay(bay.uuid).status == 'UPDATE_FAILED'
    assert all(a.accepts(b) for a, b in itertools.permutations(bay.nodes, 2))


@pytest.mark.parametrize('again', ['retry', 'rotate'])
@pytest.mark.parametrize('passed', [0, 1, 2])
def test_one_that_failed_is_continued(bay: Bay, passed: int, again: str) -> None:
    """After as many of its waits as were passed."""
    _, *others = reversed(bay.nodes)
    (old,) = bay.trusted()
    bay.rotate()
    for _ in range(passed):
        bay.turn()
        for node in bay.nodes:
            node.follow()
    bay.go_on(*others)
    bay.world.pass_time(4000)
    bay.turn()
    assert bay.operation.state == 'FAILED'
    begun = {bay.certificate(kind) for kind in ('ca', 'ca-next')} - {None}
    if again == 'retry':
        bay.world.about('retry', bay.operation)
    else:
        bay.rotate()
    bay.go_on(*bay.nodes)
    assert bay.operation.state == 'SUCCEEDED', bay.operation.error
    (new,) = bay.trusted()
    assert new.public_key() != old.public_key()
    # One whose last node was only late to forget the old authority is done
    # when it is tried again; asked for anew, it is another one.
    is_another = passed == 2 and again == 'rotate'
    assert (bay.certificate('ca') in begun) is not is_another


@pytest.mark.parametrize('kind', [FakeNode, SigningNode])
def test_a_node_that_was_taken_away_gets_nothing(bay: Bay, kind: type[FakeNode]) -> None:
    """Its key may be anywhere: a rotation is what shuts it out."""
    gone = kind(bay.service, bay.uuid, 'bay-gone-node-7')
    bay.rotate()
    bay.go_on(*bay.nodes, turns=3)
    assert gone.reissue().status_int == 401
    bay.go_on(*bay.nodes)
    assert bay.operation.state == 'SUCCEEDED'
    assert not any(node.accepts(gone) for node in bay.nodes)


def test_nor_before_the_first_step_of_another_rotation(bay: Bay) -> None:
    """When the list of nodes is still that of one which failed."""
    *_, gone = bay.nodes
    bay.rotate()
    bay.turn()
    bay.world.about('cancel', bay.operation)
    bay.turn()
    bay.rotate()
    assert gone.reissue().status_int == 401


@pytest.mark.parametrize('kind', [FakeNode, SigningNode])
def test_a_key_of_a_node_before_this_one_gets_nothing(bay: Bay, kind: type[FakeNode]) -> None:
    former = kind(bay.service, bay.uuid, bay.nodes[1].name)
    bay.nodes[1] = kind(bay.service, bay.uuid, former.name)
    bay.rotate()
    bay.turn()
    assert (former.ask().status_int, former.reissue().status_int) == (401, 401)
    bay.go_on(*bay.nodes)
    assert bay.operation.state == 'SUCCEEDED'


def test_certificates_are_given_anew_in_a_rotation_only(bay: Bay) -> None:
    for node in bay.nodes:
        assert node.reissue().status_int == 401
        assert node.news() is None
    bay.rotate()
    bay.go_on(*bay.nodes)
    assert {node.reissue().status_int for node in bay.nodes} == {401}


@pytest.mark.parametrize('is_signed', [False, True])
def test_who_has_the_key_of_a_certificate_does_not_follow_for_a_node(
    bay: Bay, is_signed: bool
) -> None:
    """As the node may have it on a disk that is read by others; it has asked before."""
    deaf, *others = reversed(bay.nodes)
    assert isinstance(deaf, SigningNode)
    assert deaf.news() is None
    thief: FakeNode
    if is_signed:
        thief = copy.copy(deaf)
        vars(thief)['own_key'] = deaf.key
    else:
        thief = FakeNode.__new__(FakeNode)
        vars(thief).update(vars(deaf))
    bay.rotate()
    bay.go_on(*others)
    assert (thief.ask().status_int, thief.reissue().status_int) == (401, 401)
    with bay.world.database.reading() as session:
        thief.trusted = bay.world.tools.certificates.trusted(session, bay.uuid) or ''
    assert thief.ask().status_int == 401
    bay.turn()
    assert error_of(bay.operation)['code'] == 'nodes_behind'
    assert deaf.name in error_of(bay.operation)['reason']
    bay.go_on(*bay.nodes)
    assert bay.operation.state == 'SUCCEEDED', bay.operation.error


def test_a_rotation_is_cancelled_and_goes_on_later(bay: Bay) -> None:
    bay.rotate()
    bay.turn()
    bay.world.about('cancel', bay.operation)
    bay.turn()
    assert bay.operation.state == 'CANCELLED'
    for node in bay.nodes:
        assert node.news()      # the next authority is known already
    bay.rotate()
    bay.go_on(*bay.nodes)
    assert bay.operation.state == 'SUCCEEDED'


def test_a_delete_takes_all_of_it(bay: Bay) -> None:
    bay.rotate()
    bay.turn()
    assert bay.world.rows(models.NodeTrust)
    bay.world.ask('delete', bay.uuid)
    bay.world.build(bay.uuid)
    assert not bay.world.has_bay(bay.uuid)
    assert bay.world.rows(models.NodeTrust) == bay.world.rows(models.KeyPair) == []
    assert [node.ask().status_int for node in bay.nodes] == [410, 401, 410, 410]


def test_new_nodes_come_with_what_is_trusted(bay: Bay) -> None:
    """Also between a rotation that failed and the one that ends it."""
    _, *others = reversed(bay.nodes)
    bay.rotate()
    bay.go_on(*others)
    bay.world.pass_time(4000)
    bay.turn()
    bay.world.ask('resize', bay.uuid, 2)
    bay.world.build(bay.uuid)
    new = FakeNode(bay.service, bay.uuid, bay.nodes[1].name.replace('node-0', 'node-1'))
    bay.nodes.append(new)
    bay.rotate()
    bay.go_on(*bay.nodes)
    assert bay.operation.state == 'SUCCEEDED', bay.operation.error


@pytest.mark.parametrize('what', ['node_names', 'master_names'])
def test_a_stack_that_does_not_name_its_nodes(
    bay: Bay, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Nobody would be waited for, and everybody cut off."""
    told = FakeDriver.read_outputs

    def silent(self: FakeDriver, *asked: Any) -> Observed:
        nothing: dict[str, Any] = {what: ()}
        return dataclasses.replace(told(self, *asked), **nothing)

    monkeypatch.setattr(FakeDriver, 'read_outputs', silent)
    bay.rotate()
    bay.turn()
    assert error_of(bay.operation)['code'] == 'count_mismatch'
    assert len(bay.trusted()) == 1


@pytest.mark.parametrize('was_failing', [False, True])
def test_groups_know_by_what_their_nodes_were_made(world: World, was_failing: bool) -> None:
    """The masters stay what they are when the workers are renewed."""
    uuid = world.create(name='bay')
    if was_failing:
        world.fail()
        world.ask('resize', uuid, 1)
    world.build(uuid)

    def versions() -> list[str | None]:
        groups = ('default-master', 'default-worker')
        return [world.nodegroup(group).template_version for group in groups]

    assert versions() == ['1', '1']
    world.ask('upgrade', uuid, world.new_baymodel())
    world.build(uuid)
    world.ask('resize', uuid, 3)
    world.build(uuid)
    assert versions() == ['1', '2']
