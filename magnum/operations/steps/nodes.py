"""Nodes that an operation builds: waiting until they report that they are ready.

Heat is done when the servers are there. Nodes of stacks that an earlier release
made are waited for by Heat.
"""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from magnum.clients.heat import Stack
from magnum.db.models import Node, Operation
from magnum.db.repositories import locking, node_watch, operations, steps
from magnum.db.statements import database_now
from magnum.domain import boot, node_health, reports, rounds, states, verbs
from magnum.domain.failures import NODE_SILENT
from magnum.domain.nodegroups import kind_of
from magnum.domain.parameters import Building, Parameters
from magnum.drivers.contract import MASTER, WORKER
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps.heat import as_anybody, existing
from magnum.operations.steps.rendering import own_stack_name, plan_without_secrets
from magnum.operations.work import Situation, Work

#: Seconds between two looks at the nodes: a part of what has passed, within these.
_PAUSES: Final = (3.0, 15.0)
_PART: Final = 10
#: Conditions of masters without which they are of no use to their cluster.
_OF_MASTERS: Final = (node_health.CONTROL_PLANE, 'Services')
#: A node's pause between two reports, as a part of the interval that it is told.
_LONGEST_PAUSE: Final = 1.2
#: What builds nodes.
_BUILDING: Final = (states.CREATE, states.CREATE_NODEGROUP, states.RESIZE, states.UPGRADE)
#: What builds every node that it waits for.
_BUILDS_ALL: Final = frozenset(
    {states.CREATE, states.CREATE_NODEGROUP, states.UPGRADE, states.RESIZE_MASTERS}
)


def await_nodes(work: Work) -> None:
    """Wait until the nodes are ready.

    :raises TryLater: they are not yet.
    :raises StepFailed: one failed, or is not ready in its time.
    """
    situation = work.situation()
    if not report(work, situation):
        return
    names = Building.of(situation.operation).awaited or _note_names(work, situation)
    with work.tools.database.reading() as session:
        nodes = node_watch.named(session, situation.bay.uuid, names)
        now = database_now(session)
        begun = steps.started_at(session, situation.operation.uuid, _own_name(situation)) or now
    waiting = [name for name in names if not _is_ready(nodes.get(name), situation.operation)]
    if not waiting:
        return
    # Rows of servers that were there before, by the same names, say nothing.
    built = {
        name: node for name, node in nodes.items()
        if node.operation_uuid == situation.operation.uuid and node.signing_key is not None
    }
    _check_failed(built, waiting)
    limit = datetime.timedelta(seconds=work.tools.conf.drivers.node_boot_timeout)
    if now >= min(begun + limit, situation.operation.deadline):
        name = min(waiting, key=lambda name: _last_heard(built.get(name)))
        raise StepFailed(boot.silent(name, built.get(name), len(waiting) - 1, now - begun))
    told = boot.progress(len(names), [(name, built.get(name)) for name in waiting])
    raise TryLater(told, _pause(now - begun), NODE_SILENT)


def why_not_serving(master: Node) -> str | None:
    """Why a master does nothing for its cluster now; None: it does, as far as it says."""
    if master.is_silent:
        return 'is not heard of'
    if master.state != reports.READY:
        return 'is not ready'
    for said in map((master.conditions or {}).get, _OF_MASTERS):
        if said is not None and said['status'] == reports.FALSE:
            return f'says: {said["message"]}'
    return None


def until_heard(work: Work) -> datetime.timedelta:
    """How long it may take until a node hears what it is to do: a pause between reports."""
    interval: int = work.tools.conf.nodes.report_interval
    return datetime.timedelta(seconds=interval * _LONGEST_PAUSE)


def _pause(waited: datetime.timedelta) -> float:
    shortest, longest = _PAUSES
    return max(shortest, min(longest, waited.total_seconds() / _PART))


def report(work: Work, situation: Situation) -> bool:
    """Whether the nodes of the stack report when they are ready."""
    of = situation.bay if situation.is_about_bays_stack else situation.nodegroup
    return work.driver(situation).nodes_report(of.template_version or '')


def lost_workers(work: Work, situation: Situation, stack: Stack) -> tuple[str, ...]:
    """Indexes of workers that a resize replaces: they did not come up, or not become ready."""
    driver = work.driver(situation)
    lost: tuple[str, ...] = ()
    if stack.is_failed:
        unfinished = as_anybody(work, lambda heat: heat.unfinished_resources(stack.id))
        lost = driver.lost_workers(stack.id, unfinished)
    if not report(work, situation) or not _failed_before(work, situation):
        return lost
    members = members_of(work, situation, stack) or {}
    unready = _unready(work, situation, members, driver.kept_nodes(WORKER, stack.parameters))
    return (*lost, *(index for index in unready if index not in lost))


def members_of(work: Work, situation: Situation, stack: Stack) -> Mapping[str, str] | None:
    """Servers of the group's workers, by index; None if the stack does not say."""
    output = work.driver(situation).workers_output
    if output is None:
        return None
    found: Mapping[str, str] | None = as_anybody(work, lambda heat: heat.output(stack.id, output))
    return found


