"""What nodes report: one look-up for each report, and at most one UPDATE.

No row is locked by them that an operation or a request waits for.
"""

import functools
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models, selections
from magnum.db.repositories.nodes import TABLE
from magnum.db.repositories.operations import TABLE as OPERATION
from magnum.db.selections import KEPT, Row, Selection
from magnum.db.types import UTCDateTime, utcnow
from magnum.domain import states

#: What parameters are called that have new values.
_NEW: Final = 'new_'
_BAY: Final[sa.Table] = models.Bay.__table__
_WHICH: Final = (
    TABLE.c.bay_uuid == sa.bindparam('of_bay'), TABLE.c.role == sa.bindparam('of_role'),
    TABLE.c.name == sa.bindparam('of_node'),
)
_COLUMNS: Final = (
    TABLE.c.id,
    TABLE.c.bay_uuid,
    TABLE.c.role,
    TABLE.c.name,
    TABLE.c.operation_uuid,
    TABLE.c.signing_key,
    TABLE.c.public_keys,
    TABLE.c.sequence,
    TABLE.c.said,
    TABLE.c.heard_at,
    TABLE.c.is_silent,
    OPERATION.c.uuid.label('active_operation'),
    OPERATION.c.found_failure.label('found_failure'),
    sa.type_coerce(utcnow(), UTCDateTime()).label('now'),
)


def find(session: orm.Session, bay_uuid: str, role: str, name: str) -> Row | None:
    """A node of a bay that is there, with the bay's active operation and the time."""
    selection = selections.of(session, _COLUMNS)
    which = {'of_bay': bay_uuid, 'of_role': role, 'of_node': name}
    return selection.first(session, _query(selection), which)


def store(
    session: orm.Session, node_id: int, sequence: int, values: Mapping[str, Any]
) -> None:
    """Write what a node says now, unless a later report has been written.

    :param values: columns that have changed; none: only that it was heard.
    """
    given = {f'{_NEW}{column}': value for column, value in values.items()}
    session.execute(
        _update(tuple(values)), {**given, 'node_id': node_id, 'number': sequence},
        execution_options={'synchronize_session': False},
    )


def is_gone(session: orm.Session, bay_uuid: str) -> bool:
    """Whether there was a bay of this uuid, which was deleted."""
    deleted = sa.select(OPERATION.c.id).where(
        OPERATION.c.bay_uuid == bay_uuid, OPERATION.c.verb == states.DELETE,
        OPERATION.c.state == states.SUCCEEDED,
    )
    return session.execute(deleted.limit(1)).first() is not None


# Making a statement costs more than running it.
@functools.lru_cache(maxsize=KEPT)
def _update(columns: tuple[str, ...]) -> sa.Update:
    number = sa.bindparam('number', type_=TABLE.c.sequence.type)
    return (
        sa.update(TABLE)
        .where(
            TABLE.c.id == sa.bindparam('node_id'),
            sa.or_(TABLE.c.sequence.is_(None), TABLE.c.sequence < number),
        )
        .values(
            **{
                column: sa.bindparam(f'{_NEW}{column}', type_=TABLE.c[column].type)
                for column in columns
            },
            sequence=number, heard_at=utcnow(), is_silent=False,
        )
    )


@functools.lru_cache(maxsize=KEPT)
def _query(selection: Selection) -> sa.Select[Any]:
    return (
        selection.query
        .join_from(TABLE, _BAY, _BAY.c.uuid == TABLE.c.bay_uuid)
        .outerjoin(OPERATION, OPERATION.c.active_for == TABLE.c.bay_uuid)
        .where(*_WHICH)
    )
