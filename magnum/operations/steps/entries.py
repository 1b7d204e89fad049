"""Ledger entries of a step's bay: read, and struck when the thing is gone."""

from collections.abc import Sequence

from magnum.db.models import LedgerEntry
from magnum.db.repositories import events, ledger
from magnum.operations.work import Work


def entries_of(work: Work, kind: str) -> Sequence[LedgerEntry]:
    """The bay's things of one kind."""
    with work.tools.database.reading() as session:
        return ledger.entries(session, work.claim.bay_uuid, kind)


def strike(work: Work, entry: LedgerEntry, removed: str | None = None) -> None:
    """Delete an entry.

    :param removed: what was removed with it, for the bay's events.
    """
    with work.changing_bay() as (session, operation):
        ledger.strike(session, entry)
        if removed is not None:
            events.record(
                session, operation, f'bay.{operation.verb}.removed', f'{removed} was removed'
            )
