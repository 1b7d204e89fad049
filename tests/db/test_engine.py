"""What the engine says to the database: no more than is wanted of it."""

import pathlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc
from oslo_db import options as db_options

from magnum import conf as magnum_conf
from magnum.db import away, models
from magnum.db.engine import Database
from magnum.domain.plain_text import first_line
from tests import databases


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[Database]:
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    db_options.set_defaults(conf)
    conf.set_override('connection', databases.url(tmp_path), 'database')
    made = Database(conf)
    databases.empty(made)
    yield made
    made.close()


def _sent(database: Database) -> int | None:
    """How many commands the reader's connection has sent, where that is counted."""
    if database.dialect not in ('mysql', 'mariadb'):
        return None
    with database.reading() as session:
        query = sa.text("SHOW SESSION STATUS LIKE 'Questions'")
        return int(session.execute(query).one()[1])


def test_a_look_costs_one_command(database: Database) -> None:
    before = _sent(database)
    with database.reading() as session:
        session.execute(sa.select(models.Quota)).all()
    after = _sent(database)
    if before is not None and after is not None:
        # The look, and the question that counts itself.
        assert after - before == 2


def test_a_reader_sees_what_was_written_meanwhile(database: Database) -> None:
    with database.reading() as reader:
        assert reader.scalars(sa.select(models.Quota)).all() == []
        with database.writing() as writer:
            writer.add(models.Quota(project_id='p', resource='Cluster'))
        if database.dialect != 'sqlite':  # where readers keep their view
            assert len(reader.scalars(sa.select(models.Quota)).all()) == 1
    with database.reading() as reader:
        assert len(reader.scalars(sa.select(models.Quota)).all()) == 1


def test_what_fails_is_undone(database: Database) -> None:
    def work(session: sa.orm.Session) -> None:
        session.add(models.Quota(project_id='p', resource='Cluster'))
        session.flush()
        raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            database.run(work)
    with database.writing() as session:
        assert session.scalars(sa.select(models.Quota)).all() == []


def test_a_rehearsal_leaves_nothing(database: Database) -> None:
    def work(session: sa.orm.Session) -> int:
        session.add(models.Quota(project_id='p', resource='Cluster'))
        session.flush()
        return len(session.scalars(sa.select(models.Quota)).all())

    assert database.rehearse(work) == 1
    with database.reading() as session:
        assert session.scalars(sa.select(models.Quota)).all() == []


def test_a_connection_that_the_database_dropped_is_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.dialect == 'sqlite':
        return
    with database.reading() as session:
        mine = session.scalar(sa.text(
            'SELECT pg_backend_pid()' if database.dialect == 'postgresql'
            else 'SELECT CONNECTION_ID()'
        ))
    kill = (
        f'SELECT pg_terminate_backend({mine})' if database.dialect == 'postgresql'
        else f'KILL {mine}'
    )
    with database.engine.connect() as other:
        other.execute(sa.text(kill))
    monkeypatch.setattr('magnum.db.engine._TRUSTED', 0.0)
    with database.reading() as session:
        assert session.scalars(sa.select(models.Quota)).all() == []


def test_every_connection_is_prepared(database: Database) -> None:
    if database.dialect not in ('mysql', 'mariadb'):
        return
    query = sa.text('SELECT @@SESSION.tx_isolation')
    with database.writing() as one, database.writing() as two:
        assert {one.scalar(query), two.scalar(query)} == {'READ-COMMITTED'}


def test_errors_have_no_values(database: Database) -> None:
    for engine in database.engines:
        with (
            pytest.raises((db_exc.DBError, sa.exc.SQLAlchemyError)) as met,
            engine.connect() as connection,
        ):
            connection.execute(sa.text('SELECT :value FROM nowhere'), {'value': 'a value'})
        assert 'SQL parameters hidden' in str(met.value)
        assert 'a value' not in first_line(met.value)


def test_a_migration_may_take_long() -> None:
    url = 'mysql+pymysql://u@h/d'
    assert 'read_timeout' in away.bounded(url, '')
    patient = away.bounded(url, 'charset=utf8', is_patient=True)
    assert (patient.count('timeout'), 'connect_timeout' in patient) == (1, True)
    assert patient.endswith('&charset=utf8')
