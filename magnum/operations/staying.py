"""Drained nodes that stay after all, as an operation ended before Heat was asked to take them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Directive, Node, Operation
from magnum.db.repositories import directives, events, node_watch, operations
from magnum.domain import node_health, reports, rounds
from magnum.domain.directives import ADMIT, DRAIN, REMOVE, nodes_of, parts
from magnum.domain.parameters import Parameters, ResizeMasters, TakingAway
from magnum.domain.plain_text import MOST_TOLD, few
from magnum.drivers.contract import MASTER

_STAY: Final = 'nodes that were drained stay'
_BY_HAND: Final = '"kubectl uncordon" and "docker node update --availability active" do'


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
    if not names or is_asked:
        return
    masters = node_watch.reporting(session, operation.bay_uuid, MASTER)
    if _drain(masters):
        for part in parts(names):
            _admit(session, operation, part, masters)


def _admit(
    session: orm.Session, operation: Operation, names: Sequence[str], masters: Sequence[Node]
) -> None:
    drained, removed = (
        directives.of_operation(session, operation.uuid, verb, names) for verb in (DRAIN, REMOVE)
    )
    if drained is None or removed is not None:
        return
    kind, listed = f'bay.{operation.verb}', few(names, MOST_TOLD)
    master = _master(masters, names, drained.node)
    if master is None:
        _tell_of_failure(
            session, operation, names, 'No master reports that lets them have it again'
        )
        return
    directives.give(session, operation, MASTER, master.name, ADMIT, {'nodes': list(names)})
    events.record(
        session, operation, f'{kind}.admitted',
        f'{_STAY}: {listed}. The master {master.name} is to let them have work again',
    )


def hand_on(session: orm.Session, lost: Node) -> None:
    """Have another master do what a lost one has not come to, in a transaction that holds the bay.

    Where there is none, the lost one does it when it is back.
    """
    for given in directives.admissions_of(session, lost.bay_uuid, lost.role, lost.name):
        operation = operations.load(session, given.operation_uuid)
        if operation is None:
            continue
        names = sorted(nodes_of(given.parameters))
        why = f'{lost.name} is not heard of'
        masters = node_watch.reporting(session, lost.bay_uuid, MASTER)
        master = _master(masters, names, lost.name)
        if master is None:
            _tell_of_failure(session, operation, names, f'{why}, and no other master is there')
            continue
        given.node = master.name
        events.record(
            session, operation, f'bay.{operation.verb}.admitted',
            f'{_STAY}: {few(names, MOST_TOLD)}. {why}: the master {master.name} is to let them '
            'have work again',
        )


def tell_of_failure(
    session: orm.Session, operation: Operation, given: Directive, lines: Sequence[str]
) -> None:
    """Tell that a master could not let nodes have work again, in a transaction that holds the bay.

    :param given: what it was asked.
    :param lines: what it says of it.
    """
    why = f'{given.node}: {" | ".join(lines) or "it failed"}'
    _tell_of_failure(session, operation, sorted(nodes_of(given.parameters)), why)


def _tell_of_failure(
    session: orm.Session, operation: Operation, names: Sequence[str], why: str
) -> None:
    events.record(
        session, operation, f'bay.{operation.verb}.not_admitted',
        f'{_STAY}, and get nothing to run: {few(names, MOST_TOLD)}. {why}; {_BY_HAND}',
    )


def _drain(masters: Sequence[Node]) -> bool:
    """Whether masters can drain, as far as is known: nodes of Mesos have none of that."""
    said = [node for node in masters if reports.DIRECTIVES in (node.versions or {})]
    return not said or any(reports.knows(node.versions, DRAIN) for node in said)


def _master(masters: Sequence[Node], going: Sequence[str], drained_by: str) -> Node | None:
    """A master that reports and knows how: the one that drained, which may be at it yet.

    Else one whose control plane works, or may.
    """
    able = (node for node in masters if reports.knows(node.versions, ADMIT))
    return min(node_watch.at_work(able, going), default=None, key=lambda node: (
        node.name != drained_by,
        node_health.control_plane(node.conditions)['status'] == reports.FALSE,
    ))
