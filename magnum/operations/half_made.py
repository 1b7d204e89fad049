"""Masters that an upgrade has left half-made.

Heat makes all of a stack that it had not come to, whoever asks it for something else, and
the token of such a master has ended with the upgrade that it was for: it could not join.
"""

from sqlalchemy import orm

from magnum.db.models import Nodegroup
from magnum.db.repositories import locking
from magnum.domain import rounds, states
from magnum.domain.nodegroups import MASTER


def in_the_way(session: orm.Session, bay_uuid: str, group: Nodegroup) -> str | None:
    """Name of the masters' node group, if one of them is in the way of a change of a group."""
    if not group.is_default or group.role == MASTER:
        return None
    masters = locking.nodegroup(session, bay_uuid, None, MASTER)
    upgrades = locking.latest_operations(session, bay_uuid, states.UPGRADE)
    return masters.name if rounds.left(upgrades, masters.uuid) else None
