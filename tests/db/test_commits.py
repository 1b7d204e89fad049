"""A connection that breaks at a COMMIT, on databases that have connections."""

import datetime
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db import commits, models
from magnum.db.commits import OutcomeUnknown
from magnum.db.engine import Database
from tests import databases
from tests.fakes.lossy_database import Loss, LossyDatabase

EACH_LOSS = pytest.mark.parametrize('loss', [Loss.ANSWER, Loss.COMMIT, Loss.LATE])


@pytest.fixture
def lossy(tmp_path: pathlib.Path) -> Iterator[LossyDatabase]:
    proxy = LossyDatabase(databases.url(tmp_path))
    yield proxy
    proxy.stop()


@pytest.fixture
def database(lossy: LossyDatabase) -> Iterator[Database]:
    made = databases.connect(lossy.url)
    databases.empty(made)
    yield made
    made.close()


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return sorted(session.scalars(sa.select(models.Baymodel.name)))


def records(database: Database) -> list[Any]:
    with database.reading() as session:
        return list(session.execute(sa.select(models.COMMIT_RECORD)))


def add(session: orm.Session) -> models.Baymodel:
    baymodel = models.Baymodel(name='m', coe='swarm', image_id='i')
    session.add(baymodel)
    return baymodel


@EACH_LOSS
def test_a_transaction_is_carried_out_once(
    database: Database, lossy: LossyDatabase, loss: Loss
) -> None:
    lossy.lose({1: loss})
    made = database.run(add)
    assert (lossy.lost, made.name, names(database)) == (1, 'm', ['m'])
    with database.reading() as session:
        assert session.scalar(sa.select(models.Baymodel.uuid)) == made.uuid


@EACH_LOSS
def test_what_was_committed_once_is_not_run_again(
    database: Database, lossy: LossyDatabase, loss: Loss
) -> None:
    runs: list[orm.Session] = []

    def work(session: orm.Session) -> None:
        runs.append(session)
        add(session)

    lossy.lose({1: loss})
    database.run(work)
    assert len(runs) == (2 if loss is Loss.COMMIT else 1)


@EACH_LOSS
def test_what_was_loaded_stays_readable(
    database: Database, lossy: LossyDatabase, loss: Loss
) -> None:
    database.run(add)

    def work(session: orm.Session) -> models.Baymodel:
        loaded = session.scalars(sa.select(models.Baymodel)).one()
        loaded.name = 'new'
        return loaded

    lossy.lose({1: loss})
    assert database.run(work).name == 'new'


@EACH_LOSS
def test_a_context_whose_commit_is_lost(
    database: Database, lossy: LossyDatabase, loss: Loss
) -> None:
    """Nobody runs it again, but it says whether it was carried out."""
    lossy.lose({1: loss})
    try:
        with database.writing() as session:
            made = add(session)
    except db_exc.DBConnectionError:
        assert (loss, names(database)) == (Loss.COMMIT, [])
    else:
        assert (loss is not Loss.COMMIT, made.name, names(database)) == (True, 'm', ['m'])


def test_a_question_may_lose_its_answers_too(
    database: Database, lossy: LossyDatabase
) -> None:
    # The second COMMIT does not belong to the question, but to its setting.
    lossy.lose(dict.fromkeys(range(1, 6), Loss.ANSWER))
    database.run(add)
    assert (lossy.lost, names(database)) == (5, ['m'])
    lossy.lose({1: Loss.COMMIT, **dict.fromkeys(range(2, 6), Loss.ANSWER)})
    database.run(add)
    assert (lossy.lost, names(database)) == (5, ['m', 'm'])


@EACH_LOSS
def test_what_wrote_nothing_has_nothing_to_lose(
    database: Database, lossy: LossyDatabase, loss: Loss
) -> None:
    before = records(database)
    lossy.lose({1: loss})
    with database.writing() as session:
        found = session.execute(sa.select(models.Baymodel.id).with_for_update()).all()
    assert (lossy.commits, lossy.lost, found) == (1, 1, [])
    assert records(database) == before


@pytest.mark.parametrize('change', [
    sa.update(models.Quota).values(hard_limit=2), sa.delete(models.Quota),
    sa.text("UPDATE quota SET resource = 'x'"),
], ids=['update', 'delete', 'text'])
def test_what_changed_nothing_has_no_record(database: Database, change: sa.Executable) -> None:
    before = records(database)
    with database.writing() as session:
        session.execute(change)
    assert records(database) == before


