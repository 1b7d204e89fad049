"""The migrations make what the models say, on the database at hand."""

import datetime
import pathlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from oslo_db import exception as db_exc

from magnum.db import migration, models
from magnum.db.engine import Database
from magnum.db.types import utcnow
from tests import databases

HEAD = '0018'


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[Database]:
    made = databases.connect(databases.url(tmp_path))
    _drop_everything(made)
    yield made
    _drop_everything(made)
    made.close()


def _drop_everything(database: Database) -> None:
    models.Base.metadata.drop_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(sa.text('DROP TABLE IF EXISTS alembic_version'))


def test_upgrade_from_nothing_gives_the_models(database: Database) -> None:
    assert migration.version(database) is None
    migration.upgrade(database)
    assert migration.version(database) == HEAD
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={'compare_type': False})
        assert compare_metadata(context, models.Base.metadata) == []


def test_upgrade_twice_is_nothing_new(database: Database) -> None:
    migration.upgrade(database)
    migration.upgrade(database)
    assert migration.version(database) == HEAD


def test_stamp(database: Database) -> None:
    migration.stamp(database, '0001')
    assert migration.version(database) == '0001'


def test_the_databases_clock_has_microseconds_and_moves(database: Database) -> None:
    with database.writing() as session:
        first = session.scalar(sa.select(utcnow()))
        assert first is not None
        assert first.tzinfo is not None
        while (second := session.scalar(sa.select(utcnow()))) == first:
            pass
    assert second is not None
    assert second > first


def test_times_come_back_as_they_went_in(database: Database) -> None:
    migration.upgrade(database)
    moment = datetime.datetime(2026, 3, 1, 12, 0, 0, 123456, datetime.UTC)
    with database.writing() as session:
        session.add(models.Quota(project_id='p', resource='Cluster', created_at=moment))
    with database.reading() as session:
        assert session.scalars(sa.select(models.Quota)).one().created_at == moment


def test_names_differ_by_case(database: Database) -> None:
    migration.upgrade(database)
    with database.writing() as session:
        session.add_all(
            models.Baymodel(name=name, coe='swarm', image_id='i') for name in ('kube', 'Kube')
        )
    with database.reading() as session:
        found = session.scalars(sa.select(models.Baymodel).filter_by(name='kube')).all()
    assert len(found) == 1


def test_a_baymodel_in_use_cannot_go(database: Database) -> None:
    migration.upgrade(database)
    with database.writing() as session:
        baymodel = models.Baymodel(name='m', coe='swarm', image_id='i')
        session.add(baymodel)
        session.flush()
        session.add(models.Bay(name='b', baymodel_id=baymodel.uuid, status='CREATE_COMPLETE'))
    with pytest.raises(db_exc.DBReferenceError), database.writing() as session:
        session.execute(sa.delete(models.Baymodel))


def test_nodes_of_a_rotation_that_is_under_way_keep_their_roles(database: Database) -> None:
    """0005: masters are known by the certificates that they hold."""
    migration.upgrade(database, '0004')
    now = datetime.datetime.now(datetime.UTC)
    tables = sa.MetaData()
    tables.reflect(database.engine, only=('node_trust', 'issued_certificate'))
    with database.engine.begin() as connection:
        for name in ('x-master-0', 'x-node-0'):
            connection.execute(tables.tables['node_trust'].insert().values(
                bay_uuid='b', node=name, bundle='', created_at=now
            ))
        for issued_to in ('master/x-master-0/server', 'worker/x-node-0/kubelet', 'me'):
            connection.execute(tables.tables['issued_certificate'].insert().values(
                bay_uuid='b', serial='1', subject='CN=x', fingerprint='f', not_before=now,
                not_after=now, issued_to=issued_to, created_at=now,
            ))
    migration.upgrade(database)
    with database.reading() as session:
        roles = {row.node: row.role for row in session.scalars(sa.select(models.NodeTrust))}
    assert roles == {'x-master-0': 'master', 'x-node-0': 'worker'}


def test_keys_that_the_service_never_used_are_forgotten(database: Database) -> None:
    """0007: authorities stay, those of a rotation too."""
    migration.upgrade(database, '0006')
    with database.writing() as session:
        session.add_all(
            models.KeyPair(bay_uuid='b', purpose=purpose, certificate='c', sealed_private_key='s')
            for purpose in ('ca', 'ca-next', 'service')
        )
    migration.upgrade(database)
    with database.reading() as session:
        assert set(session.scalars(sa.select(models.KeyPair.purpose))) == {'ca', 'ca-next'}
