"""Commits whose answer is lost.

A connection may break after the database has carried a COMMIT out and before
its answer came. Run again, the transaction would meet its own work: a second
baymodel, or a 409 because of what the request itself has just done.

So every transaction that wrote something also inserts a row of a key of its
own into ``commit_record``. When COMMIT fails, another connection asks what
became of the transaction: by inserting the same key. The key is unique, so

- that waits until the transaction is decided, where the server still commits;
- when the key is there, the transaction was committed, and its result holds;
- when it is not, the key is now taken by the question: whatever is still under
  way, the transaction can no longer be committed, and may be run again.

Keys begin with their time and are dropped when they are older than any
question may be, by the round after the one that found them so: the clocks of
hosts may differ. SQLite has no connection that could break.
"""

import datetime
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db.models import COMMIT_RECORD

LOG = logging.getLogger(__name__)

#: Seconds for which an answer is looked for; each look may take ``_WAIT`` more.
PATIENCE: Final = 10.0
_PAUSE: Final = 0.25  # seconds between two looks
_WAIT: Final = 3      # seconds for which a look waits until the server has decided
#: How long records are kept, by the clocks of those who wrote them.
KEPT: Final = datetime.timedelta(minutes=10)
#: Seconds between two rounds: far longer than anybody looks for an answer.
FORGET_INTERVAL: Final = 60.0
_BATCH: Final = 1000
_MOST: Final = 100_000  # records of a round

_WROTE: Final = 'magnum_wrote'

_INSERT: Final = COMMIT_RECORD.insert()
_IS_COMMITTED: Final = sa.select(COMMIT_RECORD.c.is_committed).where(
    COMMIT_RECORD.c.key == sa.bindparam('key')
)
_BOUND_WAITS: Final[Mapping[str, str]] = {
    'mysql': f'SET SESSION innodb_lock_wait_timeout = {_WAIT}',
    'mariadb': f'SET SESSION innodb_lock_wait_timeout = {_WAIT}',
    'postgresql': f"SET SESSION lock_timeout = '{_WAIT}s'",
}


class OutcomeUnknown(db_exc.DBError):
    """COMMIT was not answered, and the database cannot be asked what became of it.

    Not to be run again: the transaction may have been committed.
    """


class Commits:
    """Commits transactions, and knows whether they were."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine
        self._may_be_lost = engine.dialect.name != 'sqlite'
        #: Keys that the last round found to be old.
        self._old: Sequence[str] = ()
        if self._may_be_lost:
            sa.event.listen(engine, 'begin', _forget_writes)
            sa.event.listen(engine, 'after_cursor_execute', _note_writes)

    def commit(self, session: orm.Session) -> None:
        """Commit; an error means that nothing was committed.

        :raises OutcomeUnknown: something may have been committed.
        """
        session.flush()
        if not self._may_be_lost:
            session.commit()
            return
        connection = session.connection()
        wrote = connection.info.get(_WROTE, False)
        key = _new_key()
        if wrote:
            connection.execute(_INSERT, {'key': key, 'is_committed': True})
        try:
            session.commit()
        except Exception as error:
            if wrote and not self._was_committed(key, error):
                raise
            if wrote:
                LOG.warning(
                    'A commit was not answered, and had been carried out: %s',
                    type(error).__name__,
                )

    def _was_committed(self, key: str, error: Exception) -> bool:
        """Whether the transaction of a key was committed; if not, it never will be.

        :raises OutcomeUnknown: the database does not say.
        """
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                return self._decide(key)
            except (db_exc.DBError, sa.exc.SQLAlchemyError) as unasked:
                LOG.warning(
                    'What became of a commit cannot be asked yet: %s', type(unasked).__name__
                )
                if time.monotonic() > give_up:
                    raise OutcomeUnknown(error) from unasked
            time.sleep(_PAUSE)

    def _decide(self, key: str) -> bool:
        with self._engine.connect() as connection:
            try:
                connection.exec_driver_sql(_BOUND_WAITS[self._engine.dialect.name])
                connection.commit()
                try:
                    connection.execute(_INSERT, {'key': key, 'is_committed': False})
                    connection.commit()
                except db_exc.DBDuplicateEntry:
                    connection.rollback()
                # Not "False": an earlier question may have lost its own answer.
                return bool(connection.scalar(_IS_COMMITTED, {'key': key}))
            finally:
                connection.invalidate()     # others wait as long as is usual

    def forget(self) -> int:
        """Drop records that nobody asks for any more; how many.

        Transactions are of bounded size, and have no record: they may run twice.
        """
        key = COMMIT_RECORD.c.key
        dropped = 0
        for start in range(0, len(self._old), _BATCH):
            with self._engine.begin() as connection:
                batch = self._old[start:start + _BATCH]
                dropped += connection.execute(
                    COMMIT_RECORD.delete().where(key.in_(batch))
                ).rowcount
        too_old = key < _key_at(time.time() - KEPT.total_seconds())
        with self._engine.begin() as connection:
            self._old = connection.scalars(
                sa.select(key).where(too_old).order_by(key).limit(_MOST)
            ).all()
        return dropped


def _key_at(seconds: float) -> str:
    """What all keys made later are greater than."""
    return f'{int(seconds * 1000):012x}'


def _new_key() -> str:
    return _key_at(time.time()) + secrets.token_hex(10)


def _forget_writes(connection: sa.Connection) -> None:
    connection.info.pop(_WROTE, None)


def _note_writes(
    connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any,
    executemany: bool,
) -> None:
    # What matched no row changed nothing: idle conductors do that every second.
    if not statement.startswith('SELECT') and cursor.rowcount != 0:
        connection.info[_WROTE] = True
