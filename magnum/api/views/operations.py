"""Documents of operations: what was promised, and how far it came."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import orm

from magnum.api.dialects import OPERATIONS
from magnum.api.types.schemas import BOOLEAN, COUNT, LINKS, STRING, TEXT, UUID, nullable
from magnum.api.views.base import links
from magnum.api.views.members import Document, DocumentType, Member, computed, time
from magnum.db.repositories import nodegroups, pending
from magnum.db.repositories import operations as repository
from magnum.db.selections import Row
from magnum.domain import failures, states, turns, verbs
from magnum.domain.parameters import Parameters

STEP: Final = DocumentType(
    Member('name', STRING, 'What it does; the same in every release.'),
    Member(
        'state',
        {
            'enum': [
                states.STEP_PENDING, states.STEP_RUNNING, states.STEP_DONE, states.STEP_FAILED,
            ]
        },
        'Where it stands.',
    ),
    Member('attempts', COUNT, 'How often it was begun.'),
    Member('reason', TEXT, 'What it last met.'),
    time('started_at', 'When it was first begun.'),
    time('finished_at', 'When it ended.'),
)
#: Whatever else is kept with an error is the engine's own.
ERROR: Final = DocumentType(
    Member('code', TEXT, 'Of the closed list of failures.'),
    Member('resource', TEXT, 'What failed first.'),
    Member('resource_type', TEXT, 'The type of what failed first.'),
    Member('reason', TEXT, 'Why it failed.'),
    Member(
        'owner',
        nullable(
            {'type': 'string', 'enum': [failures.USER, failures.OPERATOR, failures.SERVICE]}
        ),
        'Whose problem it is.',
    ),
    Member('retryable', nullable(BOOLEAN), 'Whether another try may help.'),
    Member('request_id', TEXT, 'The request that asked for the operation.'),
)
REQUESTER: Final = DocumentType(
    Member('user_id', TEXT, 'The user.'),
    Member('project_id', TEXT, "The user's project.", of='requester_project_id'),
)
OPERATION: Final = DocumentType(
    Member('uuid', UUID, 'Made by the service.'),
    Member('bay_uuid', UUID, 'The bay.'),
    Member('cluster_uuid', UUID, 'The same, by the other name.', of='bay_uuid'),
    Member('bay_name', TEXT, "The bay's name."),
    Member('cluster_name', TEXT, 'The same, by the other name.', of='bay_name'),
    Member('project_id', TEXT, 'The project that owns the bay.'),
    Member('verb', {'enum': list(states.VERBS)}, 'What was promised.'),
    Member('state', {'enum': list(states.STATES)}, 'Where it stands.'),
    computed(
        'position', nullable({'type': 'integer', 'minimum': 1}),
        'Its place among what waits for its turn at the bay; null when it does not wait.',
    ),
    computed('waits_for', TEXT, 'uuid of the last of the operations that it waits for.'),
    computed(
        'waits_for_all', {'type': 'array', 'items': UUID},
        'uuids of the operations that it waits for, in order. Where as many go on as may: '
        'those, one of which has to end.',
    ),
    computed(
        'percentage', {'type': 'integer', 'minimum': 0, 'maximum': 100},
        'How many of its steps are done.',
    ),
    computed(
        'steps', {'type': 'array', 'items': STEP.schema()},
        'All steps in order, those to come as well.',
    ),
    time('deadline', 'When it is given up.'),
    Member('attempts', COUNT, 'How often a conductor took it up.'),
    Member('retries', TEXT, 'uuid of the operation that it tries again.'),
    Member('cancel_requested', BOOLEAN, 'Whether it is to stop.'),
    computed('requester', REQUESTER.schema(), 'Who asked for it.'),
    Member('request_id', TEXT, 'The request that asked for it.'),
    computed('error', nullable(ERROR.schema()), 'Why it failed, or what it last met.'),
    time('created_at', 'When it was asked for.'),
    time('started_at', 'When a conductor first took it up.'),
    time('finished_at', 'When it ended.'),
    computed('links', LINKS, 'Where it is to be found.'),
)
#: What lists may be sorted by: what documents show, and the order of asking.
SORTABLE: Final = frozenset(
    {
        'id', 'uuid', 'bay_uuid', 'bay_name', 'project_id', 'verb', 'state', 'attempts',
        'deadline', 'retries', 'request_id', 'created_at', 'started_at', 'finished_at',
    }
)
#: What to select of operations. Not ``id``: it is the database's own.
COLUMNS: Final = OPERATION.columns(
    repository.TABLE, 'parameters', 'user_id', 'requester_project_id', 'error'
)


@dataclasses.dataclass(frozen=True)
class _Pending:
    """A step that was not begun."""

    name: str
    state: str = states.STEP_PENDING
    attempts: int = 0
    reason: None = None
    started_at: None = None
    finished_at: None = None


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where an operation stands among what waits for its turn, and what is before it."""

    position: int | None = None
    waits_for: tuple[str, ...] = ()


