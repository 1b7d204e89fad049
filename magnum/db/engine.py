"""Connections and transactions.

oslo.db makes the engine (all ``[database]`` options, typed exceptions); this
module adds what the service relies on: READ COMMITTED on MariaDB, foreign
keys, WAL and immediate transactions on SQLite.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exc
from oslo_db import options as db_options
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import orm

from magnum.db import away
from magnum.db.commits import Commits

T = TypeVar('T')

#: Seconds for which a database that is away is tried again within one call.
_PATIENCE: Final = 10.0
_SQLITE_BUSY_TIMEOUT = 60_000  # milliseconds
_USED = 'magnum_used'
#: Seconds for which a connection that was just used is taken to be alive.
_TRUSTED = 1.0


class Database:
    """The one way to the database; made once per process, after any fork."""

    def __init__(self, conf: cfg.ConfigOpts, is_patient: bool = False):
        """Connect.

        :param is_patient: wait for as long as a statement takes: a migration
            may rewrite a large table.
        """
        db_options.set_defaults(conf, connection='sqlite:///$state_path/magnum.sqlite')
        self.engine: sa.Engine = _engine(conf, _prepare, is_patient)
        self.dialect: str = self.engine.dialect.name
        if self.dialect == 'sqlite':
            self.engine.connect().close()   # its errors are typed, the keeper's are not
        # The last connection to a file in WAL mode writes everything back when
        # it closes; oslo.db keeps none open between transactions.
        self._keeper = (
            self.engine.raw_connection() if self.dialect == 'sqlite' else None
        )
        self._writing = orm.sessionmaker(self.engine, expire_on_commit=False)
        self.commits = Commits(self.engine)
        # Readers have connections of their own, which begin and end no
        # transactions: at READ COMMITTED these would give them nothing, and
        # each costs two ways to the database and back. The same goes for who
        # writes with one statement.
        self._readers: sa.Engine = (
            self.engine.execution_options(magnum_reading=True)
            if self.dialect == 'sqlite' else _engine(conf, _prepare_reader, is_patient)
        )
        self._reading = orm.sessionmaker(self._readers, expire_on_commit=False)
        self._met: set[sa.Engine] = set()

    def close(self) -> None:
        """Let go of every connection."""
        if self._keeper is not None:
            self._keeper.close()
        self._readers.dispose()
        self.engine.dispose()

    @property
    def engines(self) -> tuple[sa.Engine, ...]:
        """All engines, for those who watch statements."""
        same = self.dialect == 'sqlite'
        return (self.engine,) if same else (self.engine, self._readers)

    def meet(self, engine: sa.Engine) -> None:
        """Make the first connection of an engine, once.

        SQLAlchemy asks a server then what it is, in several statements. When the
        connection breaks meanwhile, an error of another kind comes out of it.

        :raises DBConnectionError: it broke.
        """
        if engine in self._met:
            return
        try:
            engine.connect().close()
        except (sa.exc.ResourceClosedError, NotImplementedError) as error:
            raise db_exc.DBConnectionError(error) from error
        self._met.add(engine)

    @contextlib.contextmanager
    def writing(self) -> Iterator[orm.Session]:
        """One transaction: committed at the end, rolled back on an error.

        What is read and made in it stays readable afterwards.

        :raises OutcomeUnknown: see :mod:`magnum.db.commits`. After any other
            error nothing was committed.
        """
        self.meet(self.engine)
        with self._writing() as session:
            yield session
            self.commits.commit(session)

    @contextlib.contextmanager
    def reading(self) -> Iterator[orm.Session]:
        """A session that only reads; on SQLite it waits for no writer."""
        self.meet(self._readers)
        with self._reading() as session:
            yield session

    @contextlib.contextmanager
    def at_once(self) -> Iterator[sa.Connection]:
        """A connection on which each statement is a transaction of its own.

        For what comes so often that a session and a commit cost too much. It is not
        known whether a statement was carried out whose answer is lost: they are such
        that may be repeated.
        """
        self.meet(self._readers)
        with self._readers.connect() as connection:
            yield connection
            if self.dialect == 'sqlite':
                connection.commit()

    def run(self, work: Callable[[orm.Session], T]) -> T:
        """Run ``work`` in one transaction, wholly again where nothing was committed.

        ``work`` must have no effect but on the session.

        :raises OutcomeUnknown: it may have been committed.
        """

        def attempt() -> T:
            with self.writing() as session:
                return work(session)

        return self.retrying(attempt)

    def dry_run(self, work: Callable[[orm.Session], T]) -> T:
        """Run ``work`` as ``run`` does, and undo all of it."""

        def attempt() -> T:
            self.meet(self.engine)
            with self._writing() as session:
                try:
                    return work(session)
                finally:
                    session.rollback()

        return self.retrying(attempt)

    def retrying(self, call: Callable[[], T]) -> T:
        """Call again after a deadlock or a lost connection; ``call`` may run twice.

        A database that stays away is given up in bounded time.
        """
        give_up = time.monotonic() + _PATIENCE

        def may_come_back(error: Exception) -> bool:
            return isinstance(error, db_exc.DBConnectionError) and time.monotonic() < give_up

        retried = oslo_db_api.wrap_db_retry(
            max_retries=10, retry_interval=0.05, inc_retry_interval=True, max_retry_interval=2,
            jitter=True, retry_on_deadlock=True, exception_checker=may_come_back,
        )
        result: T = retried(call)()
        return result

    @property
    def skips_locked(self) -> bool:
        """Whether ``SELECT … FOR UPDATE SKIP LOCKED`` is to be had."""
        return self.dialect in ('mysql', 'mariadb', 'postgresql')


def _engine(
    conf: cfg.ConfigOpts, prepare: Callable[[sa.Engine], None], is_patient: bool
) -> sa.Engine:
    """An engine of oslo.db's with a pool of its own."""
    facade = enginefacade.transaction_context()
    # thread_checkin is for eventlet: it sleeps whenever a connection comes back.
    facade.configure(sqlite_fk=True, thread_checkin=False, **{
        name: conf.database[name]
        for name in (
            'connection', 'slave_connection', 'mysql_sql_mode', 'mysql_wsrep_sync_wait',
            'connection_debug', 'connection_trace', 'max_pool_size', 'max_overflow',
            'pool_timeout', 'connection_recycle_time',
        )
    }, connection_parameters=away.bounded(
        conf.database.connection, conf.database.connection_parameters, is_patient
    ), max_retries=0)   # console scripts wait for a database, requests must not
    facade.append_on_engine_create(prepare)
    engine: sa.Engine = facade.writer.get_engine()
    engine.hide_parameters = True       # errors are logged; oslo.db does not pass this on
    away.watch(engine)
    if engine.dialect.name != 'sqlite':
        _save_round_trips(engine)
    return engine


