"""Upgrade of masters that live: one after the other takes other settings over.

Each is told by a directive, and the next only when the one before it said that it is
done: the others serve meanwhile. A master that fails has gone back to what it had, and
ends the operation. A retry tells all of them again; those that are done say so at once.

Before the first one is told, all say whether something stands in the way: nothing is changed
for an upgrade that would end half-way.
"""

import dataclasses
import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Bay, Directive, Node, Operation
from magnum.db.repositories import directives, events, locking, node_watch, steps, transitions
from magnum.db.statements import database_now
from magnum.domain import boot, machine, node_health, reports, states, verbs
from magnum.domain.directives import CHECK, UPGRADE
from magnum.domain.failures import NODE_FAILED, NODE_SILENT, Failure
from magnum.domain.parameters import Parameters, Upgrade
from magnum.domain.plain_text import few
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import MASTER
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps import nodes
from magnum.operations.steps.heat import existing
from magnum.operations.steps.rendering import plan_without_secrets, rendering
from magnum.operations.steps.upgrade import (
    left_nodes,
    replaces_masters,
    target_plan,
    unfinished,
)
from magnum.operations.work import Situation, Work

#: Seconds between two looks for the result.
_PAUSE: Final = 2.0
#: Seconds that one master may take; what it cannot do in that time it does not do.
_SECONDS: Final = 1500
#: For that and for its word of it, from when it has heard.
_TIME: Final = datetime.timedelta(seconds=_SECONDS, minutes=2)
#: Until then what a master says of itself may be of when it was being upgraded.
_SETTLING: Final = datetime.timedelta(minutes=2)
_EVENT: Final = 'bay.upgrade.master'
_TOLD: Final = {
    states.UPGRADE: 'is being upgraded', states.RESIZE_MASTERS: 'learns of the other masters',
}


def upgrade_masters(work: Work) -> None:
    """Have the masters take over what an upgrade changes of them, one after the other.

    :raises TryLater: they are not done yet.
    :raises StepFailed: one failed, or does not answer.
    """
    situation = work.situation()
    changed = Upgrade.of(situation.operation).master_settings
    if changed is None:
        changed = _settle(work, situation)
    if not changed:
        return
    masters = _masters(work, situation)
    if not masters:     # the only one is lost: nobody says what the change would break
        raise StepFailed(Failure(
            NODE_SILENT,
            f'The only master is lost, and {few(sorted(changed))} would change of it. Have it '
            "replaced first, by an upgrade of its node group to the bay's own template.",
        ))
    _check(work, masters, changed)
    for master in masters:
        _upgrade(work, master, masters, changed)
    _end(work, situation, changed)


def await_others(work: Work, situation: Situation) -> None:
    """See that all masters serve but those that are to be replaced now.

    :raises TryLater: one was only just replaced.
    :raises StepFailed: one does not.
    """
    asked = Upgrade.of(situation.operation)
    await_masters(
        work, situation, 'drain_nodes', asked.current.batch or (),
        situation.nodegroup.node_count, 'No other master is replaced meanwhile.',
    )


def await_masters(
    work: Work, situation: Situation, step: str, going: Collection[str], count: int, told: str
) -> None:
    """See that masters serve.

    :param step: that asks; what a master says when it has just begun may be of before.
    :param going: indexes of those that need not.
    :param count: how many there are, with those.
    :param told: what is not done while one does not serve.
    :raises TryLater: one was only just made or replaced.
    :raises StepFailed: one does not.
    """
    with work.tools.database.reading() as session:
        name = verbs.with_ending(step, Parameters.of(situation.operation))
        begun = steps.started_at(session, situation.operation.uuid, name)
        is_settling = begun is None or database_now(session) < begun + _SETTLING
    found = [
        node for node in reporting(work, situation)
        if str(index_of(work, situation, node)) not in going
    ]
    wanted = count - len(going)
    if len(found) < wanted:
        raise _too_few(len(found), wanted)
    for one in found:
        why = nodes.why_not_serving(one)
        if why is None:
            continue
        if is_settling and not one.is_silent:
            raise TryLater(f'The master {one.name} does not serve yet', _PAUSE, NODE_FAILED)
        raise StepFailed(Failure(
            NODE_SILENT if one.is_silent else NODE_FAILED,
            f'It {why}. {told}', one.name, boot.SERVER,
        ))


def take_over(work: Work, situation: Situation, settings: Mapping[str, str]) -> None:
    """Have all masters take settings over, one after the other.

    :raises TryLater: they are not done yet.
    :raises StepFailed: one failed, or does not answer.
    """
    masters = sorted(
        reporting(work, situation), key=lambda node: index_of(work, situation, node) or 0
    )
    for master in masters:
        _upgrade(work, master, masters, settings)


