"""Nodes that go: drained, and taken out of the cluster.

A master is asked to do it with the client of the COE, when it next reports. Nobody
waits long: what could not be done is told, and the operation goes on. A master that goes
is another matter: it does so only while the others serve, and when they have let it go.

A resize takes nodes out of the cluster when they are gone, and so does the delete of a
node group, which nothing of this keeps from its end. An upgrade does it before they are
replaced: the new ones have the same names.
"""

import dataclasses
import datetime
from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import orm

from magnum.db.models import Directive, Node, Operation
from magnum.db.repositories import directives, events, node_watch
from magnum.db.statements import database_now
from magnum.domain import boot, node_health, reports
from magnum.domain.directives import DRAIN, REMOVE, RETIRE, SNAPSHOT, parts
from magnum.domain.failures import NODE_FAILED, Failure
from magnum.domain.nodegroups import kind_of
from magnum.domain.parameters import DeleteNodegroup, Resize, TakingAway, Upgrade
from magnum.domain.plain_text import MOST_TOLD, few
from magnum.drivers.contract import MASTER, Driver
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps import nodes
from magnum.operations.steps.heat import DELETE, as_anybody, existing, look
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
#: Seconds; agents of nodes refuse more.
_LONGEST_DRAIN: Final = 3600
#: Of an operation's time, the last part, in which nothing waits any more for what a master
#: does for others: what follows needs some, too.
_KEPT: Final = {DRAIN: 1 / 3, REMOVE: 1 / 10, RETIRE: 0, SNAPSHOT: 0}
_DONE: Final = {
    DRAIN: 'drained', REMOVE: 'removed from the cluster', RETIRE: 'taken out of the cluster',
    SNAPSHOT: 'saved',
}
_KINDS: Final = {DRAIN: 'drained', REMOVE: 'removed', RETIRE: 'retired', SNAPSHOT: 'saved'}
#: What is not done to masters that the others did not let go.
_STAYS: Final = {REMOVE: 'was not replaced', RETIRE: 'stays', SNAPSHOT: 'was not replaced'}
_NOBODY: Final = {
    **dict.fromkeys((DRAIN, REMOVE), 'no master reports'),
    RETIRE: 'no master reports that knows how, as those do not that an earlier release made',
    SNAPSHOT: 'it is lost, or does not know how, as one that an earlier release made',
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
    asked = TakingAway.of(situation.operation)
    if not _may_take_away(work, situation, asked):
        return
    if situation.nodegroup.role == MASTER:
        await_others(work, situation)
        if _is_only(situation):
            _check_lasting(work, situation)
    elif not are_drained(work):
        return
    names = asked.leaving or _note_leaving(work, situation, asked)
    if not names and not _takes_away(work, situation, asked):
        return
    if are_drained(work) and not _is_only(situation):
        _have_all_done(work, DRAIN, names, _later(work, situation, asked))


def remove_nodes(work: Work) -> None:
    """Have a master take the nodes that go out of the cluster.

    :raises TryLater: it is not done yet.
    :raises StepFailed: masters that go were not let go.
    """
    situation = work.situation()
    asked = TakingAway.of(situation.operation)
    names = asked.leaving
    if not names and isinstance(asked, DeleteNodegroup):    # nothing of it was drained
        names = _note_leaving(work, situation, asked)
    are_masters = situation.nodegroup.role == MASTER
    if names and _is_only(situation):
        _save(work, situation, names)
    elif names and (are_drained(work) or are_masters):
        later = _later(work, situation, asked)
        _have_all_done(work, REMOVE, names, later, is_needed=are_masters)


def _is_only(situation: Situation) -> bool:
    """Whether the nodes that go are the only master, which nobody drains or lets go."""
    return situation.nodegroup.role == MASTER and situation.nodegroup.node_count == 1


def _check_lasting(work: Work, situation: Situation) -> None:
    """See that Heat keeps what the cluster knows: it makes anew what it calls failed.

    :raises StepFailed: it would not.
    """
    name = work.driver(situation).lasting_resource
    stack = existing(work, situation.stack_id)
    failed = as_anybody(work, lambda heat: heat.failed_resources(stack.id))
    for one in failed:
        if one.name == name:
            raise StepFailed(Failure(
                'stack_failed',
                'Heat calls it failed, and would make another one, with nothing of the cluster: '
                f'{one.reason or "no reason is told"}. "openstack stack check" lets it look again.',
                name, one.type,
            ))


def _save(work: Work, situation: Situation, names: Sequence[str]) -> None:
    """Have the only master save what the cluster knows, unless it is lost.

    :raises TryLater: it is not done yet.
    :raises StepFailed: it cannot.
    """
    with work.tools.database.reading() as session:
        masters = node_watch.reporting(session, situation.bay.uuid, MASTER)
    is_able = any(reports.knows(one.versions, SNAPSHOT) for one in node_watch.at_work(masters))
    have_done(work, SNAPSHOT, names, is_needed=is_able)


def _later(work: Work, situation: Situation, asked: TakingAway) -> Sequence[str]:
    """Names of the masters that go after those that go now."""
    if situation.nodegroup.role != MASTER or not isinstance(asked, Upgrade):
        return ()
    return names_of(work, situation, asked.current.coming)


def _may_take_away(work: Work, situation: Situation, asked: TakingAway) -> bool:
    """Whether nodes can go, and are there."""
    if isinstance(asked, DeleteNodegroup):
        stack_id = situation.stack_id
        stack = None if stack_id is None else look(work, stack_id)
        return stack is not None and stack.action != DELETE
    if isinstance(asked, Resize):
        before = asked.previous_node_count
        return bool(asked.nodes_to_remove) or before is None or asked.node_count <= before
    return True


def _takes_away(work: Work, situation: Situation, asked: TakingAway) -> bool:
    """Whether nodes go that do not report, as far as is known.

    A resize that is asked for again after a failure has the count of that one before it.
    """
    if isinstance(asked, Upgrade):
        return bool(asked.current.batch)
    if isinstance(asked, Resize):
        before = asked.previous_node_count
        return bool(asked.nodes_to_remove) or before is None or asked.node_count < before
    # What would report, and never did, has not come to the cluster.
    driver, group = _driver(work, situation), situation.nodegroup
    report = driver is not None and driver.nodes_report(group.template_version or '')
    return group.node_count > 0 and not report


def are_drained(work: Work) -> bool:
    """Whether nodes are drained at all, and those that are gone taken out of the cluster."""
    return _timeout(work) > 0


def _seconds_to_drain(work: Work, left: datetime.timedelta) -> int:
    """How long a drain may take, so that it ends while it is waited for.

    :param left: of the operation's time.
    """
    patience = min(_timeout(work), left.total_seconds() / _SHARE)
    return max(1, min(int(patience * _OF_DRAINING), _LONGEST_DRAIN))


def _timeout(work: Work) -> float:
    return float(work.tools.conf.nodes.drain_timeout)


def _driver(work: Work, situation: Situation) -> Driver | None:
    """The bay's driver; None: it is not installed here, and who needs it says so."""
    return work.tools.drivers.find(situation.bay.driver)


def _note_leaving(work: Work, situation: Situation, asked: TakingAway) -> tuple[str, ...]:
    """Look up the names of the nodes that go, and record them."""
    names = _leaving(work, situation, asked)
    if names:
        with work.fenced() as (_, operation):
            operation.parameters = dataclasses.replace(asked, leaving=names).stored()
    return names


def _leaving(work: Work, situation: Situation, asked: TakingAway) -> tuple[str, ...]:
    """Names of the nodes that go: those that report; the cluster knows no others."""
    driver = _driver(work, situation)
    role = kind_of(situation.nodegroup.role)
    with work.tools.database.reading() as session:
        found = node_watch.reporting(session, situation.bay.uuid, role)
    if not found or driver is None:
        return ()
    name = own_stack_name(situation)
    indexes = {node.name: driver.node_index(role, name, node.name) for node in found}
    if isinstance(asked, DeleteNodegroup):
        return tuple(name for name, index in indexes.items() if index is not None)
    going = asked.current.batch if isinstance(asked, Upgrade) else _removed(work, situation)
    return tuple(name for name, index in indexes.items() if str(index) in (going or ()))


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


def _have_all_done(
    work: Work, verb: str, names: Sequence[str], later: Sequence[str], is_needed: bool = False
) -> None:
    """As ``have_done``, with any number of nodes: all have the time of one directive.

    :raises TryLater: not all of it is done yet.
    """
    left: TryLater | None = None
    for part in parts(names) if names else [names]:
        try:
            have_done(work, verb, part, later, is_needed)
        except TryLater as later_on:
            left = left or later_on
    if left is not None:
        raise left


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
        now = database_now(session)
        left = operation.deadline - now
        why_not = None
        if given is None and not is_needed and left.total_seconds() <= _PAUSE:
            why_not = 'the operation has no time left'
        elif given is None:
            master = _master(session, operation, names, later, verb)
            if master is None or not names:
                why_not = _NOBODY[verb] if master is None else 'none of them reports'
            else:
                if verb == DRAIN:
                    more['seconds'] = _seconds_to_drain(work, left)
                directives.give(
                    session, operation, MASTER, master.name, verb, {'nodes': list(names), **more}
                )
        elif given.outcome == reports.DONE:
            kind = f'bay.{operation.verb}.{_KINDS[verb]}'
            told = f'{_DONE[verb]}: {few(names, MOST_TOLD)}'
            for line in given.lines or ():
                if line.startswith(_NOTE):
                    told += f'; {given.node}: {line.removeprefix(_NOTE)}'
            events.record_once(session, operation, kind, told)
            return
        elif given.outcome is not None:
            why_not = f'{given.node}: {" | ".join(given.lines or []) or "it failed"}'
        elif directives.is_in_line(session, given) and left > _kept(operation, verb):
            # The master does one thing at a time: this one's time has not begun.
            given.created_at = now
        elif now > given.created_at + _patience(work, operation, given, is_needed):
            given.outcome = directives.DROPPED
            why_not = f'{given.node} did not say in time that it is done'
        if why_not is not None:
            which = f' ({few(names, MOST_TOLD)})' if names else ''
            told = f'nodes that go are not {_DONE[verb]}{which}: {why_not}'
            events.record_once(session, operation, f'bay.{operation.verb}.not_{_KINDS[verb]}', told)
    if why_not is None:
        raise TryLater(
            f'Nodes are not {_DONE[verb]} yet: {few(names, MOST_TOLD)}', _PAUSE, 'nodes_behind'
        )
    if is_needed:
        raise StepFailed(Failure(
            NODE_FAILED, f'It was not {_DONE[verb]}, and {_STAYS[verb]}: {why_not}',
            few(names, MOST_TOLD), boot.SERVER,
        ))


def _kept(operation: Operation, verb: str) -> datetime.timedelta:
    """The time before its deadline from which on an operation waits in no line."""
    begun = operation.started_at or operation.created_at
    return (operation.deadline - begun) * _KEPT[verb]


def _patience(
    work: Work, operation: Operation, given: Directive, is_needed: bool
) -> datetime.timedelta:
    left = (operation.deadline - given.created_at) / _SHARE
    seconds = max(_timeout(work), _NEEDED_TIMEOUT if is_needed else 0)
    return min(datetime.timedelta(seconds=seconds) + nodes.until_heard(work), left)


def _master(
    session: orm.Session,
    operation: Operation,
    going: Collection[str],
    later: Sequence[str],
    verb: str,
) -> Node | None:
    """A master that reports, knows the verb, and whose control plane works, or may.

    One that stays, else the one of ``later`` that stays longest; what is saved, is by the
    one that goes.
    """
    masters = node_watch.reporting(session, operation.bay_uuid, MASTER)
    if verb in (RETIRE, SNAPSHOT):
        masters = [one for one in masters if reports.knows(one.versions, verb)]
    found = node_watch.at_work(masters, () if verb == SNAPSHOT else going)
    return min(found, default=None, key=lambda node: (
        _ORDER[node_health.control_plane(node.conditions)['status']],
        -(later.index(node.name) if node.name in later else len(later)),
    ))


_ORDER: Final = {reports.TRUE: 0, reports.UNKNOWN: 1, reports.FALSE: 2}