def _save_round_trips(engine: sa.Engine) -> None:
    """Ask the database only for what is wanted of it.

    SQLAlchemy would ping before each use of a connection and roll back after
    it; oslo.db leaves no way to choose. Sessions end what they begin, so the
    second is for nothing. The first is done for connections that have been
    idle long enough for the database to have gone away.
    """
    engine.pool._pre_ping = False
    engine.pool._reset_on_return = sa.pool.base.reset_none

    @sa.event.listens_for(engine, 'checkin')
    def note(_connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @sa.event.listens_for(engine, 'checkout')
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get(_USED)
        if used is None or time.monotonic() - used < _TRUSTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool takes another one.
            raise sa.exc.DisconnectionError from error


def _prepare_reader(engine: sa.Engine) -> None:
    _prepare(engine)
    if engine.dialect.name != 'sqlite':
        engine.dialect.skip_autocommit_rollback = True
        sa.event.listen(engine, 'connect', _commit_at_once)


def _commit_at_once(connection: Any, record: Any) -> None:
    if callable(getattr(connection, 'autocommit', None)):
        connection.autocommit(True)     # PyMySQL
    else:
        connection.autocommit = True


def _prepare(engine: sa.Engine) -> None:
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'connect', _prepare_sqlite)
        sa.event.listen(engine, 'before_cursor_execute', _begin_immediate, retval=True)
    elif engine.dialect.name in ('mysql', 'mariadb'):
        sa.event.listen(engine, 'connect', _prepare_mysql)


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.execute(f'PRAGMA busy_timeout = {_SQLITE_BUSY_TIMEOUT}')
    # Readers then do not wait for the writer, nor it for them.
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('PRAGMA synchronous = NORMAL')


def _prepare_mysql(connection: Any, record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')


def _begin_immediate(
    connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any,
    executemany: bool,
) -> tuple[str, Any]:
    """Let SQLite's writers queue for the lock when they begin.

    A transaction that reads first and writes later fails at once with
    "database is locked" if another one has written in between.
    """
    reading = connection.get_execution_options().get('magnum_reading', False)
    if statement == 'BEGIN' and not reading:
        statement = 'BEGIN IMMEDIATE'
    return statement, parameters
