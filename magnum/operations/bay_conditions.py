"""Conditions of a bay as they are stored, and the health that follows from them."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import orm

from magnum.db.models import Bay
from magnum.db.repositories import bays
from magnum.db.statements import database_now
from magnum.domain import node_health
from magnum.domain.node_health import NODES_REPORTING, Condition


def stored(said: Mapping[str, Mapping[str, str]] | None) -> dict[str, Condition]:
    """The conditions of a bay's row, by name.

    :param said: the row's ``conditions``.
    """
    return {
        name: Condition(one['status'], one['reason'], one['message'])
        for name, one in (said or {}).items()
    }


def update(
    session: orm.Session, bay: Bay, found: Mapping[str, Condition], names: Collection[str]
) -> bool:
    """Store what some of a bay's conditions are now, unless that is what is stored.

    :param bay: locked by this transaction.
    :param found: by name.
    :param names: the conditions that were looked for: those not found are no more.
    :returns: whether any has changed.
    """
    before = stored(bay.conditions)
    after = {
        **{name: condition for name, condition in before.items() if name not in names}, **found
    }
    if after == before:
        return False
    now = database_now(session).isoformat(timespec='seconds')
    changes: dict[str, Any] = {'conditions': {
        name: {
            'status': condition.status, 'reason': condition.reason, 'message': condition.message,
            'since': _since(bay, name, condition) or now,
        }
        for name, condition in after.items()
    }}
    # Before a node has reported, the bay's health is what others say of it.
    if NODES_REPORTING in after:
        changes['health_status'] = node_health.health(after)
        changes['health_status_reason'] = {
            name: condition.message for name, condition in after.items()
        }
    bays.update_health(session, bay.uuid, changes)
    return True


def _since(bay: Bay, name: str, condition: Condition) -> str | None:
    """When it came to have its status, if it had it before."""
    said = (bay.conditions or {}).get(name)
    return said['since'] if said is not None and said['status'] == condition.status else None
