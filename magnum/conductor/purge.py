"""Purge of expired rows, in transactions of bounded size."""

import datetime
from collections.abc import Callable
from typing import Final

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.db.engine import Database
from magnum.db.repositories import history, idempotency

LOG = logging.getLogger(__name__)

#: Seconds between two rounds.
INTERVAL: Final = 3600.0
#: Transactions of one round; the next one goes on.
_TURNS: Final = 100


class Purge:
    """Idempotency keys past their lifetime, and the history of bays long gone.

    Conductors need not agree on who does it: what is gone is gone.
    """

    def __init__(self, conf: cfg.ConfigOpts, database: Database):
        self._database = database
        self._lifetime = datetime.timedelta(hours=conf.api.idempotency_key_lifetime)
        self._conf = conf

    def run(self) -> None:
        """Do one round."""
        keys = self._repeat(
            lambda session: idempotency.purge(session, self._lifetime, history.ROWS)
        )
        age = datetime.timedelta(days=self._conf.conductor.history_time)
        rows = self._repeat(lambda session: history.purge(session, age))
        if keys or rows:
            LOG.info('Dropped %d idempotency keys and %d rows of bays long gone', keys, rows)

    def _repeat(self, drop: Callable[[orm.Session], int]) -> int:
        total = 0
        for _ in range(_TURNS):
            dropped = self._database.run(drop)
            total += dropped
            if not dropped:
                break
        return total
