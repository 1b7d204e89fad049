"""What an upgrade has left half-made: above all masters.

Heat makes all of a stack that it had not come to, whoever asks it for something else, and
the token of such a master has ended with the upgrade that it was for: it could not join.
"""

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


def ended_meanwhile(session: orm.Session, waiting: Operation) -> bool:
    """Whether an upgrade ended half-way while an operation waited behind it."""
    for upgrade in locking.earlier_operations(session, waiting, states.UPGRADE, limit=1):
        is_later = upgrade.finished_at is not None and upgrade.finished_at >= waiting.created_at
        return is_later and upgrade.state != states.SUCCEEDED and _has_changed(upgrade)
    return False


def _has_changed(upgrade: Operation) -> bool:
    """Whether an upgrade has asked Heat or a node for anything."""
    asked = Upgrade.of(upgrade)
    this = rounds.current(asked)
    return bool(
        asked.master_settings or asked.round or asked.leaving or (this and this.is_asked)
    )
