"""Documents of operations: what was promised, and how far it came."""

import collections
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.api.dialects import OPERATIONS
from magnum.api.types.scalars import timestamp
from magnum.api.views.base import Document, links
from magnum.db.repositories import operations as repository
from magnum.db.selections import Row
from magnum.domain import states, verbs

#: What lists may be sorted by: what documents show, and the order of asking.
SORTABLE: Final = frozenset(
    {
        'id', 'uuid', 'bay_uuid', 'bay_name', 'project_id', 'verb', 'state', 'attempts',
        'deadline', 'retries', 'request_id', 'created_at', 'started_at', 'finished_at',
    }
)
#: What to select of operations. Not ``id``: it is the database's own.
COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = tuple(
    repository.TABLE.c[name]
    for name in (
        'uuid', 'bay_uuid', 'bay_name', 'project_id', 'verb', 'state', 'parameters', 'deadline',
        'attempts', 'retries', 'user_id', 'requester_project_id', 'request_id', 'error',
        'cancel_requested', 'created_at', 'started_at', 'finished_at',
    )
)
#: Members of an error; whatever else is kept with it is the engine's own.
_ERROR: Final = ('code', 'resource', 'resource_type', 'reason', 'owner', 'retryable')


def documents(session: orm.Session, rows: Sequence[Row], base: str) -> list[Document]:
    """The documents of a page: one more statement, however many operations."""
    recorded: dict[str, list[Row]] = collections.defaultdict(list)
    for step in repository.steps(session, [row.uuid for row in rows]):
        recorded[step.operation_uuid].append(step)
    return [_document(row, recorded[row.uuid], base) for row in rows]


def _document(row: Row, recorded: Sequence[Row], base: str) -> Document:
    names = _step_names(row.verb, row.parameters)
    return {
        'uuid': row.uuid,
        'bay_uuid': row.bay_uuid,
        'cluster_uuid': row.bay_uuid,
        'bay_name': row.bay_name,
        'cluster_name': row.bay_name,
        'project_id': row.project_id,
        'verb': row.verb,
        'state': row.state,
        'percentage': percentage(row.state, names, recorded),
        'steps': _steps(names, recorded),
        'deadline': timestamp(row.deadline),
        'attempts': row.attempts,
        'retries': row.retries,
        'cancel_requested': row.cancel_requested,
        'requester': {'user_id': row.user_id, 'project_id': row.requester_project_id},
        'request_id': row.request_id,
        'error': _error(row),
        'created_at': timestamp(row.created_at),
        'started_at': timestamp(row.started_at),
        'finished_at': timestamp(row.finished_at),
        'links': links(base, OPERATIONS, row.uuid),
    }


def percentage(state: str, names: Sequence[str], recorded: Sequence[Row]) -> int:
    """How much of an operation is done: its steps that are, of all its steps.

    100 is for what succeeded, and nothing else.

    :param names: of its steps; none where this release does not know its verb.
    """
    if state == states.SUCCEEDED:
        return 100
    done = {step.name for step in recorded if step.state == states.STEP_DONE}
    wanted = set(names) or {step.name for step in recorded}
    return min(99, 100 * len(done & wanted) // len(wanted)) if wanted else 0


def _step_names(verb: str, parameters: Mapping[str, Any]) -> list[str]:
    return verbs.step_names(verb, parameters) if verb in verbs.STEPS else []


def _steps(names: Sequence[str], recorded: Sequence[Row]) -> list[Document]:
    """All steps in order: those to come, too, and those of earlier releases last."""
    by_name = {step.name: step for step in recorded}
    shown = [_step(name, by_name.get(name)) for name in names]
    known = set(names)
    return shown + [_step(step.name, step) for step in recorded if step.name not in known]


def _step(name: str, row: Row | None) -> Document:
    if row is None:
        return {
            'name': name, 'state': states.STEP_PENDING, 'attempts': 0, 'reason': None,
            'started_at': None, 'finished_at': None,
        }
    return {
        'name': name,
        'state': row.state,
        'attempts': row.attempts,
        'reason': row.reason,
        'started_at': timestamp(row.started_at),
        'finished_at': timestamp(row.finished_at),
    }


def _error(row: Row) -> Document | None:
    """Why it failed, or, while it goes on, what it last met."""
    if row.error is None:
        return None
    return {**{name: row.error.get(name) for name in _ERROR}, 'request_id': row.request_id}
