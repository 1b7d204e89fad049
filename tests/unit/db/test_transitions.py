"""Whatever happens, in whatever order: an operation is never in two minds about its state."""

import datetime
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import orm, pool

from magnum.db import models
from magnum.db.repositories import claims, transitions, waiting
from magnum.domain import machine, states
from magnum.domain.machine import Event, EventNotAllowed

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
BAYS = ('first', 'second')
ENDED = frozenset({states.SUCCEEDED, states.OPERATION_FAILED, states.CANCELLED})
#: What comes with each column that an event may take.
GIVEN: dict[str, Any] = {
    'not_before': NOW, 'error': {'code': 'internal', 'reason': 'it failed'}, 'deadline': NOW,
    'found_failure': {'code': 'internal'}, 'finished_at': NOW, 'stack_id': 'stack',
    'stack_action': 'UPDATE', 'stack_updated_before': '', 'lease_expires_at': NOW,
    'worker': 'w', 'started_at': NOW,
}
#: Events of one operation, whose row its worker or a request holds.
OF_ONE = [
    event for event in machine.EVENTS
    if event not in (machine.ACCEPT, machine.ENQUEUE, machine.CLAIM)
]


def engine_with_tables() -> sa.Engine:
    engine = sa.create_engine('sqlite://', poolclass=pool.StaticPool)
    names = (models.Operation.__tablename__, models.OperationStep.__tablename__)
    tables = [models.Base.metadata.tables[name] for name in names]
    models.Base.metadata.create_all(engine, tables)
    return engine

#: Those of them that another state may follow, or that another event waits for.
MOVING = [
    event for event in OF_ONE
    if any(before != after for before, after in event.moves.items())
    or event in (machine.CANCEL, machine.GIVE_WAY)
]


@pytest.fixture
def session() -> Iterator[orm.Session]:
    engine = engine_with_tables()
    with orm.Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


def accept(session: orm.Session, bay: str) -> models.Operation:
    return transitions.insert(
        session, machine.ACCEPT, {'active_for': bay, 'deadline': NOW},
        bay_uuid=bay, bay_name=bay, verb=states.RESIZE, parameters={}, roles=[],
    )


def enqueue(session: orm.Session, bay: str) -> models.Operation:
    return transitions.insert(
        session, machine.ENQUEUE, {'deadline': NOW},
        bay_uuid=bay, bay_name=bay, verb=states.RESIZE, parameters={}, roles=[],
    )


def write(operation: models.Operation, event: Event) -> None:
    values = {**GIVEN, 'active_for': operation.bay_uuid}
    given = {column: values[column] for column in event.takes}
    transitions.write(operation, event, **given)


def snapshot(operation: models.Operation) -> dict[str, Any]:
    return {column: getattr(operation, column) for column in machine.COLUMNS}


def allowed(operation: models.Operation) -> list[Event]:
    return [event for event in OF_ONE if event.is_allowed(
        operation.state, operation.cancel_requested, operation.active_for is None
    )]


