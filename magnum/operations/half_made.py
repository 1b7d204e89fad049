"""What an upgrade has left half-made: above all masters.

Heat makes all of a stack that it had not come to, whoever asks it for something else, and
the token of such a master has ended with the upgrade that it was for: it could not join.
"""

from collections.abc import Collection

from sqlalchemy import orm

from magnum.db.models import Nodegroup, Operation
from magnum.db.repositories import locking
from magnum.domain import rounds, states
from magnum.domain.nodegroups import MASTER
from magnum.domain.parameters import Upgrade


def in_the_way(session: orm.Session, bay_uuid: str, group: Nodegroup) -> str | None:
    """Name of the masters' node group, if one of them is in the way of a change of a group."""
    if not group.is_default or group.role == MASTER:
        return None
    masters = locking.nodegroup(session, bay_uuid, None, MASTER)
    upgrades = locking.latest_operations(session, bay_uuid, states.UPGRADE)
    return masters.name if rounds.left(upgrades, masters.uuid) else None


def is_unfinished(session: orm.Session, bay_uuid: str) -> bool:
    """Whether an upgrade ended half-way, and none has succeeded since."""
    for upgrade in locking.latest_operations(session, bay_uuid, states.UPGRADE):
        if upgrade.state == states.SUCCEEDED:
            return False
        if _has_changed(upgrade):
            return True
    return False


def ended_meanwhile(session: orm.Session, waiting: Operation, verbs: Collection[str]) -> bool:
    """Whether one of the bay ended half-way while an operation waited behind it.

    :param verbs: of what is about the bay.
    """
    return any(
        earlier.state != states.SUCCEEDED and _has_changed(earlier)
        for earlier in locking.earlier_operations(session, waiting, *verbs)
        if earlier.finished_at is not None and earlier.finished_at >= waiting.created_at
    )


def _has_changed(operation: Operation) -> bool:
    """Whether an operation of the bay may have changed anything."""
    if operation.verb != states.UPGRADE:
        return operation.attempts > 0
    asked = Upgrade.of(operation)
    this = rounds.current(asked)
    return bool(
        asked.master_settings or asked.round or asked.leaving or (this and this.is_asked)
    )
