"""Operations: what was promised of a bay, how far it came, and why it failed."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import BAYS, OPERATIONS, Dialect
from magnum.api.http import pagination
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.requests.accepted import accepted, in_progress
from magnum.api.services import Services
from magnum.api.views import operations as operation_view
from magnum.db import models
from magnum.db.repositories import operations as repository
from magnum.db.repositories.operations import Narrowing
from magnum.db.repositories.visibility import MarkerNotFound, Row, Scope
from magnum.domain import states
from magnum.operations.accept import Requester
from magnum.operations.errors import (
    BayGone,
    NodegroupGone,
    NotCancellable,
    NotRetryable,
    OperationInProgress,
)

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
                session, call, scope, None, f'{call.base}/v1/{OPERATIONS.collection}',
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
        return self._act(call, 'cancel', self._services.planner.cancel)

    def retry(self, call: Call) -> Answer:
        """POST: try again, in a new operation, what failed or was cancelled."""
        return self._act(call, 'retry', self._services.planner.retry)

    def _act(self, call: Call, action: str, act: Act) -> Answer:
        def work(session: orm.Session) -> Answer:
            row = _find(session, call, action, f'{action}_all_projects')
            operation = _planned(session, call, row, act)
            return call.keep(session, accepted(call, row.bay_uuid, operation))

        answer = self._database.run(work)
        self._services.wake_up.send()
        return answer


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
            return _page(
                session, call, scope, bay.uuid, f'{call.base}/v1/{path}', self._max_limit
            )


def _page(
    session: orm.Session, call: Call, scope: Scope, bay_uuid: str | None, url: str, max_limit: int
) -> Answer:
    paging = pagination.paging(call.query, OPERATIONS, operation_view.SORTABLE, max_limit)
    narrowing = Narrowing(
        bay_uuid=bay_uuid,
        state=_choice(call.query, 'state', states.TRANSITIONS),
        verb=_choice(call.query, 'verb', states.VERBS),
    )
    try:
        rows = repository.page(session, _COLUMNS, scope, paging, narrowing)
    except MarkerNotFound:
        raise pagination.marker_not_found(paging) from None
    documents = operation_view.documents(session, rows[: paging.limit], call.base)
    return Answer(
        pagination.page_document(url, call.query, OPERATIONS, paging, rows, documents)
    )


def _choice(query: Mapping[str, str], argument: str, words: Collection[str]) -> str | None:
    value = query.get(argument)
    if value is not None and value not in words:
        raise errors.invalid(
            argument, value, f'Value should be one of: {", ".join(words)}',
            errors.parameter(argument),
        )
    return value


def _find(session: orm.Session, call: Call, action: str, all_projects: str) -> Row:
    (uuid,) = call.arguments
    scope = call.caller.scope(f'{OPERATIONS.policy}:{all_projects}')
    row = repository.find(session, _COLUMNS, scope, uuid)
    if row is None:
        raise lookup.not_found(errors.OPERATION_NOT_FOUND, OPERATIONS, uuid)
    call.caller.check(f'{OPERATIONS.policy}:{action}', {'project_id': row.project_id})
    return row


def _planned(session: orm.Session, call: Call, row: Row, act: Act) -> models.Operation:
    try:
        return act(session, row.uuid, call.caller.requester)
    except NotCancellable as refusal:
        raise _refused(errors.NOT_CANCELLABLE, row, str(refusal)) from None
    except NotRetryable as refusal:
        raise _refused(errors.NOT_RETRYABLE, row, str(refusal)) from None
    except BayGone:
        raise _refused(errors.NOT_RETRYABLE, row, 'The bay is gone.') from None
    except NodegroupGone:
        raise _refused(errors.NOT_RETRYABLE, row, 'The node group is gone.') from None
    except OperationInProgress as refusal:
        raise in_progress(BAYS, row.bay_uuid, refusal) from None


def _refused(kind: errors.Kind, row: Row, reason: str) -> errors.APIError:
    return errors.APIError(kind, f'Operation {row.uuid} ({row.verb}): {reason}')
