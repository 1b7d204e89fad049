"""Operations of one bay that go on side by side, each about a node group of its own."""

import collections
import concurrent.futures
import datetime
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain import states, turns
from magnum.operations.accept import create_nodegroup
from magnum.operations.accept.errors import OperationInProgress
from magnum.operations.claims import Claims
from magnum.operations.healer import Healer
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.reporters import Reporters
from tests.operations.conftest import REQUESTER, Killed, World, error_of
from tests.operations.test_node_reports import pass_time as pass_time_of_nodes

pytestmark = pytest.mark.slow


@pytest.fixture
def uuid(world: World) -> str:
    """A bay with two further node groups."""
    made = world.create(name='bay')
    world.build(made)
    for name in ('one', 'two'):
        world.add_nodegroup(made, name)
    world.build_all(made)
    return made


def _resize(world: World, uuid: str, name: str, count: int, **more: Any) -> models.Operation:
    made: models.Operation = world.ask(
        'resize', uuid, count, nodegroup_uuid=world.nodegroup(name).uuid, **more
    )
    return made


def _delete(world: World, uuid: str, name: str) -> models.Operation:
    made: models.Operation = world.ask('delete_nodegroup', uuid, world.nodegroup(name).uuid)
    return made


def _states(world: World, *operations: models.Operation) -> list[str]:
    return [world.again(one).state for one in operations]


def _is_exclusive(world: World, uuid: str) -> bool:
    """Whether what is active may go on side by side."""
    defaults = frozenset(
        group.uuid for group in world.rows(models.Nodegroup, bay_uuid=uuid, is_default=True)
    )
    parts = [
        turns.part_taken(one, defaults)
        for one in world.operations(uuid) if one.active_for is not None
    ]
    return not any(
        part.excludes(other)
        for number, part in enumerate(parts) for other in parts[:number]
    )


def test_different_groups_are_changed_at_once(world: World, uuid: str) -> None:
    asked = [
        _resize(world, uuid, 'one', 3),
        world.add_nodegroup(uuid, 'three'),
        _delete(world, uuid, 'two'),
    ]
    assert _states(world, *asked) == ['QUEUED'] * 3
    world.worker().turn()
    assert _states(world, *asked) == ['WAITING'] * 3        # Heat works on all of them
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    world.build_all(uuid)
    assert _states(world, *asked) == ['SUCCEEDED'] * 3
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == ('UPDATE_COMPLETE', None)
    assert len(world.nodegroup('one').node_addresses) == 3
    assert len(world.cloud.living()) == 3


def test_default_workers_beside_others(world: World, uuid: str) -> None:
    first = world.ask('resize', uuid, 3)
    beside = [_resize(world, uuid, 'one', 3), _delete(world, uuid, 'two')]
    assert _states(world, first, *beside) == ['QUEUED'] * 3
    world.build_all(uuid)
    assert _states(world, first, *beside) == ['SUCCEEDED'] * 3
    assert len(world.nodegroup('default-worker').node_addresses) == 3


def test_a_new_group_and_the_bays_own_stack(world: World, uuid: str) -> None:
    """It reads the outputs of the stack: not while that is changed, in the order of asking."""
    made = world.add_nodegroup(uuid, 'three')
    resize = world.ask('resize', uuid, 3)
    later = world.add_nodegroup(uuid, 'four')
    beside = _resize(world, uuid, 'one', 3)
    # What waits before it is not overtaken by the second creation.
    assert _states(world, made, resize, later, beside) == [
        'QUEUED', 'PENDING', 'PENDING', 'QUEUED',
    ]
    worker = world.worker()
    begun: list[str] = []
    for _ in range(30):
        worker.go_on()
        assert _is_exclusive(world, uuid)
        for one in (made, resize, later, beside):
            if world.again(one).state != states.PENDING and one.uuid not in begun:
                begun.append(one.uuid)
    assert begun == [made.uuid, beside.uuid, resize.uuid, later.uuid]
    assert _states(world, made, resize, later, beside) == ['SUCCEEDED'] * 4


