"""Events: what happened to a bay, by pages or as it happens."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.api.http import cursors, pagination, sse
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.services import Services
from magnum.api.views.events import EVENT
from magnum.db.engine import Database
from magnum.db.repositories import events as repository
from magnum.db.selections import Row

_JSON: Final = 'application/json'
_RESUME: Final = 'Last-Event-ID'
_BATCH: Final = 100


class EventsController:
    """``/v1/bays/{bay}/events``, and the same of clusters."""

    def __init__(self, services: Services, dialect: Dialect):
        self._database = services.database
        self._max_limit = services.conf.api.max_limit
        self._dialect = dialect
        self._streams = services.streams

    def list(self, call: Call) -> Answer:
        """GET of a bay's timeline, oldest first; by uuid also after the bay is gone."""
        is_stream = _wants_stream(call)
        position = _position(call, is_stream)
        limit = pagination.limit(call.query, self._max_limit)
        scope = call.caller.scope('event:get_all_all_projects')
        with self._database.reading() as session:
            bay = lookup.bay_or_gone(session, self._dialect, scope, call.arguments[0])
            call.caller.check('event:get_all', {'project_id': bay.project_id})
            rows = repository.after(session, bay.uuid, position, limit + 1)
        if not is_stream:
            return self._page(call, bay.uuid, rows, limit)
        if bay.is_gone and not rows:
            # Clients that follow the standard do not come back after this.
            return Answer(status=204)
        timeline = _Timeline(self._database, bay.uuid, position)
        is_over = call.request.environ.get(sse.IS_OVER)
        return Answer(stream=self._streams.open(timeline.look, call.caller.project_id, is_over))

    def _page(self, call: Call, bay_uuid: str, rows: Sequence[Row], limit: int) -> Answer:
        shown = rows[:limit]
        document: dict[str, Any] = {'events': [EVENT.document(row) for row in shown]}
        if len(rows) > len(shown):
            url = f'{call.base}/v1/{self._dialect.collection}/{bay_uuid}/events'
            document['next'] = cursors.next_page(url, limit, shown[-1].id)
        return Answer(document)


class _Timeline:
    """One bay's events from a position on."""

    def __init__(self, database: Database, bay_uuid: str, position: int):
        self._database = database
        self._bay_uuid = bay_uuid
        self._position = position

    def look(self) -> tuple[list[bytes], bool]:
        """What is new; and whether nothing will follow: the bay is gone."""
        with self._database.reading() as session:
            # In this order: a bay's end and its last event are written together.
            is_gone = repository.is_gone(session, self._bay_uuid)
            rows = repository.after(session, self._bay_uuid, self._position, _BATCH)
        if rows:
            self._position = rows[-1].id
        return [_message(row) for row in rows], is_gone and len(rows) < _BATCH


def _message(row: Row) -> bytes:
    return sse.message(cursors.write(row.id), row.kind, orjson.dumps(EVENT.document(row)))


def _wants_stream(call: Call) -> bool:
    offers = call.request.accept.acceptable_offers([_JSON, sse.CONTENT_TYPE])
    return bool(offers) and offers[0][0] == sse.CONTENT_TYPE


def _position(call: Call, is_stream: bool) -> int:
    """The event after which to go on."""
    # A client that resumes asks the URL that it asked first.
    cursor = call.request.headers.get(_RESUME) if is_stream else None
    if not cursor:
        return cursors.position(call.query)
    try:
        return cursors.read(cursor)
    except ValueError as error:
        raise errors.invalid(_RESUME, cursor, str(error), errors.header(_RESUME)) from None
