"""What an upgrade has left half-made: above all masters.

Heat makes all of a stack that it had not come to, whoever asks it for something else, and
the token of such a master has ended with the upgrade that it was for: it could not join.
"""

from sqlalchemy import orm

from magnum.db.models import Nodegroup
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
    """Whether an upgrade that may have changed something ended, and none has succeeded since."""
    for upgrade in locking.latest_operations(session, bay_uuid, states.UPGRADE):
        if upgrade.state == states.SUCCEEDED:
            return False
        asked = Upgrade.of(upgrade)
        if asked.groups or asked.master_settings:
            return True
    return False
