"""What is dropped after a time, and what is not."""

import datetime

import pytest
import sqlalchemy as sa

from magnum.conductor.purge import Purge
from magnum.db import models
from magnum.db.repositories import history, idempotency
from tests.operations.conftest import World

HISTORY = (models.Operation, models.OperationStep, models.Event)


def _build_and_delete(world: World) -> str:
    uuid = world.create()
    world.build(uuid)
    world.ask('delete', uuid)
    world.build(uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    return uuid


def _end_earlier(world: World, bay_uuid: str, days: float, verb: str | None = None) -> None:
    """Let a bay's operations have ended that much earlier."""
    with world.database.writing() as session:
        for operation in session.scalars(sa.select(models.Operation).filter_by(bay_uuid=bay_uuid)):
            if verb in (None, operation.verb) and operation.finished_at is not None:
                operation.finished_at -= datetime.timedelta(days=days)


def _counts(world: World, bay_uuid: str) -> list[int]:
    operations = world.operations(bay_uuid)
    steps = [
        step for operation in operations
        for step in world.rows(models.OperationStep, operation_uuid=operation.uuid)
    ]
    return [len(operations), len(steps), len(world.rows(models.Event, bay_uuid=bay_uuid))]


@pytest.mark.parametrize('rows', [1000, 3])
def test_the_history_of_a_bay_long_gone_is_dropped_as_a_whole(
    world: World, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(history, 'ROWS', rows)
    long_gone, gone, there = _build_and_delete(world), _build_and_delete(world), world.create()
    world.build(there)
    _end_earlier(world, long_gone, 31)
    _end_earlier(world, gone, 29)
    # One operation of it is old; its delete is not.
    _end_earlier(world, gone, 31, verb='create')
    _end_earlier(world, there, 31)
    before = _counts(world, gone), _counts(world, there)
    assert all(count > 0 for counts in before for count in counts)

    Purge(world.conf, world.database).run()

    assert _counts(world, long_gone) == [0, 0, 0]
    assert (_counts(world, gone), _counts(world, there)) == before


def test_one_transaction_drops_no_more_than_it_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, 'ROWS', 3)
    _end_earlier(world, _build_and_delete(world), 31)
    dropped = world.database.run(
        lambda session: history.purge(session, datetime.timedelta(days=30))
    )
    assert dropped == 3


def test_keys_past_their_lifetime_are_dropped(world: World) -> None:
    lifetime = datetime.timedelta(hours=world.conf.api.idempotency_key_lifetime)
    with world.database.writing() as session:
        for name in ('old', 'new'):
            entry = idempotency.Entry('owner', name, 'request')
            idempotency.insert(session, entry, lifetime, 201, {}, '{}')
    with world.database.writing() as session:
        old = session.scalars(sa.select(models.IdempotencyKey).filter_by(key='old')).one()
        old.created_at -= lifetime + datetime.timedelta(minutes=1)
    Purge(world.conf, world.database).run()
    assert [row.key for row in world.rows(models.IdempotencyKey)] == ['new']
