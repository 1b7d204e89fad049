"""Transactions, readers and errors, on every database."""

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc

from magnum.db import away, models
from magnum.db.engine import Database
from magnum.domain.plain_text import first_line


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


def test_a_dry_run_leaves_nothing(database: Database) -> None:
    def work(session: sa.orm.Session) -> int:
        session.add(models.Quota(project_id='p', resource='Cluster'))
        session.flush()
        return len(session.scalars(sa.select(models.Quota)).all())

    assert database.dry_run(work) == 1
    with database.reading() as session:
        assert session.scalars(sa.select(models.Quota)).all() == []


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
