"""Stacks of bays and node groups: ask for one, change it, wait for it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from magnum.clients.errors import CloudConflict, CloudRefused
from magnum.clients.heat import HeatClient, Stack
from magnum.db.models import Bay, Nodegroup
from magnum.db.repositories import ledger, locking, node_archives, pending, steps, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, states, turns
from magnum.domain.failures import Failure, is_echo, root_cause
from magnum.domain.parameters import Resize
from magnum.drivers.contract import MASTER, WORKER, StackRequest
from magnum.drivers.plans import nodegroup_plan
from magnum.operations.outcomes import HeatIsBusy, StepFailed, TryLater
from magnum.operations.steps import nodes
from magnum.operations.steps.heat import (
    CREATE,
    ROLLBACK,
    UPDATE,
    as_anybody,
    check_ours,
    existing,
    is_done,
    minutes_left,
    need_not_be_asked,
    own_heat,
    tag_of,
    unless_busy,
)
from magnum.operations.steps.removal import removal
from magnum.operations.steps.rendering import plan, rendering
from magnum.operations.steps.returned import spare_returned
from magnum.operations.steps.upgrade import left_undone
from magnum.operations.work import Situation, Work

#: A resize asks Heat again this often when it meets what was cancelled before.
_MOST_ECHOES: Final = 2


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """A stack that there is to be."""

    kind: str                       # in the ledger
    name: str
    project_id: str
    request: StackRequest
    table: type[Bay | Nodegroup]    # whose row has its version
    uuid: str


def create_stack(work: Work) -> None:
    """Ask Heat for the bay's stack, or adopt the one asked for before."""
    situation = work.situation()
    bay_plan = plan(work, situation)
    with rendering():
        request = work.driver(situation).render(bay_plan)
    wanted = _Wanted(
        ledger.HEAT_STACK, bay_plan.stack_name, bay_plan.project_id, request, Bay, bay_plan.uuid
    )
    stack_id, made = _ask_for(work, wanted)
    with work.changing_bay() as (session, operation):
        ledger.note_id(session, bay_plan.uuid, wanted.kind, wanted.name, stack_id)
        locking.set_values(session, Bay, bay_plan.uuid, stack_id=stack_id, **made)
        for nodegroup in situation.nodegroups:
            if nodegroup.is_default:
                locking.set_values(session, Nodegroup, nodegroup.uuid, stack_id=stack_id)
        transitions.write(operation, machine.FOLLOW, stack_id=stack_id, stack_action=CREATE)


def create_nodegroup_stack(work: Work) -> None:
    """Ask Heat for a node group's own stack, or adopt the one asked for before.

    What a failed attempt left is rebuilt: accepting the retry has raised the group's
    revision, so that all its nodes are new ones.
    """
    situation = work.situation()
    bay_plan = plan(work, situation)
    group = nodegroup_plan(situation.bay, situation.nodegroup)
    outputs = existing(work, situation.bay.stack_id, outputs=True).outputs
    with rendering():
        request = work.driver(situation).render_nodegroup(bay_plan, group, outputs)
    wanted = _Wanted(
        ledger.NODEGROUP_STACK, group.stack_name, bay_plan.project_id, request,
        Nodegroup, situation.nodegroup.uuid,
    )
    stack_id, action, made = None, CREATE, {'template_version': request.version}
    if situation.operation.retries is not None:
        stack_id, action = _rebuild(work, wanted)
    if stack_id is None:
        stack_id, made = _ask_for(work, wanted)
    with work.fenced() as (session, operation):
        ledger.note_id(session, bay_plan.uuid, wanted.kind, wanted.name, stack_id)
        locking.set_values(
            session, Nodegroup, situation.nodegroup.uuid, stack_id=stack_id, **made
        )
        transitions.write(operation, machine.FOLLOW, stack_id=stack_id, stack_action=action)


