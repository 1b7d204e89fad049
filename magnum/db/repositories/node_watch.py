"""What conductors look at in the reports of nodes."""

import collections
import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories.nodes import TABLE
from magnum.db.repositories.operations import TABLE as OPERATION
from magnum.db.selections import Row
from magnum.db.statements import changed_rows, database_now
from magnum.domain import node_health, reports, states
from magnum.domain.nodegroups import MASTER, WORKER

_BAY: Final[sa.Table] = models.Bay.__table__
_NODEGROUP: Final[sa.Table] = models.Nodegroup.__table__
N = TypeVar('N', models.Node, Row)

_BAYS: Final = 100
_COMPLETE: Final = {f'{verb.bay}_{states.COMPLETE}' for verb in states.VERBS.values()}
#: Nodes that are marked in one transaction, which locks their rows.
MOST: Final = 1000
_BOOT: Final = (
    models.Node.name, models.Node.role, models.Node.operation_uuid, models.Node.server_id,
    models.Node.signing_key, models.Node.state, models.Node.step, models.Node.position,
    models.Node.steps, models.Node.lines, models.Node.heard_at,
)


def silent(session: orm.Session, after: datetime.timedelta) -> Sequence[int]:
    """Nodes that were not heard of for so long and are not marked yet, at most ``MOST``."""
    found = sa.select(TABLE.c.id).where(*_silent(session, after))
    return session.scalars(found.order_by(TABLE.c.heard_at).limit(MOST)).all()


def silence(
    session: orm.Session, after: datetime.timedelta, node_ids: Collection[int]
) -> int:
    """Mark those of some nodes that have not been heard of since; how many they are."""
    return changed_rows(
        session,
        sa.update(TABLE)
        .where(TABLE.c.id.in_(node_ids), *_silent(session, after))
        .values(is_silent=True, is_changed=True),
    )


def changed_bays(session: orm.Session) -> Sequence[str]:
    """Bays with nodes to look at, by uuid: some of them, if they are many."""
    return session.scalars(
        sa.select(TABLE.c.bay_uuid).where(TABLE.c.is_changed == sa.true()).distinct().limit(_BAYS)
    ).all()


def take_changed(session: orm.Session, bay_uuid: str) -> bool:
    """Note that what its nodes have said until now is looked at; whether there is anything."""
    return changed_rows(
        session,
        sa.update(TABLE)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.is_changed == sa.true())
        .values(is_changed=False),
    ) > 0


def reporting(
    session: orm.Session, bay_uuid: str, role: str | None = None
) -> Sequence[models.Node]:
    """The nodes of a bay, or those of a role, that have reported, by name, as they are now."""
    which = [] if role is None else [TABLE.c.role == role]
    return session.scalars(
        sa.select(models.Node)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.heard_at.is_not(None), *which)
        .order_by(TABLE.c.name, TABLE.c.role)
        .execution_options(populate_existing=True)
    ).all()


def registered(session: orm.Session, bay_uuid: str, role: str) -> Sequence[models.Node]:
    """The nodes of a role in a bay, by name, whether they have reported or not."""
    return session.scalars(
        sa.select(models.Node)
        .where(TABLE.c.bay_uuid == bay_uuid, TABLE.c.role == role)
        .order_by(TABLE.c.name)
        .execution_options(populate_existing=True)
    ).all()


def at_work(masters: Iterable[models.Node], going: Collection[str] = ()) -> list[models.Node]:
    """Masters that can be asked to do something for others, now.

    :param going: names of those that leave.
    """
    return [
        node for node in masters
        if node.state == reports.READY and not node.is_silent and node.name not in going
    ]


def versions_of_workers(session: orm.Session, bay_uuid: str) -> Mapping[str, Mapping[str, str]]:
    """Versions of programs, by worker of a bay; of those that are heard of."""
    found = session.execute(
        sa.select(TABLE.c.name, TABLE.c.versions)
        .where(
            TABLE.c.bay_uuid == bay_uuid, TABLE.c.role == WORKER,
            TABLE.c.heard_at.is_not(None), TABLE.c.is_silent == sa.false(),
        )
        .order_by(TABLE.c.name)
    )
    return {row.name: row.versions for row in found if row.versions}


def lost(nodes: Sequence[N]) -> list[N]:
    """Those of a bay's nodes that do nothing for it: silent ones, and unhealthy workers.

    A worker is not healthy, either, when managers call it down. A master that reports stays:
    the others need what it keeps.

    :param nodes: all of the bay that have reported.
    """
    down = node_health.called_down(
        node.conditions or {} for node in nodes if not node.is_silent
    )

    def is_unhealthy(node: N) -> bool:
        said = (node.conditions or {}).get(node_health.NODE, {})
        return said.get('status') == reports.FALSE or node.name in down

    return [
        node for node in nodes
        if node.is_silent
        or (node.role == WORKER and node.state == reports.READY and is_unhealthy(node))
    ]


def unhealthy_bays(session: orm.Session) -> Sequence[Row]:
    """``uuid`` and ``labels`` of bays that are complete, and not healthy."""
    return session.execute(
        sa.select(_BAY.c.uuid, _BAY.c.labels).where(
            _BAY.c.status.in_(_COMPLETE), _BAY.c.health_status == node_health.UNHEALTHY
        )
    ).all()


def unhealthy_workers(session: orm.Session, bay_uuids: Collection[str]) -> Sequence[Row]:
    """``id`` and ``bay_uuid`` of workers that report, and are not healthy."""
    if not bay_uuids:
        return ()
    found = session.execute(
        sa.select(
            TABLE.c.id, TABLE.c.bay_uuid, TABLE.c.role, TABLE.c.name, TABLE.c.state,
            TABLE.c.conditions, TABLE.c.is_silent,
        ).where(TABLE.c.bay_uuid.in_(bay_uuids), TABLE.c.is_silent == sa.false())
    ).all()
    of_bays: dict[str, list[Row]] = collections.defaultdict(list)
    for row in found:
        of_bays[row.bay_uuid].append(row)
    return [row for nodes in of_bays.values() for row in lost(nodes)]