@pytest.mark.parametrize('verb', ['upgrade', 'rotate_ca', 'rotate_credential'])
def test_what_is_about_the_bay_goes_on_alone(world: World, uuid: str, verb: str) -> None:
    args = [world.new_baymodel()] if verb == 'upgrade' else []
    first, second = _resize(world, uuid, 'one', 3), _resize(world, uuid, 'two', 3)
    alone = world.ask(verb, uuid, *args)
    worker = world.worker()
    while _states(world, alone) == ['PENDING']:
        assert _is_exclusive(world, uuid)
        worker.go_on()
    assert _states(world, first, second) == ['SUCCEEDED'] * 2
    assert world.again(alone).active_for == uuid
    waiting = [_resize(world, uuid, 'one', 1), _resize(world, uuid, 'two', 1)]
    assert _states(world, *waiting) == ['PENDING'] * 2
    world.about('cancel', alone)
    world.build_all(uuid)
    assert _states(world, alone, *waiting) == ['CANCELLED', 'SUCCEEDED', 'SUCCEEDED']


def test_no_more_go_on_than_may(world: World, uuid: str) -> None:
    world.conf.set_override('operations_per_bay', 2, 'conductor')
    asked = [world.add_nodegroup(uuid, f'pool-{number}') for number in range(5)]
    most = 0
    worker = world.worker()
    for _ in range(30):
        active = [one for one in world.operations(uuid) if one.active_for is not None]
        most = max(most, len(active))
        worker.go_on()
    assert most == 2
    assert _states(world, *asked) == ['SUCCEEDED'] * 5


def test_one_after_the_other_as_earlier_releases_know_it(world: World, uuid: str) -> None:
    world.conf.set_override('operations_per_bay', 1, 'conductor')
    first, second = _resize(world, uuid, 'one', 3), _resize(world, uuid, 'two', 3)
    assert (first.active_for, second.active_for) == (uuid, None)
    world.build_all(uuid)
    assert _states(world, first, second) == ['SUCCEEDED'] * 2


def test_what_an_earlier_release_began_is_alone(world: World, uuid: str) -> None:
    """Its operations take the bay, whichever group they are about."""
    first = _resize(world, uuid, 'one', 3)
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Operation).filter_by(uuid=first.uuid).values(active_for=uuid)
        )
    second = _resize(world, uuid, 'two', 3)
    assert second.state == 'PENDING'
    world.build_all(uuid)
    assert _states(world, first, second) == ['SUCCEEDED'] * 2


def test_removals_in_one_group_and_in_two(world: World, uuid: str) -> None:
    for name in ('one', 'two'):
        _resize(world, uuid, name, 4)
    world.build_all(uuid)
    first = _resize(world, uuid, 'one', 3, nodes_to_remove=('1',))
    merged = _resize(world, uuid, 'one', 2, nodes_to_remove=('2',))
    beside = _resize(world, uuid, 'two', 3, nodes_to_remove=('0',))
    assert merged.uuid == first.uuid
    assert _states(world, first, beside) == ['QUEUED'] * 2
    world.build_all(uuid)
    assert _states(world, first, beside) == ['SUCCEEDED'] * 2
    assert world.stack('one')['parameters']['removed'] == ['1', '2']
    assert world.stack('two')['parameters']['removed'] == ['0']


def _end(world: World, operation: models.Operation, outcome: str) -> None:
    """Let the stack of one operation end; the others go on."""
    stack_id = world.again(operation).stack_id
    world.cloud.settle(outcome, 'No valid host was found', only=stack_id)
    world.pass_time(30)
    worker = world.worker()
    worker.watch()
    worker.turn()


