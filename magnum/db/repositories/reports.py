"""What nodes report: one look-up for each report, and at most one UPDATE.

No row is locked by them that an operation or a request waits for. Every function
is one statement, which may be repeated.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from oslo_db import api as oslo_db_api

from magnum.db import models, selections
from magnum.db.repositories import cloud_credentials, directives, operations
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
    # Of the operation that builds the node, while that is active.
    OPERATION.c.uuid.label('active_operation'),
    OPERATION.c.found_failure.label('found_failure'),
    sa.or_(
        operations.is_busy(TABLE.c.bay_uuid),
        directives.outlives(TABLE.c.bay_uuid, TABLE.c.role, TABLE.c.name),
    ).label('is_busy'),
    cloud_credentials.generation_in_use(TABLE.c.bay_uuid).label('cloud_credential'),
    sa.type_coerce(utcnow(), UTCDateTime()).label('now'),
)
_HEAR: Final = (
    sa.update(TABLE)
    .where(
        TABLE.c.id.in_(sa.bindparam('node_ids', expanding=True)),
        TABLE.c.is_silent == sa.false(),
    )
    .values(heard_at=utcnow())
)
# Conductors lock rows by other indexes: either may be the one that has to yield.
_REPEATED: Final = oslo_db_api.wrap_db_retry(
    max_retries=5, retry_interval=0.02, max_retry_interval=0.5, jitter=True,
    retry_on_deadlock=True,
)


def find(connection: sa.Connection, bay_uuid: str, role: str, name: str) -> Row | None:
    """A node of a bay that is there, with the active operation that builds it, and the time.

    ``is_busy`` is whether any operation of the bay is active, or the node has something to do
    for one that has ended.
    ``cloud_credential`` is the generation that the bay's masters are given.
    """
    selection = selections.of(connection, _COLUMNS)
    which = {'of_bay': bay_uuid, 'of_role': role, 'of_node': name}
    return selection.first(connection, _query(selection), which)


@_REPEATED
def store(
    connection: sa.Connection, node_id: int, sequence: int, values: Mapping[str, Any]
) -> None:
    """Write what a node says now, unless a later report has been written.

    :param values: columns that have changed; none: only that it was heard.
    """
    given = {f'{_NEW}{column}': value for column, value in values.items()}
    connection.execute(
        _update(tuple(values)), {**given, 'node_id': node_id, 'number': sequence}
    )


@_REPEATED
def hear(connection: sa.Connection, node_ids: Sequence[int]) -> None:
    """Write that nodes were heard of, but for those that are silent: these have news."""
    connection.execute(_HEAR, {'node_ids': node_ids})


def is_gone(connection: sa.Connection, bay_uuid: str) -> bool:
    """Whether there was a bay of this uuid, which was deleted."""
    deleted = sa.select(OPERATION.c.id).where(
        OPERATION.c.bay_uuid == bay_uuid, OPERATION.c.verb == states.DELETE,
        OPERATION.c.state == states.SUCCEEDED,
    )
    return connection.execute(deleted.limit(1)).first() is not None


# Making a statement costs more than running it.
@functools.lru_cache(maxsize=KEPT)
def _update(columns: tuple[str, ...]) -> sa.Update:
    number = sa.bindparam('number', type_=TABLE.c.sequence.type)
    # Of a node that became silent meanwhile, that it was heard is news.
    has_news = sa.true() if columns else TABLE.c.is_silent == sa.false()
    return (
        sa.update(TABLE)
        .where(
            TABLE.c.id == sa.bindparam('node_id'),
            sa.or_(TABLE.c.sequence.is_(None), TABLE.c.sequence < number),
            has_news,
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
        .outerjoin(OPERATION, sa.and_(
            OPERATION.c.uuid == TABLE.c.operation_uuid, OPERATION.c.active_for.is_not(None)
        ))
        .where(*_WHICH)
    )