def _settle(work: Work, situation: Situation) -> Mapping[str, str]:
    """Find out what changes, and record it.

    With one node group alone, too: nodes are never newer than their masters.
    """
    with work.tools.database.reading() as session:
        # Of an upgrade that ended half-way some masters have these, and others do not.
        earlier = [Upgrade.of(one) for one in unfinished(session, situation.operation)]
        unsure = {name for asked in earlier for name in asked.master_settings or ()}
        taken_over = sorted({name for asked in earlier for name in asked.taken_over})
    outputs = existing(work, situation.bay.stack_id, outputs=True).outputs
    with rendering():
        changed = work.driver(situation).master_settings(
            plan_without_secrets(work, situation), target_plan(work, situation), outputs, unsure
        )
    left_open = sorted(unsure - changed.keys())
    if left_open and (taken_over or replaces_masters(work, situation)):
        # These do not go back, and new masters would have what the stack knows.
        may_have = f', and {few(taken_over)} may have it' if taken_over else ''
        raise StepFailed(Failure(
            'plan_refused',
            f'cluster_template: An upgrade ended while masters took {", ".join(left_open)} '
            f'over{may_have}. Name its baymodel: all masters have it then.',
        ))
    with work.fenced() as (_, operation):
        asked = dataclasses.replace(Upgrade.of(operation), master_settings=changed)
        operation.parameters = asked.stored()
    return changed


def _masters(work: Work, situation: Situation) -> Sequence[Node]:
    """The masters, in the order of their indexes.

    One that an upgrade has left not working comes first: none of the others is taken from
    its work before it is mended.

    :raises StepFailed: one does not report.
    """
    group = next(group for group in situation.nodegroups if group.role == MASTER)
    with work.tools.database.reading() as session:
        replaced = set(left_nodes(session, situation.operation, group))
    heard_of = reporting(work, situation)
    if replaces_masters(work, situation):
        replaced |= {str(index_of(work, situation, node)) for node in heard_of if node.is_silent}
    # What is lost, or was left half-made, is made anew, and told then.
    found = [
        node for node in heard_of if str(index_of(work, situation, node)) not in replaced
    ]
    wanted = group.node_count - len(replaced)
    if len(found) < wanted:
        raise _too_few(len(found), wanted)
    first = _first(work, situation.operation, found)
    return sorted(found, key=lambda node: (
        node.name not in first, index_of(work, situation, node) or 0
    ))


def reporting(work: Work, situation: Situation) -> Sequence[Node]:
    """The masters of the bay that have reported."""
    with work.tools.database.reading() as session:
        return node_watch.reporting(session, situation.bay.uuid, MASTER)


def index_of(work: Work, situation: Situation, master: Node | str) -> int | None:
    """The index of a master, or of one of that name; None: it is none of the bay."""
    name = stack_name(situation.bay.name, situation.bay.uuid)
    return work.driver(situation).node_index(
        MASTER, name, master if isinstance(master, str) else master.name
    )


def names_of(work: Work, situation: Situation, indexes: Iterable[str]) -> Sequence[str]:
    """Names of the masters of these indexes that have reported, in order."""
    found = {str(index_of(work, situation, one)): one.name for one in reporting(work, situation)}
    return [found[index] for index in indexes if index in found]


def _too_few(found: int, wanted: int) -> StepFailed:
    return StepFailed(Failure(
        NODE_SILENT,
        f'{found} of {wanted} masters report, and an upgrade needs all of them. Those of '
        'bays that an early release made report nothing.',
    ))


def _why_not(master: Node) -> str | None:
    """Why a master does not serve; None: it does, or may."""
    if master.is_silent:
        return 'is not heard of'
    said = node_health.control_plane(master.conditions)
    return f'says: {said["message"]}' if said['status'] == reports.FALSE else None


def _first(work: Work, operation: Operation, masters: Sequence[Node]) -> set[str]:
    """Name of the master that is at work; else of those that an upgrade has left broken."""
    with work.tools.database.reading() as session:
        ended_at = {
            (earlier.error or {}).get('resource') for earlier in unfinished(session, operation)
        }
        given = [
            directives.of_node(session, operation.uuid, UPGRADE, one.name) for one in masters
        ]
    at_work = {one.node for one in given if one is not None and one.outcome is None}
    return at_work or {
        one.name for one in masters
        if one.name in ended_at and not one.is_silent and _why_not(one) is not None
    }


def _check(work: Work, masters: Sequence[Node], changed: Mapping[str, str]) -> None:
    """See that no master refuses the settings, before the first one has them.

    All are asked at once. Masters that an earlier release made do not know how: they look when
    it is their turn.

    :raises TryLater: not all have said so yet.
    :raises StepFailed: one refuses, or does not say in its time.
    """
    failed = None
    with work.changing_bay() as (session, operation):
        if any(directives.of_node(session, operation.uuid, UPGRADE, one.name) for one in masters):
            return
        able = [one for one in masters if reports.knows(one.versions, CHECK)]
        asked = {
            one.name: directives.of_node(session, operation.uuid, CHECK, one.name) for one in able
        }
        given = [one for one in asked.values() if one is not None]
        if len(given) < len(able):
            _check_health(session, operation, masters[0], masters)
            for name in (name for name, one in asked.items() if one is None):
                told = {'settings': dict(changed)}
                directives.give(session, operation, MASTER, name, CHECK, told)
            # One may be at work yet for an upgrade that was cancelled.
            _extend(work, session, operation)
        waiting = [one for one in given if one.outcome is None]
        late = (_too_late(work, session, one, 'whether it can be upgraded') for one in waiting)
        failed = next(filter(None, late), None)
        if len(given) == len(able) and not waiting:
            refusals = {one.node: one.lines for one in given if one.outcome != reports.DONE}
            if not refusals:
                return
            failed = boot.not_to_be_upgraded(refusals)
        change = Upgrade.of(operation)
        # Nothing is half-made, unless by the one that this one retries.
        if failed is not None and not change.taken_over:
            operation.parameters = dataclasses.replace(change, master_settings=None).stored()
    if failed is not None:      # what is noted is committed
        raise StepFailed(failed)
    raise TryLater('Not all masters have said yet that they can be upgraded', _PAUSE, NODE_SILENT)