@EACH_LOSS
@pytest.mark.parametrize('write', [
    lambda session: session.execute(sa.update(models.Quota).values(hard_limit=2)),
    lambda session: session.execute(sa.delete(models.Quota)),
    lambda session: session.execute(sa.text("UPDATE quota SET resource = 'x'")),
    lambda session: session.delete(session.scalars(sa.select(models.Quota)).one()),
    lambda session: setattr(
        session.scalars(sa.select(models.Quota)).one(), 'hard_limit', 3
    ),
], ids=['update', 'delete', 'text', 'object deleted', 'object changed'])
def test_every_kind_of_write_is_known(
    database: Database, lossy: LossyDatabase, loss: Loss,
    write: Callable[[orm.Session], Any],
) -> None:
    with database.writing() as session:
        session.add(models.Quota(project_id='p', resource='Cluster', hard_limit=1))
    before = len(records(database))
    runs: list[None] = []

    def work(session: orm.Session) -> None:
        runs.append(None)
        write(session)

    lossy.lose({1: loss})
    database.run(work)
    assert len(runs) == (2 if loss is Loss.COMMIT else 1)
    # That it was not committed is on record, too.
    assert len(records(database)) == before + len(runs)


def test_what_breaks_before_its_commit_runs_again(
    database: Database, lossy: LossyDatabase
) -> None:
    runs: list[None] = []

    def work(session: orm.Session) -> None:
        runs.append(None)
        add(session)
        session.flush()
        if len(runs) == 1:
            lossy.cut()
        add(session)
        session.flush()

    database.run(work)
    assert (len(runs), names(database)) == (2, ['m', 'm'])


def test_nobody_knows_while_the_server_has_not_decided(
    database: Database, lossy: LossyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a network holds COMMIT back: it is not run again, and nobody waits long."""
    monkeypatch.setattr(commits, 'PATIENCE', 0.0)
    lossy.lose({1: Loss.HELD})
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        database.run(add)
    assert time.monotonic() - began < 10
    lossy.release()
    while not names(database):
        time.sleep(0.05)
    assert names(database) == ['m']


def test_a_database_that_is_away_for_a_moment_is_asked_again(
    database: Database, lossy: LossyDatabase
) -> None:
    lossy.on_loss = lambda: setattr(lossy, 'refuses', True)
    lossy.lose({1: Loss.ANSWER})
    comes_back = threading.Timer(1.0, lambda: setattr(lossy, 'refuses', False))
    comes_back.start()
    database.run(add)
    comes_back.join()
    assert (lossy.lost, names(database)) == (1, ['m'])


def test_nobody_knows_while_the_database_is_away(
    database: Database, lossy: LossyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, 'PATIENCE', 0.5)
    lossy.on_loss = lambda: setattr(lossy, 'refuses', True)
    lossy.lose({1: Loss.ANSWER})
    with pytest.raises(OutcomeUnknown):
        database.run(add)
    lossy.refuses = False
    assert names(database) == ['m']


def test_records_are_dropped_when_nobody_asks_for_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, '_BATCH', 2)
    for _ in range(5):
        database.run(add)
    before = len(records(database))
    assert before >= 5
    assert _forgotten(database) == [0, 0]
    with database.engine.begin() as connection:
        old = f'{0:012x}'
        connection.execute(models.COMMIT_RECORD.insert(), [
            {'key': f'{old}{number}', 'is_committed': True} for number in range(5)
        ])
    assert _forgotten(database) == [0, 5]
    assert len(records(database)) == before
    monkeypatch.setattr(commits, 'KEPT', datetime.timedelta(seconds=-1))
    assert _forgotten(database) == [0, before]
    assert _forgotten(database) == [0, 0]


def _forgotten(database: Database) -> list[int]:
    return [database.commits.forget() for _ in range(2)]


@EACH_LOSS
@pytest.mark.parametrize('ahead', [0, 11, -11], ids=lambda ahead: f'{ahead} minutes')
def test_clocks_that_differ_make_nothing_run_twice(
    database: Database, lossy: LossyDatabase, monkeypatch: pytest.MonkeyPatch, loss: Loss,
    ahead: int,
) -> None:
    """A conductor drops records while one of them is asked for."""
    new_key, decide = commits._new_key, database.commits._decide

    def key_of_another_clock() -> str:
        moment = int(new_key()[:12], 16) - ahead * 60_000
        return f'{moment:012x}{new_key()[12:]}'

    def decide_late(key: str) -> bool:
        database.commits.forget()
        return decide(key)

    database.commits.forget()
    monkeypatch.setattr(commits, '_new_key', key_of_another_clock)
    monkeypatch.setattr(database.commits, '_decide', decide_late)
    runs: list[None] = []

    def work(session: orm.Session) -> None:
        runs.append(None)
        add(session)

    lossy.lose({1: loss})
    database.run(work)
    assert len(runs) == (2 if loss is Loss.COMMIT else 1)
    assert names(database) == ['m']