def _failed_before(work: Work, situation: Situation) -> bool:
    """Whether the last operation that built nodes in the group did not succeed."""
    group = situation.nodegroup
    with work.tools.database.reading() as session:
        for earlier in locking.earlier_operations(session, situation.operation, *_BUILDING):
            of = rounds.nodegroup_uuids(Parameters.of(earlier))
            if group.uuid in of or (group.is_default and earlier.verb == states.CREATE):
                return earlier.state != states.SUCCEEDED
    return False


def _unready(
    work: Work, situation: Situation, members: Mapping[str, str], kept: Mapping[str, object]
) -> tuple[str, ...]:
    """Indexes of the group's workers that an operation which did not succeed left unready.

    :param members: of the group, by index.
    :param kept: those of them that never reported, because a later release than theirs does.
    """
    driver, name_of_stack = work.driver(situation), own_stack_name(situation)
    with work.tools.database.reading() as session:
        nodes = {
            driver.node_index(WORKER, name_of_stack, node.name): node
            for node in node_watch.of_bay(session, situation.bay.uuid) if node.role == WORKER
        }
        built = {
            node.operation_uuid: operations.load(session, node.operation_uuid)
            for node in nodes.values() if node.operation_uuid and node.state != reports.READY
        }

    def is_left(index: str) -> bool:
        node = nodes.get(int(index))
        if node is None or node.signing_key is None:
            return True
        by = built.get(node.operation_uuid or '')
        return node.state != reports.READY and (by is None or by.state != states.SUCCEEDED)

    return tuple(index for index in members if index not in kept and is_left(index))


def _note_names(work: Work, situation: Situation) -> tuple[str, ...]:
    """Look up the names of the nodes to wait for, and record them."""
    driver = work.driver(situation)
    stack = existing(work, situation.stack_id, outputs=True)
    plan = plan_without_secrets(work, situation)
    if situation.is_about_bays_stack:
        of_bay = driver.read_outputs(stack.outputs, stack.parameters, plan)
        workers, masters = of_bay.node_names, of_bay.master_names
    else:
        of_group = driver.read_nodegroup_outputs(stack.outputs, stack.parameters, plan)
        workers, masters = of_group.node_names, ()
    if situation.operation.verb == states.CREATE:
        names = masters + workers
    else:
        of_masters = situation.nodegroup.role == MASTER
        names = _concerned(work, situation, stack, masters if of_masters else workers)
    replaced = _replaced(work, situation, stack)
    with work.fenced() as (session, operation):
        operation.parameters = dataclasses.replace(Building.of(operation), awaited=names).stored()
        node_watch.let_servers_go(session, situation.bay.uuid, replaced)
    return names


def _replaced(work: Work, situation: Situation, stack: Stack) -> Callable[[Node], bool]:
    """What tells rows of servers that others have taken the places of, in a resize.

    Heat may give an index again, and makes anew what a change that failed had not come to.
    """
    driver, name_of_stack = work.driver(situation), own_stack_name(situation)
    servers: Mapping[str, str] = {}
    if situation.operation.verb not in _BUILDS_ALL:
        servers = members_of(work, situation, stack) or {}

    def is_replaced(node: Node) -> bool:
        index = str(driver.node_index(WORKER, name_of_stack, node.name))
        return node.role == WORKER and servers.get(index, node.server_id) != node.server_id

    return is_replaced


def _concerned(
    work: Work, situation: Situation, stack: Stack, names: Sequence[str]
) -> tuple[str, ...]:
    """Those of a group's nodes that the operation, or its batch, builds or may build."""
    this = rounds.current(Parameters.of(situation.operation))
    driver, name_of_stack = work.driver(situation), own_stack_name(situation)
    role = kind_of(situation.nodegroup.role)
    kept = driver.kept_nodes(role, stack.parameters)

    def is_concerned(name: str) -> bool:
        index = str(driver.node_index(role, name_of_stack, name))
        return index not in kept and (this is None or index in (this.batch or ()))

    return tuple(filter(is_concerned, names))


def _own_name(situation: Situation) -> str:
    asked = Parameters.of(situation.operation)
    return verbs.with_ending(await_nodes.__name__, asked)


def _is_ready(node: Node | None, operation: Operation) -> bool:
    """Whether it is ready, and not another one of that name which was there before.

    Nodes that a resize does not build are no matter of it.
    """
    if node is None or node.signing_key is None:
        return False
    if node.operation_uuid == operation.uuid:
        return node.state == reports.READY
    return operation.verb not in _BUILDS_ALL


def _check_failed(nodes: Mapping[str, Node], waiting: Sequence[str]) -> None:
    """:raises StepFailed: a node says that it failed."""
    for name in waiting:
        node = nodes.get(name)
        if node and node.state == reports.FAILED:
            raise StepFailed(boot.failed(name, node))


def _last_heard(node: Node | None) -> datetime.datetime:
    never = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    return (node and node.heard_at) or never