def note_stack(work: Work) -> None:
    """Record the stack's time stamp, to tell the coming change from the last."""
    stack = existing(work, work.situation().stack_id)
    if stack.is_busy:
        raise TryLater(f'Heat still works on the stack: {stack.status}')
    with work.fenced() as (_, operation):
        transitions.write(
            operation, machine.NOTE_STACK, stack_id=stack.id,
            stack_updated_before=stack.updated_time or '',
        )


def change_stack(work: Work) -> None:
    """Ask Heat to change the stack's parameters, unless it was asked before.

    :raises NothingLeft: it is about lost nodes, which report again.
    """
    spare_returned(work)
    situation = work.situation()
    group, asked = situation.nodegroup, Resize.of(situation.operation)
    if group.role == MASTER:
        raise StepFailed(Failure('plan_refused', 'nodegroup: The number of masters is fixed.'))
    bay_plan = plan(work, situation)
    stack = existing(work, situation.stack_id)
    if need_not_be_asked(situation.operation, stack):
        with work.fenced() as (_, operation):
            transitions.write(operation, machine.ASK, stack_action=UPDATE)
        return
    driver = work.driver(situation)
    batch = None
    if stack.is_failed and not nodes.report(work, situation):
        batch = _go_on_with_upgrade(work, group)
    going = removal(work, situation, stack, nodes.lost_workers(work, situation, stack))
    with rendering():
        if group.is_default:
            change = driver.resize_parameters(
                bay_plan, situation.bay.template_version or '', going.names, batch
            )
        else:
            change = driver.resize_nodegroup_parameters(
                bay_plan, nodegroup_plan(situation.bay, group),
                group.template_version or '', going.names, batch,
            )
    change = {**change, **_kept(work, situation, stack)}
    heat = own_heat(work)
    with work.fenced() as (session, operation):
        minutes = minutes_left(work, operation, database_now(session))
        # From here on Heat may have heard, whether its answer comes or not.
        transitions.write(operation, machine.ASK, stack_action=UPDATE)
        operation.parameters = dataclasses.replace(
            Resize.of(operation), taken=going.taken
        ).stored()
    try:
        with unless_busy():
            heat.change_parameters(stack.id, change, minutes, asked.rollback)
    except CloudRefused:
        if situation.operation.stack_action is None:    # nor was it asked before
            with work.fenced() as (_, operation):
                transitions.write(operation, machine.TAKE_BACK)
        raise


def await_stack(work: Work) -> None:
    """Wait until Heat is done, and check the outcome.

    :raises HeatIsBusy: it is not done yet.
    :raises StepFailed: it failed, for its root cause.
    """
    operation = work.operation()
    stack = existing(work, operation.stack_id)
    if not is_done(operation, stack):
        raise HeatIsBusy(stack.status)
    if stack.action == ROLLBACK:
        with work.changing_bay() as (session, locked):
            pending.restore_count(session, locked)
        if not stack.is_failed:
            raise StepFailed(
                Failure('stack_failed', f'The change failed, Heat undid it: {stack.reason}')
            )
    if stack.is_failed:
        failed = as_anybody(work, lambda heat: heat.failed_resources(stack.id))
        if operation.verb == states.RESIZE and is_echo(failed, stack.reason):
            _ask_again(work)
        raise StepFailed(root_cause(failed, stack.reason))


def _ask_again(work: Work) -> None:
    """Ask Heat once more for a resize that met the end of a change that was cancelled.

    Heat shows a stack as stopped while parts of it are still being told. When
    these come to hear of it, it counts against what the stack does by then.

    :raises TryLater: unless nothing was cancelled, or it was asked often enough.
    """
    with work.fenced() as (session, operation):
        asked = Resize.of(operation)
        before = next(
            (
                earlier
                for earlier in locking.earlier_operations(session, operation, *states.VERBS)
                # What went on beside it was about other stacks.
                if turns.nodegroup_of(earlier) in (None, asked.nodegroup)
            ),
            None,
        )
        if before is None or before.state != states.CANCELLED or asked.echoes >= _MOST_ECHOES:
            return
        operation.parameters = dataclasses.replace(asked, echoes=asked.echoes + 1).stored()
        transitions.write(operation, machine.REPEAT)
        steps.repeat(session, operation.uuid, (note_stack.__name__, change_stack.__name__))
    raise TryLater('Heat was still stopping what was cancelled before')


