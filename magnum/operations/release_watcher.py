"""Watcher of releases: tells the bays whose release of the COE loses its support.

Several conductors may look at the same bay: who locks it first tells it.
"""

import datetime
import functools
from collections.abc import Iterator
from typing import Final

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.db.engine import Database
from magnum.db.repositories import bays, events, locking
from magnum.db.repositories.locking import BayGone
from magnum.db.selections import Row
from magnum.db.statements import database_now
from magnum.domain import release_support
from magnum.domain.node_health import Condition
from magnum.domain.release_support import RELEASE_SUPPORTED
from magnum.drivers.registry import Registry
from magnum.operations import apart, bay_conditions

LOG = logging.getLogger(__name__)

#: Seconds between two looks.
INTERVAL: Final = 3600.0
EVENT: Final = 'bay.release.support'
_PAGE: Final = 500


class ReleaseWatcher:
    """Compares the bays' releases with what the drivers' catalogues know of their support."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, drivers: Registry):
        self._conf = conf.drivers
        self._database = database
        self._drivers = drivers

    def look(self) -> int:
        """Look at all bays; how many have another condition now."""
        return sum(
            apart.look_at(row.uuid, self._look_at, row, today)
            for row, today in self._with_releases()
        )

    def _with_releases(self) -> Iterator[tuple[Row, datetime.date]]:
        after, is_full = 0, True
        while is_full:
            with self._database.reading() as session:
                today = database_now(session).date()
                page = bays.with_releases(session, after, _PAGE)
            is_full = len(page) == _PAGE
            for row in page:
                after = row.id
                yield row, today

    def _look_at(self, row: Row, today: datetime.date) -> bool:
        found = self._condition(row.driver, row.coe_version, today)
        if found == bay_conditions.stored(row.conditions).get(RELEASE_SUPPORTED):
            return False
        return self._database.run(functools.partial(self._update, bay_uuid=row.uuid))

    def _condition(
        self, driver_name: str | None, coe_version: str | None, today: datetime.date
    ) -> Condition | None:
        driver = self._drivers.find(driver_name)
        if driver is None or coe_version is None:
            return None
        end = driver.support_end(coe_version)
        if end is None:
            return None
        return release_support.condition(
            coe_version, datetime.date.fromisoformat(end), today, self._conf.support_notice
        )

    def _update(self, session: orm.Session, bay_uuid: str) -> bool:
        try:
            bay = locking.lock_bay(session, bay_uuid)
        except BayGone:
            return False
        found = self._condition(bay.driver, bay.coe_version, database_now(session).date())
        given = {} if found is None else {RELEASE_SUPPORTED: found}
        if not bay_conditions.update(session, bay, given, {RELEASE_SUPPORTED}):
            return False
        if found is not None and found.reason != release_support.SUPPORTED:
            events.record_of_bay(session, bay, None, EVENT, found.message)
            LOG.info('%s: %s: %s', EVENT, bay.uuid, found.message)
        return True
