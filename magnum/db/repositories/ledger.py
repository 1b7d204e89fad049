"""The ledger: every external thing of a bay, written before it is made.

Delete works from these rows alone. Kinds say how a thing is found and
removed; see :mod:`magnum.operations.steps.cleanup`.
"""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db.models import LedgerEntry

HEAT_STACK: Final = 'heat_stack'               # the bay's own
NODEGROUP_STACK: Final = 'nodegroup_stack'
KEYSTONE_USER: Final = 'keystone_user'
APPLICATION_CREDENTIAL: Final = 'application_credential'     # of that user
CERTIFICATES: Final = 'certificates'
# Made by the workload of the bay; named by their ids, and written down before
# they are removed.
LOAD_BALANCER: Final = 'load_balancer'
FLOATING_IP: Final = 'floating_ip'
VOLUME: Final = 'volume'
SNAPSHOT: Final = 'snapshot'


def write(
    session: orm.Session, bay_uuid: str, project_id: str | None, kind: str, name: str
) -> LedgerEntry:
    """The entry of a thing that is about to be made, new or as it stands.

    :param name: what the thing is called where it lives; derived from the bay.
    """
    entry = session.scalars(
        sa.select(LedgerEntry).filter_by(bay_uuid=bay_uuid, kind=kind, name=name)
    ).one_or_none()
    if entry is None:
        entry = LedgerEntry(bay_uuid=bay_uuid, project_id=project_id, kind=kind, name=name)
        session.add(entry)
        session.flush()
    return entry


def note_id(session: orm.Session, bay_uuid: str, kind: str, name: str, external_id: str) -> None:
    """Add the id that the cloud gave to a thing that has its entry."""
    session.execute(
        sa.update(LedgerEntry)
        .filter_by(bay_uuid=bay_uuid, kind=kind, name=name)
        .values(external_id=external_id)
    )


def note_found(
    session: orm.Session, bay_uuid: str, project_id: str | None, kind: str, external_id: str
) -> None:
    """The entry of a thing that the bay's workload made, and that is to be removed."""
    write(session, bay_uuid, project_id, kind, external_id).external_id = external_id


def forget_id(session: orm.Session, bay_uuid: str, kind: str, name: str) -> None:
    """The thing is gone, and another one is to be made in its place."""
    session.execute(
        sa.update(LedgerEntry)
        .filter_by(bay_uuid=bay_uuid, kind=kind, name=name)
        .values(external_id=None)
    )


def entries(session: orm.Session, bay_uuid: str, kind: str) -> Sequence[LedgerEntry]:
    """The bay's things of one kind."""
    return session.scalars(
        sa.select(LedgerEntry).filter_by(bay_uuid=bay_uuid, kind=kind).order_by(LedgerEntry.id)
    ).all()


def strike(session: orm.Session, entry: LedgerEntry) -> None:
    """Cross an entry out: the thing is gone, which has been seen."""
    session.execute(sa.delete(LedgerEntry).filter_by(id=entry.id))
