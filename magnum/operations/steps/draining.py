"""Nodes that go: drained, and taken out of the cluster.

A master is asked to do it with the client of the COE, when it next reports. Nobody
waits long: what could not be done is told, and the operation goes on. A master that goes
is another matter: it does so only while the others serve, and when they have let it go.

A resize takes nodes out of the cluster when they are gone. An upgrade does it before
they are replaced: the new ones have the same names.
"""

import dataclasses
import datetime
from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import orm

from magnum.db.models import Directive, Node, Operation
from magnum.db.repositories import directives, events, node_watch
from magnum.db.statements import database_now
from magnum.domain import boot, node_health, reports, states
from magnum.domain.directives import DRAIN, REMOVE, RETIRE
from magnum.domain.failures import NODE_FAILED, Failure
from magnum.domain.nodegroups import kind_of
from magnum.domain.parameters import Resize, Upgrade
from magnum.drivers.contract import MASTER
from magnum.operations import retiring
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps import nodes
from magnum.operations.steps.heat import existing
from magnum.operations.steps.masters import await_others, names_of
from magnum.operations.steps.removal import removal
from magnum.operations.steps.rendering import own_stack_name
from magnum.operations.steps.returned import spare_returned
from magnum.operations.work import Situation, Work

#: Seconds between two looks for the result.
_PAUSE: Final = 2.0
#: Of the time that the operation has left, the part that one directive may take.
_SHARE: Final = 3
#: Of that, the part for draining; in the rest the master says what is left.
_OF_DRAINING: Final = 0.8
_DONE: Final = {
    DRAIN: 'drained', REMOVE: 'removed from the cluster', RETIRE: 'taken out of the cluster',
}
_KINDS: Final = {DRAIN: 'drained', REMOVE: 'removed', RETIRE: 'retired'}
#: What is not done to masters that the others did not let go.
_STAYS: Final = {REMOVE: 'was not replaced', RETIRE: 'stays'}
_NOBODY: Final = {
    **dict.fromkeys((DRAIN, REMOVE), 'no master reports'),
    RETIRE: 'no master reports that knows how, as those do not that an earlier release made',
}
#: How a line begins that a node notes for the operation's event.
_NOTE: Final = 'note '
#: Seconds at least for what the operation does not go on without.
_NEEDED_TIMEOUT: Final = 300


def drain_nodes(work: Work) -> None:
    """Have a master drain the nodes that go.

    :raises NothingLeft: they were lost, and report again.
    :raises TryLater: it is not done yet.
    """
    spare_returned(work)
    situation = work.situation()
    asked = _asked(situation.operation)
    if not _may_take_away(asked):
        return
    if situation.nodegroup.role == MASTER:
        await_others(work, situation)
    elif not _timeout(work):
        return
    if not asked.leaving:
        asked = dataclasses.replace(asked, leaving=_leaving(work, situation, asked))
        if not asked.leaving and not _takes_away(asked):
            return
        with work.fenced() as (_, operation):
            operation.parameters = asked.stored()
    if _timeout(work):
        seconds = seconds_to_drain(work)
        have_done(work, DRAIN, asked.leaving, _later(work, situation, asked), seconds=seconds)


def remove_nodes(work: Work) -> None:
    """Have a master take the nodes that go out of the cluster.

    :raises TryLater: it is not done yet.
    :raises StepFailed: masters that go were not let go.
    """
    situation = work.situation()
    asked = _asked(situation.operation)
    are_masters = situation.nodegroup.role == MASTER
    if asked.leaving and (_timeout(work) or are_masters):
        later = _later(work, situation, asked)
        have_done(work, REMOVE, asked.leaving, later, is_needed=are_masters)


def _asked(operation: Operation) -> Resize | Upgrade:
    kind = Upgrade if operation.verb == states.UPGRADE else Resize
    return kind.of(operation)


def _later(work: Work, situation: Situation, asked: Resize | Upgrade) -> Sequence[str]:
    """Names of the masters that go after those that go now."""
    if situation.nodegroup.role != MASTER or not isinstance(asked, Upgrade):
        return ()
    return names_of(work, situation, asked.current.coming)


def _may_take_away(asked: Resize | Upgrade) -> bool:
    """Whether nodes can go."""
    if isinstance(asked, Upgrade):
        return True
    before = asked.previous_node_count
    return bool(asked.nodes_to_remove) or before is None or asked.node_count <= before


def _takes_away(asked: Resize | Upgrade) -> bool:
    """Whether nodes go, as far as the request says.

    A resize that is asked for again after a failure has the count of that one before it.
    """
    if isinstance(asked, Upgrade):
        return bool(asked.current.batch)
    before = asked.previous_node_count
    return bool(asked.nodes_to_remove) or before is None or asked.node_count < before


def seconds_to_drain(work: Work) -> int:
    """How long nodes are drained; 0: not at all."""
    return int(_timeout(work) * _OF_DRAINING)