@pytest.mark.parametrize('is_first', [True, False])
def test_a_failure_is_not_hidden_by_the_success_of_another(
    world: World, uuid: str, is_first: bool
) -> None:
    fails, succeeds = _resize(world, uuid, 'one', 3), _resize(world, uuid, 'two', 3)
    world.worker().turn()
    if is_first:
        _end(world, fails, 'FAILED')
        bay = world.bay(uuid)
        assert bay.status == 'UPDATE_IN_PROGRESS'
        assert bay.status_reason == world.nodegroup('one').status_reason
    else:
        _end(world, succeeds, 'COMPLETE')
        assert world.bay(uuid).status_reason is None
        _end(world, fails, 'FAILED')
    world.build_all(uuid)
    assert _states(world, fails, succeeds) == ['FAILED', 'SUCCEEDED']
    assert world.statuses(uuid)['one'] == 'UPDATE_FAILED'
    assert world.statuses(uuid)['two'] == 'UPDATE_COMPLETE'
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == (
        'UPDATE_FAILED', world.nodegroup('one').status_reason,
    )
    assert error_of(world.again(fails))['reason'] in (world.bay(uuid).status_reason or '')


def test_what_failed_is_mended_while_another_goes_on(world: World, uuid: str) -> None:
    fails, other = _resize(world, uuid, 'one', 3), _resize(world, uuid, 'two', 3)
    world.worker().turn()
    _end(world, fails, 'FAILED')
    again = world.about('retry', fails)         # beside the other one
    assert _states(world, again, other) == ['QUEUED', 'WAITING']
    world.build_all(uuid)
    assert _states(world, again, other) == ['SUCCEEDED'] * 2
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == ('UPDATE_COMPLETE', None)


def test_a_retry_that_would_have_to_wait(world: World, uuid: str) -> None:
    fails = _resize(world, uuid, 'one', 3)
    world.fail()
    upgrade = world.ask('upgrade', uuid, world.new_baymodel())
    with pytest.raises(OperationInProgress) as refused:
        world.about('retry', fails)
    assert refused.value.active.uuid == upgrade.uuid


@pytest.mark.parametrize('state', ['QUEUED', 'RUNNING', 'WAITING'])
def test_one_is_cancelled_beside_another(world: World, uuid: str, state: str) -> None:
    cancelled, other = _resize(world, uuid, 'one', 3), _resize(world, uuid, 'two', 3)
    if state == 'RUNNING':
        assert len(world.worker('dead').claims.claim(10)) == 2
    if state == 'WAITING':
        world.worker().turn()
    assert world.again(cancelled).state == state
    world.about('cancel', cancelled)
    assert world.again(other).state == state
    world.pass_time(300)
    world.build_all(uuid)
    assert _states(world, cancelled, other) == ['CANCELLED', 'SUCCEEDED']
    assert world.statuses(uuid)['two'] == 'UPDATE_COMPLETE'
    assert (world.bay(uuid).status, world.bay(uuid).status_reason) == (
        'UPDATE_FAILED', world.nodegroup('one').status_reason,
    )


def test_a_worker_dies_with_two_at_once(world: World, uuid: str, die_at: Any) -> None:
    first, second = _resize(world, uuid, 'one', 3), _resize(world, uuid, 'two', 3)
    worker = world.worker('dead')
    claims = worker.claims.claim(10)
    assert len(claims) == 2
    for claim in claims:
        die_at('after:orchestration.update_stack')
        with pytest.raises(Killed):
            worker.runner.run(claim)
    world.pass_time(300)
    world.build_all(uuid)
    assert _states(world, first, second) == ['SUCCEEDED'] * 2
    assert {len(world.nodegroup(name).node_addresses) for name in ('one', 'two')} == {3}