def documents(session: orm.Session, rows: Sequence[Row], base: str) -> list[Document]:
    """The documents of a page: one more statement, or three, however many operations."""
    recorded: dict[str, list[Row]] = collections.defaultdict(list)
    for step in repository.steps(session, [row.uuid for row in rows]):
        recorded[step.operation_uuid].append(step)
    places = _places(session, rows)
    return [_document(row, recorded[row.uuid], places, base) for row in rows]


def _places(session: orm.Session, rows: Sequence[Row]) -> dict[str, _Place]:
    """The places of what waits for its turn, by uuid."""
    bays = {row.bay_uuid for row in rows if row.state == states.PENDING}
    places: dict[str, _Place] = {}
    if not bays:
        return places
    defaults = nodegroups.defaults(session, bays)
    active: dict[str, list[Row]] = collections.defaultdict(list)
    waiting: dict[str, list[Row]] = collections.defaultdict(list)
    for row in pending.unfinished(session, bays):
        if row.state != states.PENDING:
            active[row.bay_uuid].append(row)
            continue
        beside, line = active[row.bay_uuid], waiting[row.bay_uuid]
        part = turns.part_of(Parameters.of(row), defaults)
        # It waits: where nothing is in its way, as many go on as may.
        before = turns.before(part, beside, line, defaults, at_once=len(beside))
        line.append(row)
        places[row.uuid] = _Place(len(line), tuple(other.uuid for other in before))
    return places


def _document(
    row: Row, recorded: Sequence[Row], places: Mapping[str, _Place], base: str
) -> Document:
    names = _step_names(row)
    place = places.get(row.uuid, _Place())
    return OPERATION.document(
        row,
        position=place.position,
        waits_for=place.waits_for[-1] if place.waits_for else None,
        waits_for_all=list(place.waits_for),
        percentage=percentage(row.state, names, recorded),
        steps=_steps(names, recorded),
        requester=REQUESTER.document(row),
        error=_error(row),
        links=links(base, OPERATIONS, row.uuid),
    )


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


def _step_names(row: Row) -> list[str]:
    return verbs.step_names(row.verb, Parameters.of(row)) if row.verb in verbs.STEPS else []


def _steps(names: Sequence[str], recorded: Sequence[Row]) -> list[Document]:
    """All steps in order: those to come, too, and those of earlier releases last."""
    by_name = {step.name: step for step in recorded}
    known = set(names)
    former = [step for step in recorded if step.name not in known]
    shown = [by_name.get(name) or _Pending(name) for name in names]
    return [STEP.document(step) for step in (*shown, *former)]


def _error(row: Row) -> Document | None:
    """Why it failed, or, while it goes on, what it last met."""
    if row.error is None:
        return None
    known = {**row.error, 'request_id': row.request_id}
    return {member.name: known.get(member.name) for member in ERROR.members}