def _timeout(work: Work) -> float:
    return float(work.tools.conf.nodes.drain_timeout)


def _leaving(work: Work, situation: Situation, asked: Resize | Upgrade) -> tuple[str, ...]:
    """Names of the nodes that go: those that report; the cluster knows no others."""
    driver = work.driver(situation)
    role = kind_of(situation.nodegroup.role)
    with work.tools.database.reading() as session:
        found = node_watch.reporting(session, situation.bay.uuid, role)
    if not found:
        return ()
    going = asked.current.batch if isinstance(asked, Upgrade) else _removed(work, situation)
    name = own_stack_name(situation)
    return tuple(
        node.name for node in found
        if str(driver.node_index(role, name, node.name)) in (going or ())
    )


def _removed(work: Work, situation: Situation) -> tuple[str, ...]:
    """Indexes of the nodes that a resize removes."""
    if work.driver(situation).workers_output is None:
        return ()
    stack = existing(work, situation.stack_id)
    if stack.is_busy:
        raise TryLater(f'Heat still works on the stack: {stack.status}')
    members = nodes.members_of(work, situation, stack) or {}
    try:
        named = removal(
            work, situation, stack, nodes.lost_workers(work, situation, stack)
        ).names
    except StepFailed:      # the step that asks Heat says so
        return ()
    stay = sorted(set(members) - set(named), key=int)
    # Heat goes on with the highest indexes.
    return (*named, *stay[situation.nodegroup.node_count:])


def have_done(
    work: Work, verb: str, names: Sequence[str], later: Sequence[str] = (),
    is_needed: bool = False, **more: Any,
) -> None:
    """See that a master does something with nodes, for as long as there is time.

    :param later: masters that go later, in order: what one keeps goes with it.
    :param is_needed: the operation does not go on without it.
    :raises TryLater: it is not done yet.
    :raises StepFailed: it is needed, and was not done.
    """
    with work.changing_bay() as (session, operation):
        given = directives.of_operation(session, operation.uuid, verb, names)
        why_not = None
        if given is None:
            master = _master(session, operation, names, later, verb)
            if master is None or not names:
                why_not = _NOBODY[verb] if master is None else 'none of them reports'
            else:
                directives.give(
                    session, operation, MASTER, master.name, verb, {'nodes': list(names), **more}
                )
        elif given.outcome == reports.DONE:
            kind = f'bay.{operation.verb}.{_KINDS[verb]}'
            told = f'{_DONE[verb]}: {", ".join(names)}'
            for line in given.lines or ():
                if line.startswith(_NOTE):
                    told += f'; {given.node}: {line.removeprefix(_NOTE)}'
            events.record(session, operation, kind, told)
            return
        elif given.outcome is not None:
            why_not = f'{given.node}: {" | ".join(given.lines or []) or "it failed"}'
        elif directives.is_in_line(session, given):
            # The master does one thing at a time: this one's time has not begun.
            given.created_at = database_now(session)
        elif database_now(session) > given.created_at + _patience(
            work, operation, given, is_needed
        ):
            given.outcome = directives.DROPPED
            why_not = f'{given.node} did not say in time that it is done'
        if why_not is not None:
            told = f'nodes that go are not {_DONE[verb]}: {why_not}'
            events.record(session, operation, f'bay.{operation.verb}.not_{_KINDS[verb]}', told)
    if why_not is None:
        raise TryLater(
            f'Nodes are not {_DONE[verb]} yet: {", ".join(names)}', _PAUSE,
            'nodes_behind',
        )
    if is_needed:
        raise StepFailed(Failure(
            NODE_FAILED, f'It was not {_DONE[verb]}, and {_STAYS[verb]}: {why_not}',
            ', '.join(names), boot.SERVER,
        ))


def _patience(
    work: Work, operation: Operation, given: Directive, is_needed: bool
) -> datetime.timedelta:
    left = (operation.deadline - given.created_at) / _SHARE
    seconds = max(_timeout(work), _NEEDED_TIMEOUT if is_needed else 0)
    return min(datetime.timedelta(seconds=seconds), left)


def _master(
    session: orm.Session,
    operation: Operation,
    going: Collection[str],
    later: Sequence[str],
    verb: str,
) -> Node | None:
    """A master that reports, knows the verb, and whose control plane works, or may.

    One that stays, else the one of ``later`` that stays longest.
    """
    masters = node_watch.reporting(session, operation.bay_uuid, MASTER)
    found = [
        node for node in (retiring.able(masters) if verb == RETIRE else masters)
        if node.state == reports.READY and not node.is_silent and node.name not in going
    ]
    return min(found, default=None, key=lambda node: (
        _ORDER[node_health.control_plane(node.conditions)['status']],
        -(later.index(node.name) if node.name in later else len(later)),
    ))


_ORDER: Final = {reports.TRUE: 0, reports.UNKNOWN: 1, reports.FALSE: 2}