@pytest.mark.parametrize('acknowledges', [True, False])
def test_a_delete_of_the_bay_waits_for_every_worker(
    world: World, uuid: str, acknowledges: bool
) -> None:
    """Of those that it pre-empts: until they have let go, or their leases have passed."""
    held = [_resize(world, uuid, 'one', 3), world.add_nodegroup(uuid, 'three')]
    workers = [world.worker('w1'), world.worker('w2')]
    claims = [worker.claims.claim(1)[0] for worker in workers]
    untouched = _resize(world, uuid, 'two', 3)
    waiting = world.ask('resize', uuid, 5)
    delete = world.ask('delete', uuid)
    assert _states(world, *held, untouched, waiting) == [
        'RUNNING', 'RUNNING', 'CANCELLED', 'CANCELLED',
    ]
    assert world.statuses(uuid)['bay'] == 'DELETE_IN_PROGRESS'
    # The last to have claimed, whose lease is the longest, lets go first.
    for worker, claim in reversed([*zip(workers, claims, strict=True)]):
        assert world.worker('w3').claims.claim(10) == []
        if acknowledges:
            worker.runner.run(claim)
    if not acknowledges:
        world.pass_time(300)
    world.build_all(uuid)
    assert world.again(delete).state == 'SUCCEEDED'
    assert (world.has_bay(uuid), world.cloud.living(), world.cloud.users) == (False, [], {})
    assert _states(world, *held) == ['CANCELLED'] * 2


def test_one_bay_does_not_keep_others_from_their_workers(world: World, uuid: str) -> None:
    for number in range(5):
        world.add_nodegroup(uuid, f'pool-{number}')
    other = world.create(name='other')
    claimed = world.worker().claims.claim(2)
    assert {claim.bay_uuid for claim in claimed} == {uuid, other}


def test_requests_race_for_one_bay(world: World, uuid: str) -> None:
    """What excludes each other is never active at once, whatever comes at the same moment."""
    together = threading.Barrier(8)
    target = world.new_baymodel()

    def ask(number: int) -> None:
        together.wait(30)
        try:
            match number % 4:
                case 0:
                    world.ask('upgrade', uuid, target)
                case 1:
                    _resize(world, uuid, 'one', 2 + number)
                case 2:
                    world.add_nodegroup(uuid, f'pool-{number}')
                case _:
                    world.ask('resize', uuid, 2 + number)
        except OperationInProgress:
            return

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(ask, number) for number in range(8)]:
            future.result(120)
    active = [one for one in world.operations(uuid) if one.active_for is not None]
    assert active
    assert _is_exclusive(world, uuid)
    kinds = collections.Counter(one.verb for one in active)
    assert kinds['upgrade'] == 0 or len(active) == 1


def test_the_look_at_what_is_active_takes_the_bay(world: World, uuid: str) -> None:
    """Nobody else begins anything between it and what it leads to, also without a lock of theirs.

    SQLite has one writer at a time anyway.
    """
    bay, looked, asked = world.bay(uuid), threading.Event(), threading.Event()

    def look() -> None:
        def work(session: Any) -> None:
            assert locking.active_operations(session, uuid) == []
            looked.set()
            assert not asked.wait(1.0)

        world.database.run(work)

    def ask() -> None:
        def work(session: Any) -> None:
            create_nodegroup.accept(
                world.conf, session, session.merge(bay),
                models.Nodegroup(
                    name='late', role='gpu', node_count=1, flavor_id='m1', image_id='debian',
                    labels={},
                ),
                REQUESTER,
            )

        assert looked.wait(30)
        world.database.run(work)
        asked.set()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(look), pool.submit(ask)]:
            future.result(60)
    assert asked.is_set()


def test_two_of_one_group_are_refused_by_the_database(world: World, uuid: str) -> None:
    first = _resize(world, uuid, 'one', 3)
    second = _resize(world, uuid, 'two', 3)
    with pytest.raises(db_exc.DBDuplicateEntry), world.database.writing() as session:
        session.execute(
            sa.update(models.Operation)
            .filter_by(uuid=second.uuid)
            .values(active_for=first.active_for)
        )


def test_workers_claim_several_of_a_bay(world: World, uuid: str) -> None:
    _resize(world, uuid, 'one', 3)
    _resize(world, uuid, 'two', 3)
    claims = [Claims(world.database, f'w{n}', lease=120, client_timeout=60) for n in range(3)]
    taken = [claim.operation_uuid for own in claims for claim in own.claim(1)]
    assert len(taken) == len(set(taken)) == 2


# Nodes ---------------------------------------------------------------------
def _nodes(world: World, uuid: str, group: str | None = None) -> Reporters:
    made = Reporters(world.conf, world.database, world.tools.certificates, uuid, group)
    made.report()
    return made


