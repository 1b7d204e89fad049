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


def in_the_way(
    session: orm.Session, bay_uuid: str, group: Nodegroup
) -> tuple[Nodegroup, Operation] | None:
    """The masters' node group, and the upgrade that has left one of them half-made.

    None where that is in no way of a change of a group.
    """
    if not group.is_default or group.role == MASTER:
        return None
    masters = locking.nodegroup(session, bay_uuid, None, MASTER)
    upgrade = left_by(session, bay_uuid, masters)
    return None if upgrade is None else (masters, upgrade)


def left_by(session: orm.Session, bay_uuid: str, masters: Nodegroup) -> Operation | None:
    """The upgrade that has left a master half-made, if one has."""
    upgrades = locking.latest_operations(session, bay_uuid, states.UPGRADE)
    return rounds.left_by(upgrades, masters.uuid)


def tried_by_service(session: orm.Session, bay_uuid: str) -> int:
    """How many upgrades the service itself began in a row that did not succeed."""
    tried = 0
    for upgrade in locking.latest_operations(session, bay_uuid, states.UPGRADE):
        if upgrade.user_id is not None or upgrade.state == states.SUCCEEDED:
            break
        tried += 1
    return tried


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