def silent_nodes(session: orm.Session) -> Sequence[Row]:
    """``id``, ``role`` and ``bay_uuid`` of silent nodes, with ``labels`` of the bay, the
    number of its ``masters``, and whether it ``is_lasting``.

    Those of bays that are complete, or at which node groups change, and of which other
    nodes report.
    """
    other = TABLE.alias('other')
    is_heard_of = sa.exists().where(
        other.c.bay_uuid == TABLE.c.bay_uuid, other.c.is_silent == sa.false(),
        other.c.heard_at.is_not(None),
    )
    groups_change = sa.and_(
        _BAY.c.status == states.status(states.RESIZE, states.IN_PROGRESS),
        ~sa.exists().where(OPERATION.c.active_for == _BAY.c.uuid),
    )
    return session.execute(
        sa.select(
            TABLE.c.id, TABLE.c.role, TABLE.c.bay_uuid, _BAY.c.labels, _BAY.c.is_lasting,
            _NODEGROUP.c.node_count.label('masters'),
        )
        .join_from(TABLE, _BAY, _BAY.c.uuid == TABLE.c.bay_uuid)
        .join(_NODEGROUP, sa.and_(
            _NODEGROUP.c.bay_uuid == _BAY.c.uuid, _NODEGROUP.c.role == MASTER
        ))
        .where(TABLE.c.is_silent == sa.true(), is_heard_of)
        .where(sa.or_(_BAY.c.status.in_(_COMPLETE), groups_change))
    ).all()


def half_healed_bays(session: orm.Session) -> Sequence[Row]:
    """``bay_uuid`` and the bay's ``labels``, where the service's own operations have failed.

    Of bays with a node group that has failed, at which nothing goes on, and of which
    nobody has asked for the delete.
    """
    settled = {
        states.status(verb, end)
        for verb in states.HEALING for end in (states.FAILED, states.COMPLETE)
    }
    failed = {states.nodegroup_status(verb, states.FAILED) for verb in states.HEALING}
    active = OPERATION.alias('active')
    return session.execute(
        sa.select(OPERATION.c.bay_uuid, _BAY.c.labels)
        .join_from(OPERATION, _BAY, _BAY.c.uuid == OPERATION.c.bay_uuid)
        .where(
            OPERATION.c.state == states.OPERATION_FAILED,
            OPERATION.c.verb.in_(states.HEALING),
            OPERATION.c.user_id.is_(None),
            _BAY.c.status.in_(settled),
            sa.exists().where(
                _NODEGROUP.c.bay_uuid == OPERATION.c.bay_uuid, _NODEGROUP.c.status.in_(failed),
            ),
            ~sa.exists().where(
                active.c.bay_uuid == OPERATION.c.bay_uuid, active.c.active_for.is_not(None)
            ),
        )
    ).all()


def named(session: orm.Session, bay_uuid: str, names: Sequence[str]) -> dict[str, models.Node]:
    """Nodes of a bay that have registered, by name: those of these names, which are its own."""
    wanted = set(names)
    return {node.name: node for node in of_bay(session, bay_uuid) if node.name in wanted}


def of_bay(session: orm.Session, bay_uuid: str) -> Sequence[models.Node]:
    """All nodes of a bay that have registered, as they are now: what they are at, no more.

    Who waits for a thousand nodes looks every few seconds.
    """
    return session.scalars(
        sa.select(models.Node)
        .where(TABLE.c.bay_uuid == bay_uuid)
        .options(orm.load_only(*_BOOT, raiseload=True))
        .execution_options(populate_existing=True)
    ).all()


def note(session: orm.Session, node_id: int, noted: Mapping[str, Any]) -> None:
    """Record what was seen of a node."""
    session.execute(
        sa.update(TABLE).where(TABLE.c.id == node_id).values(noted=dict(noted)),
    )


def note_state(session: orm.Session, node_id: int, state: str | None) -> None:
    """Record that the state of a node was seen."""
    node = session.get(models.Node, node_id, with_for_update=True)
    if node is not None:
        node.noted = {**(node.noted or {}), 'state': state}


def let_go(
    session: orm.Session, bay_uuid: str, has_left: Callable[[models.Node], bool]
) -> None:
    """Take no reports any more of nodes that have left the bay.

    They stay known: their keys are those of no other server.
    """
    query = sa.select(models.Node).where(
        TABLE.c.bay_uuid == bay_uuid, TABLE.c.signing_key.is_not(None)
    )
    left = [node.id for node in session.scalars(query).all() if has_left(node)]
    if left:
        session.execute(
            sa.update(TABLE)
            .where(TABLE.c.id.in_(left))
            .values(**{**models.NOTHING_REPORTED, 'is_changed': True})
        )


def let_servers_go(
    session: orm.Session, bay_uuid: str, is_replaced: Callable[[models.Node], bool]
) -> None:
    """Take no reports any more of servers in whose places there are others.

    One that registers at this moment is not touched.
    """
    for node in of_bay(session, bay_uuid):
        if node.signing_key is not None and is_replaced(node):
            session.execute(
                sa.update(TABLE)
                .where(TABLE.c.id == node.id, TABLE.c.server_id == node.server_id)
                .values(**{**models.NOTHING_REPORTED, 'is_changed': True})
            )


def _silent(
    session: orm.Session, after: datetime.timedelta
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        TABLE.c.is_silent == sa.false(), TABLE.c.heard_at < database_now(session) - after,
    )