class Life:
    """Operations of two bays, and whatever may happen to them."""

    def __init__(self, session: orm.Session):
        self.session = session
        self.operations: list[models.Operation] = []
        self.ended: dict[str, dict[str, Any]] = {}
        self.fences: dict[str, int] = {}

    def step(self, number: int) -> None:
        """Do one of the things that may happen next; a number chooses which."""
        living = [one for one in self.operations if one.state not in ENDED]
        things: list[Callable[[], object]] = [
            *(functools.partial(self.ask, bay) for bay in BAYS),
            self.claim,
            lambda: waiting.wake_overdue(self.session),
            *(
                functools.partial(write, one, event)
                for one in living for event in self.events_of(one, number)
            ),
        ]
        things[number % len(things)]()
        self.session.flush()
        self.session.expire_all()
        self.check()

    def is_taken(self, bay: str) -> bool:
        return any(one.active_for == bay for one in self.operations)

    def events_of(self, operation: models.Operation, number: int) -> list[Event]:
        """The events that move it, and one of those that only note something."""
        events = [
            event for event in allowed(operation)
            if event is not machine.TURN or not self.is_taken(operation.bay_uuid)
        ]
        moving = [event for event in events if event in MOVING]
        noting = [event for event in events if event not in MOVING]
        return moving + noting[number % len(noting):][:1] if noting else moving

    def ask(self, bay: str) -> None:
        if not self.is_taken(bay):
            self.operations.append(accept(self.session, bay))
            return
        self.operations.append(enqueue(self.session, bay))
        with pytest.raises(sa.exc.IntegrityError), self.session.begin_nested():
            accept(self.session, bay)

    def claim(self) -> None:
        later = NOW + datetime.timedelta(seconds=1)
        for found in claims.claimable(self.session, later, datetime.timedelta(0), 10, False):
            assert claims.take(self.session, found, 'w', NOW)
            assert not claims.take(self.session, found, 'v', NOW), 'another was faster'

    def check(self) -> None:
        active = [one.active_for for one in self.operations if one.active_for is not None]
        assert len(active) == len(set(active))
        for one in self.operations:
            check_mind(one)
            assert one.fence >= self.fences.get(one.uuid, 0)
            self.fences[one.uuid] = one.fence
            if one.state in ENDED:
                assert self.ended.setdefault(one.uuid, snapshot(one)) == snapshot(one)
                assert allowed(one) == []
            else:
                assert one.uuid not in self.ended
            for event in set(OF_ONE) - set(allowed(one)):
                with pytest.raises(EventNotAllowed):
                    write(one, event)


def check_mind(one: models.Operation) -> None:
    """What holds of every operation, whatever came before."""
    is_running = one.state == states.RUNNING
    assert (one.worker is not None) == is_running
    assert (one.lease_expires_at is not None) == is_running
    assert (one.finished_at is not None) == (one.state in ENDED)
    if one.state in (states.PENDING, *ENDED):
        assert one.active_for is None
    elif one.active_for is None:
        assert is_running, "what a delete waits for is in some worker's hands"
        assert one.cancel_requested
    if one.state == states.WAITING:
        assert (one.phase, one.error) == (states.FINISH, None)
        assert not one.cancel_requested, 'nobody would stop it'
    if one.state == states.SUCCEEDED:
        assert one.error is None
    if one.state == states.OPERATION_FAILED:
        assert one.error is not None
        assert not one.cancel_requested
    if one.state == states.CANCELLED:
        assert one.cancel_requested
    if is_running:
        assert one.fence == one.attempts > 0
        assert one.started_at is not None


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9999), min_size=20, max_size=40))
def test_whatever_happens(numbers: list[int]) -> None:
    engine = engine_with_tables()
    with orm.Session(engine, expire_on_commit=False) as session:
        life = Life(session)
        for number in numbers:
            life.step(number)
    engine.dispose()


def test_every_event_can_happen(session: orm.Session) -> None:
    """A path to each, so that the table says nothing idle."""
    assert {event.name for event in machine.EVENTS} == {event.name for event in (
        machine.ACCEPT, machine.ENQUEUE, machine.CLAIM, *OF_ONE
    )}
    for event in OF_ONE:
        is_pending = states.PENDING in event.moves
        operation = (enqueue if is_pending else accept)(session, f'bay-{event.name}')
        if not is_pending and states.QUEUED not in event.moves:
            (found,) = claims.claimable(session, NOW, datetime.timedelta(0), 1, False)
            claims.take(session, found, 'w', NOW + datetime.timedelta(days=1))
            session.refresh(operation)
        if event.moves.keys() == {states.WAITING}:
            write(operation, machine.WAIT)
        if event.if_cancelled:
            write(operation, machine.CANCEL)
        write(operation, event)
        if operation.state not in ENDED:    # no other is to claim it
            session.delete(operation)
        session.flush()


