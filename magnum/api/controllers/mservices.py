"""The service's own conductors, and whether they live."""

import datetime

from magnum.api.http.request import Answer, Call
from magnum.api.services import Services
from magnum.api.views.members import Document
from magnum.api.views.mservices import CONDUCTOR, DOWN, UP
from magnum.db.repositories import mservices as repository
from magnum.db.selections import Row


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

    def _document(self, row: Row) -> Document:
        seen: datetime.datetime | None = row.last_seen_up
        is_up = seen is not None and row.now - seen <= self._down_time
        return CONDUCTOR.document(row, state=UP if is_up else DOWN)