def _kept(work: Work, situation: Situation, stack: Stack) -> Mapping[str, Any]:
    """Parameters by which new nodes are none that an upgrade had not come to.

    Heat gives an index again that it took for the count.
    """
    driver = work.driver(situation)
    kept = driver.kept_nodes(WORKER, stack.parameters)
    members = nodes.members_of(work, situation, stack) if kept else None
    if members is None or kept.keys() <= members.keys():
        return {}
    return driver.keep_workers({index: made for index, made in kept.items() if index in members})


def _go_on_with_upgrade(work: Work, group: Nodegroup) -> int | None:
    """Give a resize the time of an upgrade that it cannot but finish.

    Heat brings every node to what the stack says, those too that a failed
    upgrade did not come to.

    :returns: how many nodes may be replaced at once; None without an upgrade.
    """
    with work.fenced() as (session, operation):
        undone = left_undone(session, operation, group.uuid)
        if undone is None:
            return None
        batch, time = undone
        begun = operation.started_at or operation.created_at
        deadline = max(operation.deadline, begun + time)
        transitions.write(operation, machine.EXTEND, deadline=deadline)
    return batch


def _ask_for(work: Work, wanted: _Wanted) -> tuple[str, dict[str, str]]:
    """Ask for a new stack, or adopt the one asked for before.

    :returns: the stack's id, and what its row is to have of it.
    """
    bay_uuid, request = work.claim.bay_uuid, wanted.request
    version = {'template_version': request.version}
    # Before the fence: between that and Heat's call is nothing that may wait.
    node_archives.keep(work.tools.database, request.archives)
    with work.changing_bay() as (session, operation):
        ledger.write(session, bay_uuid, wanted.project_id, wanted.kind, wanted.name)
        # Beforehand: whoever finds the stack has to know its version, and a
        # conductor of another release may have asked for it first.
        locking.set_first_version(session, wanted.table, wanted.uuid, request.version)
        minutes = minutes_left(work, operation, database_now(session))
    heat = own_heat(work)
    try:
        made = heat.create(
            wanted.name, request.template, request.files, request.parameters, minutes,
            [tag_of(bay_uuid)],
        )
    except CloudConflict:
        return _adopt(heat, wanted.name, bay_uuid), {}
    return made, version


def _rebuild(work: Work, wanted: _Wanted) -> tuple[str | None, str]:
    """Ask Heat to make what a failed attempt left anew, unless it was asked before.

    :returns: the stack's id, None when nothing was left, and what Heat was asked to do.
    """
    bay_uuid, request = work.claim.bay_uuid, wanted.request
    heat = own_heat(work)
    stack = heat.get(wanted.name)
    if stack is not None:
        check_ours(stack, bay_uuid)
    node_archives.keep(work.tools.database, request.archives)
    with work.fenced() as (session, operation):
        if operation.stack_updated_before is None:
            if stack is not None and stack.is_busy:
                raise TryLater(f'Heat still works on the stack: {stack.status}')
            transitions.write(
                operation, machine.NOTE_STACK, stack_id=operation.stack_id,
                stack_updated_before=(stack and stack.updated_time) or '',
            )
        minutes = minutes_left(work, operation, database_now(session))
    if stack is None:
        return None, CREATE
    if need_not_be_asked(work.operation(), stack):
        return stack.id, CREATE if stack.action == CREATE else UPDATE
    with unless_busy():
        heat.replace(
            stack.id, request.template, request.files, request.parameters, minutes,
            [tag_of(bay_uuid)],
        )
    return stack.id, UPDATE


def _adopt(heat: HeatClient, name: str, bay_uuid: str) -> str:
    found = heat.get(name)
    if found is None:
        raise TryLater(f'the stack {name} came and went')
    check_ours(found, bay_uuid)
    return found.id