def test_a_worker_that_was_dead_for_long_is_nobodys(session: orm.Session) -> None:
    """A claim of a lapsed lease raises the fence, and the former holder finds no row."""
    operation = accept(session, 'bay')
    (found,) = claims.claimable(session, NOW, datetime.timedelta(0), 1, False)
    assert claims.take(session, found, 'dead', NOW)
    later = NOW + datetime.timedelta(seconds=1)
    (again,) = claims.claimable(session, later, datetime.timedelta(0), 1, False)
    assert claims.take(session, again, 'living', later)
    assert not claims.hold(session, operation.uuid, found.fence + 1)
    assert claims.hold(session, operation.uuid, again.fence + 1)


def _claimed(session: orm.Session, worker: str) -> models.Operation:
    """An operation in a worker's hands, whose lease ends in a day."""
    operation = accept(session, 'bay')
    (found,) = claims.claimable(session, NOW, datetime.timedelta(0), 1, False)
    assert claims.take(session, found, worker, NOW + datetime.timedelta(days=1))
    session.refresh(operation)
    return operation


def test_the_work_of_a_worker_known_to_be_dead_is_taken_over_at_once(session: orm.Session) -> None:
    operation = _claimed(session, 'dead')
    later = NOW + datetime.timedelta(seconds=1)
    assert claims.claimable(session, later, datetime.timedelta(0), 1, False) == []
    claims.lapse(session, 'dead', NOW, ())
    session.refresh(operation)
    assert (operation.state, operation.lease_expires_at) == (states.RUNNING, NOW)
    (found,) = claims.claimable(session, later, datetime.timedelta(0), 1, False)
    assert claims.take(session, found, 'living', later)


@pytest.mark.parametrize('wake', [
    lambda session, operation: waiting.wake(session, [operation.id]),
    lambda session, _: waiting.wake_overdue(session),
], ids=['its stack has moved', 'it is overdue'])
def test_what_is_woken_is_claimed(
    session: orm.Session, wake: Callable[[orm.Session, models.Operation], int]
) -> None:
    operation = _claimed(session, 'w')
    write(operation, machine.WAIT)
    session.flush()
    later = NOW + datetime.timedelta(days=2)
    assert claims.claimable(session, later, datetime.timedelta(0), 1, False) == []
    assert wake(session, operation) == 1
    assert wake(session, operation) == 0, 'it waits no more'
    session.refresh(operation)
    assert (operation.state, operation.not_before) == (states.QUEUED, None)
    (found,) = claims.claimable(session, later, datetime.timedelta(0), 1, False)
    assert found.uuid == operation.uuid


@pytest.mark.parametrize('state', [states.QUEUED, states.WAITING])
def test_a_delete_takes_the_bay_from_what_nobody_works_on(
    session: orm.Session, state: str
) -> None:
    operation = accept(session, 'bay') if state == states.QUEUED else _claimed(session, 'w')
    if state == states.WAITING:
        write(operation, machine.WAIT)
    write(operation, machine.PREEMPT)
    assert (operation.state, operation.active_for) == (states.CANCELLED, None)
    assert operation.finished_at == NOW
    assert accept(session, 'bay').active_for == 'bay'


def test_a_delete_takes_nothing_out_of_a_workers_hands(session: orm.Session) -> None:
    operation = _claimed(session, 'w')
    with pytest.raises(EventNotAllowed):
        write(operation, machine.PREEMPT)
    write(operation, machine.GIVE_WAY)
    assert (operation.state, operation.active_for) == (states.RUNNING, None)


def test_what_only_a_later_release_can_do_is_left_to_it(session: orm.Session) -> None:
    operation = accept(session, 'bay')
    operation.verb = 'teleport'
    session.flush()
    assert claims.claimable(session, NOW, datetime.timedelta(0), 1, False) == []


def test_columns_are_given_by_name(session: orm.Session) -> None:
    operation = accept(session, 'bay')
    with pytest.raises(TypeError):
        transitions.write(operation, machine.CANCEL)
    with pytest.raises(TypeError):
        transitions.write(operation, machine.CANCEL, error={}, state=states.SUCCEEDED)
    with pytest.raises(TypeError):
        transitions.write_where(session, machine.STOP, error=None, finished_at=NOW)