def test_a_node_that_fails_fails_the_operation_of_its_group(world: World, uuid: str) -> None:
    made = [world.add_nodegroup(uuid, name) for name in ('three', 'four')]
    world.worker().turn()
    world.cloud.settle()
    nodes = {name: _nodes(world, uuid, name) for name in ('three', 'four')}
    failed = nodes['three'].workers[0]
    nodes['three'].report(failed, state='failed', step='join', lines=['no route'])
    first, second = (world.again(one) for one in made)
    assert (first.found_failure or {})['resource'] == failed
    assert second.found_failure is None
    (event,) = world.rows(models.Event, kind='bay.node.failed')
    assert event.operation_uuid == first.uuid


def test_what_nodes_say_is_of_the_operation_of_their_group(world: World, uuid: str) -> None:
    made = [world.add_nodegroup(uuid, name) for name in ('three', 'four')]
    world.worker().turn()
    world.cloud.settle()
    names = {}
    for name, operation in zip(('three', 'four'), made, strict=True):
        nodes = _nodes(world, uuid, name)
        nodes.report(state='ready')
        names.update(dict.fromkeys(nodes.workers, operation.uuid))
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()
    ready = world.rows(models.Event, kind='bay.node.ready')
    assert {
        event.message.split()[1].rstrip(':'): event.operation_uuid for event in ready
    } == names


def test_a_master_drains_for_one_after_the_other(world: World, uuid: str) -> None:
    """The time of the second begins when the first is done."""
    masters = _nodes(world, uuid)
    groups = {name: _nodes(world, uuid, name) for name in ('one', 'two')}
    asked = {name: _resize(world, uuid, name, 1) for name in groups}
    world.worker().turn()
    (first,) = masters.report(*masters.masters)
    assert first['parameters']['nodes'] == [groups['one'].workers[1]]

    def pass_time(seconds: float) -> None:
        with world.database.writing() as session:
            for one in session.scalars(sa.select(models.Directive)):
                one.created_at -= datetime.timedelta(seconds=seconds)
        world.go_on_soon()

    pass_time(240)      # of 300, as a slow machine takes some, too
    assert masters.report(*masters.masters) == [first]
    masters.result(masters.masters[0], first['id'])
    pass_time(240)
    (second,) = masters.report(*masters.masters)
    assert second['parameters']['nodes'] == [groups['two'].workers[1]]
    masters.result(masters.masters[0], second['id'])
    world.go_on_soon()
    told = {
        event.operation_uuid: event.kind for event in world.rows(models.Event)
        if event.kind.endswith('drained')
    }
    assert told == {one.uuid: 'bay.resize.drained' for one in asked.values()}


def test_lost_nodes_are_replaced_while_another_group_changes(world: World, uuid: str) -> None:
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).labels = {'auto_healing_enabled': 'true'}
    nodes = [_nodes(world, uuid), *(_nodes(world, uuid, name) for name in ('one', 'two'))]
    world.conf.set_override('drain_timeout', 0, 'nodes')
    lost = nodes[1].workers[0]
    others = {name for of_group in nodes for name in of_group.names} - {lost}
    pass_time_of_nodes(world, 400, *others)
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()
    seconds = 0.0
    healer = Healer(world.conf, world.database, world.tools.drivers, lambda: seconds)
    in_the_way = _resize(world, uuid, 'one', 3)
    assert healer.look() == 0
    seconds = 400
    assert healer.look() == 0           # the group itself changes
    world.about('cancel', in_the_way)
    with world.database.writing() as session:       # as if that had not failed
        session.merge(world.bay(uuid)).status = 'UPDATE_COMPLETE'
        session.execute(sa.update(models.Bay).values(status_reason=None))
    beside = _resize(world, uuid, 'two', 3)
    assert healer.look() == 1
    healing = world.operations(uuid)[-1]
    assert healing.active_for == world.nodegroup('one').uuid
    world.build_all(uuid)
    assert _states(world, beside, healing) == ['SUCCEEDED'] * 2
