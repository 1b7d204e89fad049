"""The service's own conductors, and whether they live."""

import datetime
from typing import Any, Final

from magnum.api.http.request import Answer, Call
from magnum.api.services import Services
from magnum.api.types.scalars import timestamp
from magnum.db.repositories import mservices as repository
from magnum.db.selections import Row

_UP: Final = 'up'
_DOWN: Final = 'down'


class MservicesController:
    """``/v1/mservices``."""

    def __init__(self, services: Services):
        self._database = services.database
        self._down_time = datetime.timedelta(seconds=services.conf.conductor.service_down_time)

    def list(self, call: Call) -> Answer:
        """GET of all conductors."""
        call.caller.check('magnum-service:get_all')
        with self._database.reading() as session:
            rows = repository.list_all(session)
        return Answer({'mservices': [self._document(row) for row in rows]})

    def _document(self, row: Row) -> dict[str, Any]:
        seen: datetime.datetime | None = row.last_seen_up
        is_up = seen is not None and row.now - seen <= self._down_time
        return {
            'id': row.id,
            'host': row.host,
            'binary': row.binary,
            'state': _UP if is_up else _DOWN,
            'report_count': row.report_count,
            'disabled': row.disabled,
            'disabled_reason': row.disabled_reason,
            'created_at': timestamp(row.created_at),
            'updated_at': timestamp(row.updated_at),
        }