def _upgrade(
    work: Work, master: Node, masters: Sequence[Node], changed: Mapping[str, str]
) -> None:
    """See that a master has the settings.

    :raises TryLater: not yet.
    :raises StepFailed: it did not go well, or not in its time.
    """
    failed = None
    with work.changing_bay() as (session, operation):
        given = directives.of_node(session, operation.uuid, UPGRADE, master.name)
        if given is None:
            _check_health(session, operation, master, masters)
            directives.give(
                session, operation, MASTER, master.name, UPGRADE,
                {'settings': dict(changed), 'seconds': _SECONDS},
            )
            _note(operation, master.name, may_have=True)
            # Each has its own time, however many there are.
            _extend(work, session, operation)
            events.record(
                session, operation, f'bay.{operation.verb}.master',
                f'the master {master.name} {_TOLD[operation.verb]}',
            )
        elif given.outcome == reports.DONE:
            return
        elif given.outcome is None:
            failed = _too_late(work, session, given, 'that it is upgraded')
        else:
            _note(operation, master.name, may_have=False)
            failed = boot.not_upgraded(given.node, given.lines)
    if failed is not None:      # what is noted is committed
        raise StepFailed(failed)
    raise TryLater(f'The master {master.name} is not done yet', _PAUSE, NODE_SILENT)


def _note(operation: Operation, master: str, may_have: bool) -> None:
    """Note whether a master has the settings of an upgrade, or may have them.

    One that failed has gone back to those that it had.
    """
    asked = Parameters.of(operation)
    if isinstance(asked, Upgrade):
        names = {*asked.taken_over, master} if may_have else {*asked.taken_over} - {master}
        operation.parameters = dataclasses.replace(
            asked, taken_over=tuple(sorted(names))
        ).stored()


def _check_health(
    session: orm.Session, operation: Operation, master: Node, masters: Sequence[Node]
) -> None:
    """A master is taken from its work only while the others do theirs.

    :raises TryLater: one of them has only just been upgraded.
    :raises StepFailed: one of them does not.
    """
    for one in masters:
        why = _why_not(one)
        if why is None or (one is master and not one.is_silent):
            continue
        if not one.is_silent and _is_settling(session, operation, one):
            raise TryLater(f'The master {one.name} does not serve again yet', _PAUSE, NODE_FAILED)
        raise StepFailed(Failure(
            NODE_SILENT if one.is_silent else NODE_FAILED,
            f'It {why}. The masters from {master.name} on were not upgraded.', one.name,
            boot.SERVER,
        ))


def _is_settling(session: orm.Session, operation: Operation, master: Node) -> bool:
    """Whether a master has only just said that it is upgraded."""
    given = directives.of_node(session, operation.uuid, UPGRADE, master.name)
    if given is None or given.updated_at is None:
        return False
    return bool(database_now(session) < given.updated_at + _SETTLING)


def _time(work: Work) -> datetime.timedelta:
    """After this a master without a result counts as silent."""
    return _TIME + nodes.until_heard(work)


def _too_late(
    work: Work, session: orm.Session, given: Directive, what: str
) -> Failure | None:
    """The failure of a master that has had its time; None: it has some yet."""
    if database_now(session) <= given.created_at + _time(work):
        return None
    minutes = round(_time(work).total_seconds() / 60)
    return Failure(
        NODE_SILENT, f'The master did not say in {minutes} minutes {what}.', given.node, boot.SERVER
    )


def _extend(work: Work, session: orm.Session, operation: Operation) -> None:
    """Let a master that is told now have its time."""
    deadline = max(operation.deadline, database_now(session) + _time(work))
    transitions.write(operation, machine.EXTEND, deadline=deadline)


def _end(work: Work, situation: Situation, changed: Mapping[str, str]) -> None:
    """Record the version that the masters have now."""
    version = work.driver(situation).version_of_masters(changed)
    with work.changing_bay() as (session, operation):
        if version is not None:
            locking.set_values(session, Bay, situation.bay.uuid, coe_version=version)
        events.record(
            session, operation, f'{_EVENT}s_done', f'all masters have {version or "their settings"}'
        )
