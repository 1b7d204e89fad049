"""What the engines say to MariaDB: no more than is wanted of it."""

import concurrent.futures
import datetime
import pathlib
import time
import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from magnum import conf as magnum_conf
from magnum.db import models
from magnum.db.engine import Database
from magnum.db.repositories import node_watch, reports
from magnum.db.statements import database_now
from tests import databases


def _sent(database: Database) -> int:
    """How many commands the reader's connection has sent."""
    with database.reading() as session:
        query = sa.text("SHOW SESSION STATUS LIKE 'Questions'")
        return int(session.execute(query).one()[1])


def test_a_look_costs_one_command(database: Database) -> None:
    before = _sent(database)
    with database.reading() as session:
        session.execute(sa.select(models.Quota)).all()
    # The look, and the question that counts itself.
    assert _sent(database) - before == 2


def test_a_statement_at_once_costs_one_command(database: Database) -> None:
    _nodes(database, 1, datetime.datetime.now(datetime.UTC))
    before = _sent(database)
    with database.at_once() as connection:
        reports.hear(connection, [1])
    assert _sent(database) - before == 2


def test_every_connection_is_prepared(database: Database) -> None:
    query = sa.text('SELECT @@SESSION.tx_isolation')
    for engine in database.engines:
        with engine.connect() as one, engine.connect() as two:
            assert {one.scalar(query), two.scalar(query)} == {'READ-COMMITTED'}


def _rows_read(session: orm.Session) -> int:
    query = sa.text("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(int(value) for _, value in session.execute(query))


def _nodes(database: Database, bays: int, heard_at: datetime.datetime) -> list[str]:
    """Bays' nodes that have reported, five a bay; the uuids."""
    uuids = [str(uuid.UUID(int=number)) for number in range(bays)]
    with database.writing() as session:
        session.add_all(
            models.Node(
                bay_uuid=bay, role='worker', name=f'node-{number}', server_id='server',
                heard_at=heard_at,
            )
            for bay in uuids for number in range(5)
        )
    with database.writing() as session:
        session.execute(sa.text('ANALYZE TABLE node')).all()
    return uuids


def test_looks_at_nodes_read_those_with_news_only(database: Database) -> None:
    """IS TRUE and IS FALSE would have MariaDB read every row of an index."""
    with database.reading() as session:
        now = database_now(session)
    bay = _nodes(database, 100, now)[7]
    one = models.Node.__table__.c.name == 'node-3', models.Node.__table__.c.bay_uuid == bay
    after = datetime.timedelta(minutes=5)
    looks: list[Callable[[orm.Session], Any]] = [
        lambda session: node_watch.silent(session, after),
        node_watch.changed_bays,
        lambda session: node_watch.silence(session, after, node_watch.silent(session, after)),
        lambda session: node_watch.take_changed(session, bay),
    ]
    changes: list[dict[str, Any]] = [
        {}, {'is_changed': True}, {'heard_at': now - 2 * after, 'is_changed': False}
    ]
    for change in changes:
        if change:
            with database.writing() as session:
                session.execute(sa.update(models.Node).where(*one).values(**change))
        for look in looks:
            with database.writing() as session:
                before = _rows_read(session)
                look(session)
                assert _rows_read(session) - before < 30, (change, looks.index(look))


def test_a_report_that_meets_a_conductor_is_written_all_the_same(database: Database) -> None:
    """Each has locked what the other waits for; the report has changed less, and yields."""
    node = models.Node.__table__
    _nodes(database, 20, datetime.datetime.now(datetime.UTC))

    def report() -> None:
        with database.at_once() as connection:
            reports.store(connection, first, 7, {'is_changed': True})

    with database.writing() as session, concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = session.scalars(sa.select(node.c.id).order_by(node.c.id)).first()
        session.execute(sa.update(node).where(node.c.id != first).values(step='looked at'))
        # The entry of the node that a report moves, and not the node itself.
        session.execute(sa.text(
            'SELECT is_silent FROM node FORCE INDEX (ix_node_heard) '
            'WHERE is_silent = 0 AND heard_at > 0 LOCK IN SHARE MODE'
        )).all()
        reported = pool.submit(report)
        _wait_for_a_lock(database)
        session.execute(sa.update(node).where(node.c.id == first).values(step='looked at'))
        session.commit()
        reported.result(30)
    with database.reading() as session:
        found = session.get(models.Node, first)
        assert found is not None
        assert (found.sequence, found.step) == (7, 'looked at')


def test_reads_may_wait_for_the_cluster(tmp_path: pathlib.Path) -> None:
    """Of Galera: a server answers when it has what the others have."""
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    databases.configure(conf, databases.url(tmp_path))
    conf.set_override('mysql_wsrep_sync_wait', 3, 'database')
    made = Database(conf)
    for engine in made.engines:
        with engine.connect() as connection:
            assert connection.scalar(sa.text('SELECT @@wsrep_sync_wait')) == 3
    made.close()


def _wait_for_a_lock(database: Database) -> None:
    query = sa.text('SELECT COUNT(*) FROM information_schema.innodb_lock_waits')
    give_up = time.monotonic() + 30
    with database.reading() as session:
        while not session.scalar(query):
            assert time.monotonic() < give_up
            # InnoDB keeps what it has shown until nobody has asked for 0.1 s.
            time.sleep(0.25)
