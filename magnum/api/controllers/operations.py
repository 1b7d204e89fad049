"""Operations: what was promised of a bay, how far it came, and why it failed."""

import functools
from collections.abc import Callable
from typing import Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import BAYS, OPERATIONS, Dialect
from magnum.api.http import filtering
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, refusals
from magnum.api.requests.accepted import accepted
from magnum.api.requests.pages import Page
from magnum.api.services import Services
from magnum.api.views import operations as operation_view
from magnum.db import models
from magnum.db.repositories import operations as repository
from magnum.db.repositories.visibility import Scope
from magnum.db.selections import Row
from magnum.domain import states
from magnum.operations.accept import cancel, retry
from magnum.operations.accept.requester import Requester

_COLUMNS: Final = operation_view.COLUMNS

Act = Callable[[orm.Session, str, Requester], models.Operation]


class OperationsController:
    """``/v1/operations``."""

    def __init__(self, services: Services):
        self._services = services
        self._database = services.database

    def list(self, call: Call) -> Answer:
        """GET of the operations on all bays of the project."""
        call.caller.check('operation:get_all')
        scope = call.caller.scope('operation:get_all_all_projects')
        with self._database.reading() as session:
            return _page(
                session, call, scope, None, OPERATIONS.collection,
                self._services.conf.api.max_limit,
            )

    def get(self, call: Call) -> Answer:
        """GET of one, also after its bay is gone."""
        with self._database.reading() as session:
            row = _find(session, call, 'get', 'get_one_all_projects')
            (document,) = operation_view.documents(session, [row], call.base)
        return Answer(document)

    def cancel(self, call: Call) -> Answer:
        """POST: stop it, at once or soon; what was built stays."""
        act = functools.partial(cancel.accept, self._services.conf)
        return self._act(call, 'cancel', act)

    def retry(self, call: Call) -> Answer:
        """POST: try again, in a new operation, what failed or was cancelled."""
        act = functools.partial(retry.accept, self._services.conf)
        return self._act(call, 'retry', act, refusals.RETRY)

    def _act(
        self, call: Call, action: str, act: Act, also: refusals.Table | None = None
    ) -> Answer:
        def work(session: orm.Session) -> Answer:
            row = _find(session, call, action, f'{action}_all_projects')
            with refusals.told(also, bay=BAYS, ident=row.bay_uuid, operation=row):
                operation = act(session, row.uuid, call.caller.requester)
            return call.keep(session, accepted(call, row.bay_uuid, operation))

        return self._services.run(work)


class BayOperationsController:
    """``/v1/bays/{bay}/operations``, and the same of clusters."""

    def __init__(self, services: Services, dialect: Dialect):
        self._database = services.database
        self._max_limit = services.conf.api.max_limit
        self._dialect = dialect

    def list(self, call: Call) -> Answer:
        """GET of the operations on one bay; by uuid also after it is gone."""
        scope = call.caller.scope('operation:get_all_all_projects')
        with self._database.reading() as session:
            bay = lookup.bay_or_gone(session, self._dialect, scope, call.arguments[0])
            call.caller.check('operation:get_all', {'project_id': bay.project_id})
            path = f'{self._dialect.collection}/{bay.uuid}/{OPERATIONS.collection}'
            return _page(session, call, scope, bay.uuid, path, self._max_limit)


def _page(
    session: orm.Session, call: Call, scope: Scope, bay_uuid: str | None, path: str, max_limit: int
) -> Answer:
    page = Page(call, OPERATIONS, operation_view.SORTABLE, max_limit)
    filters = repository.Filters(
        bay_uuid=bay_uuid,
        state=filtering.choice(call.query, 'state', states.STATES),
        verb=filtering.choice(call.query, 'verb', states.VERBS),
    )
    return page.answer(
        path,
        lambda paging: repository.page(session, _COLUMNS, scope, paging, filters),
        lambda rows: operation_view.documents(session, rows, call.base),
    )


def _find(session: orm.Session, call: Call, action: str, all_projects: str) -> Row:
    (uuid,) = call.arguments
    scope = call.caller.scope(f'{OPERATIONS.policy}:{all_projects}')
    row = repository.find(session, _COLUMNS, scope, uuid)
    if row is None:
        raise lookup.not_found(errors.operations.NOT_FOUND, OPERATIONS, uuid)
    call.caller.check(f'{OPERATIONS.policy}:{action}', {'project_id': row.project_id})
    return row
