"""Drained nodes that stay after all, as an operation ended before Heat was asked to take them."""

from typing import Final

from sqlalchemy import orm

from magnum.db.models import Node, Operation
from magnum.db.repositories import directives, events, node_watch
from magnum.domain import reports, rounds
from magnum.domain.directives import ADMIT, DRAIN, REMOVE
from magnum.domain.parameters import Parameters, ResizeMasters, TakingAway
from magnum.drivers.contract import MASTER

_STAY: Final = 'nodes that were drained stay'


def admit(session: orm.Session, operation: Operation) -> None:
    """Have a master let them have work again, in the transaction that ends the operation.

    Nobody waits for it. A retry drains them anew.
    """
    asked = Parameters.of(operation)
    # A master that was to leave for good is told of by its own means.
    if not isinstance(asked, TakingAway) or isinstance(asked, ResizeMasters):
        return
    names = asked.leaving
    this = rounds.current(asked)
    is_asked = this.is_asked if this is not None else operation.stack_action is not None
    if not names or is_asked or not _are_drained(session, operation, names):
        return
    kind, listed = f'bay.{operation.verb}', ', '.join(names)
    master = _master(session, operation.bay_uuid, names)
    if master is None:
        events.record(
            session, operation, f'{kind}.not_admitted',
            f'{_STAY}, and get nothing to run: {listed}. No master reports that lets them have '
            'it again; "kubectl uncordon" and "docker node update --availability active" do',
        )
        return
    directives.give(session, operation, MASTER, master.name, ADMIT, {'nodes': list(names)})
    events.record(
        session, operation, f'{kind}.admitted',
        f'{_STAY}: {listed}. The master {master.name} is to let them have work again',
    )


def _are_drained(session: orm.Session, operation: Operation, names: tuple[str, ...]) -> bool:
    """Whether a master was asked to drain them, and not to take them out afterwards."""
    drained, removed = (
        directives.of_operation(session, operation.uuid, verb, names) for verb in (DRAIN, REMOVE)
    )
    return drained is not None and removed is None


def _master(session: orm.Session, bay_uuid: str, going: tuple[str, ...]) -> Node | None:
    """A master that reports and knows how."""
    return next((
        node for node in node_watch.reporting(session, bay_uuid, MASTER)
        if node.state == reports.READY and not node.is_silent
        and reports.knows(node.versions, ADMIT) and node.name not in going
    ), None)
