"""Upgrade of a bay: the nodes of one node group are replaced in each round, in batches."""

import dataclasses
import datetime
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import orm

from magnum.clients.errors import CloudRefused
from magnum.clients.heat import Stack
from magnum.db.models import Bay, Baymodel, Nodegroup, Operation
from magnum.db.repositories import baymodels, locking, node_archives, node_watch, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, rounds, states
from magnum.domain.failures import Failure
from magnum.domain.nodegroups import kind_of
from magnum.domain.parameters import Parameters, Round, Upgrade
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import MASTER, BayPlan
from magnum.drivers.plans import nodegroup_plan
from magnum.operations import half_made, upgrading
from magnum.operations.building import is_made
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps import nodes
from magnum.operations.steps.heat import (
    UPDATE,
    existing,
    minutes_left,
    need_not_be_asked,
    own_heat,
    tag_of,
    unless_busy,
)
from magnum.operations.steps.rendering import plan, rendering
from magnum.operations.steps.servers import delete_lost_servers
from magnum.operations.work import Situation, Work

#: A batch is given no more minutes than this.
_LONGEST_BATCH: Final = 24 * 60


def check_upgrade(work: Work) -> None:
    """Check the upgrade once more."""
    situation = work.situation()
    roles, named = _roles(work, situation), Upgrade.of(situation.operation).nodegroup
    with work.tools.database.reading() as session:
        versions = node_watch.versions_of_workers(session, situation.bay.uuid)
        change = _change(work, session, situation)
    with rendering():
        upgrading.check(
            situation.bay, situation.nodegroups, change, roles, named, versions, work.tools.conf
        )
    if not roles:
        raise _nothing_to_replace()


def choose_nodegroups(work: Work) -> None:
    """Settle which node groups are upgraded, and to what."""
    situation = work.situation()
    if Upgrade.of(situation.operation).groups:   # by the one that this one retries
        return
    roles = _roles(work, situation)
    with work.fenced() as (session, operation):
        change = _change(work, session, situation)
        groups = tuple(
            _round(session, operation, group, change)
            for group in _concerned(session, situation, change, roles)
        )
        asked = Upgrade.of(operation)
        operation.parameters = dataclasses.replace(asked, groups=groups, round=0).stored()


def choose_nodes(work: Work) -> None:
    """Choose the nodes that are replaced first, and those that follow in batches.

    :raises TryLater: Heat works on the stack.
    :raises StepFailed: it does not say which nodes there are.
    """
    situation = work.situation()
    asked = Upgrade.of(situation.operation)
    if asked.current.batch is not None:
        return
    stack = existing(work, situation.stack_id)
    if situation.operation.stack_updated_before is not None and need_not_be_asked(
        situation.operation, stack
    ):
        # By an earlier release: for all nodes in one update, and its batches are Heat's.
        with work.fenced() as (_, operation):
            operation.parameters = Upgrade.of(operation).with_current(batch=()).stored()
        return
    if stack.is_busy:
        raise TryLater(f'Heat still works on the stack: {stack.status}')
    members = _members(work, situation, stack)
    output = work.driver(situation).workers_output
    if members is None and output is not None:
        # Without indexes all nodes would be replaced at once.
        raise StepFailed(Failure(
            'stack_failed',
            f'The stack does not say which nodes the node group {situation.nodegroup.name} has '
            f'(output {output}). Nothing was replaced.',
        ))
    well = _masters_that_serve(work, situation)
    with work.fenced() as (session, operation):
        left = left_nodes(session, operation, situation.nodegroup)
        # They may be down, and Heat replaces those that it had not come to in any case.
        indexes = sorted(
            members or (), key=lambda index: (index in well, index not in left, int(index))
        )
        asked = Upgrade.of(operation)
        if not {*asked.nodes} <= {*indexes}:
            raise StepFailed(Failure(
                'plan_refused', f'nodes: The node group {situation.nodegroup.name} has not all '
                f'of {", ".join(asked.nodes)}.',
            ))
        replaced = {*asked.nodes, *left} if asked.nodes else {*indexes}
        asked = asked.with_current(
            batch=(), later=tuple(indexes),
            staying=tuple(index for index in indexes if index not in replaced),
        )
        operation.parameters = asked.next_batch().stored()


def replace_nodes(work: Work) -> None:
    """Ask Heat to put new nodes into the place of the batch's, unless it was asked before.

    :raises TryLater: servers of the batch that it would wait for in vain are not gone yet,
        or Heat works on the stack.
    """
    situation = work.situation()
    group, this = situation.nodegroup, Upgrade.of(situation.operation).current
    aim = _aimed(work, situation)
    with work.fenced() as (session, operation):
        locking.set_values(session, Nodegroup, group.uuid, revision=aim.nodegroup.revision)
        minutes = minutes_left(work, operation, database_now(session))
    driver, changed = work.driver(situation), Upgrade.of(situation.operation).master_settings
    outputs = existing(work, situation.bay.stack_id, outputs=True).outputs
    stack = existing(work, situation.stack_id)
    with rendering():
        outputs = driver.with_master_settings(outputs, changed or {})
        new = nodegroup_plan(aim.bay, aim.nodegroup)
        request = driver.render_upgrade(
            plan(work, aim), new, this.later, stack.parameters, outputs
        )
    if not need_not_be_asked(situation.operation, stack):
        heat = own_heat(work)
        delete_lost_servers(
            work, situation, replace_nodes.__name__,
            lambda: heat.preview_server(stack.id, new.image, new.flavor),
        )
        node_archives.keep(work.tools.database, request.archives)
        with work.fenced() as (_, operation):
            # Heat may hear, and nobody live to record that it did.
            asked = Upgrade.of(operation).with_current(is_asked=True)
            operation.parameters = dataclasses.replace(
                asked, template_version=request.version
            ).stored()
        try:
            with unless_busy():
                heat.replace(
                    stack.id, request.template, request.files, request.parameters, minutes,
                    [tag_of(situation.bay.uuid)],
                )
        except CloudRefused:
            if not this.is_asked:       # nor was it asked before
                with work.fenced() as (_, operation):
                    asked = Upgrade.of(operation).with_current(is_asked=False)
                    operation.parameters = asked.stored()
            raise
    with work.changing_bay() as (session, operation):
        version = {'template_version': Upgrade.of(operation).template_version or request.version}
        if group.is_default:
            locking.set_values(session, Bay, situation.bay.uuid, **version)
        locking.set_values(session, Nodegroup, group.uuid, **version)
        transitions.write(operation, machine.ASK, stack_action=UPDATE)


def confirm_nodes(work: Work) -> None:
    """Record the new values of the round's node group."""
    with work.fenced() as (session, operation):
        asked = Upgrade.of(operation)
        values = dict(asked.current.values)
        if not asked.nodes:
            values['followed'] = upgrading.followed_of(_target(session, operation))
        locking.set_values(session, Nodegroup, asked.current.uuid, **values)


def adopt_baymodel(work: Work) -> None:
    """Record the new baymodel, and what follows it or does not, in the bay."""
    situation = work.situation()
    asked = Upgrade.of(situation.operation)
    done = set() if asked.nodes else {*rounds.nodegroup_uuids(asked)}
    with work.changing_bay() as (session, _):
        change = _change(work, session, situation, is_to_stay=True)
        values = upgrading.bay_values(situation.bay, change, _moves(situation))
        locking.set_values(
            session, Bay, situation.bay.uuid, baymodel_id=change.target.uuid, **values
        )
        for group in situation.nodegroups:
            followed = change.followed_after(group, group.uuid in done)
            if followed != group.followed:
                locking.set_values(session, Nodegroup, group.uuid, followed=followed)


def target_plan(work: Work, situation: Situation) -> BayPlan:
    """The bay as it is to be.

    :raises StepFailed: the baymodel is not what the upgrade was asked for with.
    """
    with work.tools.database.reading() as session:
        change = _change(work, session, situation)
    return upgrading.target_plan(
        situation.bay, situation.nodegroups, change, _roles(work, situation), work.tools.conf
    )


def _change(
    work: Work, session: orm.Session, situation: Situation, is_to_stay: bool = False
) -> upgrading.Change:
    """:raises StepFailed: the baymodel is not what the upgrade was asked for with."""
    operation = situation.operation
    return upgrading.Change(
        situation.baymodel, _target(session, operation, is_to_stay), work.driver(situation),
        situation.bay.coe_version, Upgrade.of(operation).ids,
    )


def _target(session: orm.Session, operation: Operation, is_to_stay: bool = False) -> Baymodel:
    """The baymodel that the bay is to have.

    :param is_to_stay: keep it from going away within this transaction.
    :raises StepFailed: it is not what the upgrade was asked for with.
    """
    asked = Upgrade.of(operation)
    target = baymodels.load(session, asked.baymodel, is_to_stay)
    if target is None:
        raise StepFailed(Failure('not_found', 'The baymodel of the upgrade is gone.'))
    if upgrading.fingerprint(target) != asked.fingerprint:
        raise StepFailed(
            Failure('plan_refused', 'baymodel: It was changed after the upgrade was asked for.')
        )
    return target


def _roles(work: Work, situation: Situation) -> tuple[str, ...]:
    """The roles whose nodes the upgrade can replace."""
    named = Upgrade.of(situation.operation).nodegroup
    of_named = next((group.role for group in situation.nodegroups if group.uuid == named), None)
    return upgrading.replaced_roles(
        work.driver(situation), situation.bay, situation.nodegroups,
        of_named and kind_of(of_named),
    )


def _moves(situation: Situation) -> list[upgrading.Move]:
    """What becomes of the default node groups."""
    asked = Upgrade.of(situation.operation)
    by_uuid = {group.uuid: group for group in situation.nodegroups if group.is_default}
    return [
        upgrading.Move(kind_of(by_uuid[this.uuid].role), this.before, this.values)
        for this in asked.groups if this.uuid in by_uuid and not asked.nodes
    ]


def _concerned(
    session: orm.Session,
    situation: Situation,
    change: upgrading.Change,
    roles: Collection[str],
) -> list[Nodegroup]:
    """The node groups to replace, in order: masters, default workers, further ones.

    Not those whose creation ended before Heat was asked: they have no nodes.

    Masters are among them also where an upgrade has ended at one.

    :raises StepFailed: there is none.
    """
    operation = situation.operation
    named = Upgrade.of(operation).nodegroup

    created = [group for group in situation.nodegroups if is_made(group)]
    concerned = [
        group for group in created
        if upgrading.is_replaced(
            group, roles, named, change, _before_unfinished(session, operation, group),
        )
        or (MASTER == group.role in roles and named is None
            and left_nodes(session, operation, group))
    ]
    if named is not None and named not in {group.uuid for group in created}:
        raise StepFailed(Failure('plan_refused', 'nodegroup: It was not created.'))
    if not concerned:
        raise _nothing_to_replace()
    return upgrading.in_order(concerned)


def _nothing_to_replace() -> StepFailed:
    return StepFailed(Failure('plan_refused', 'nodegroup: The driver cannot replace its nodes.'))


def _round(
    session: orm.Session,
    operation: Operation,
    group: Nodegroup,
    change: upgrading.Change,
) -> Round:
    """What a node group's round is about."""
    asked = Upgrade.of(operation)
    own = _before_unfinished(session, operation, group)
    values = upgrading.nodegroup_values(own, group, change)
    if asked.nodes:     # the group's others stay as they are
        values = upgrading.columns_of(group)
    return Round(
        uuid=group.uuid,
        name=group.name,
        revision=group.revision + 1,
        minutes=min(asked.minutes, _LONGEST_BATCH),
        before=own,
        values=values,
        at_once=1 if group.role == MASTER else None,
    )


def _before_unfinished(
    session: orm.Session, operation: Operation, group: Nodegroup
) -> dict[str, Any]:
    """The group's values as the bay's baymodel knows them.

    An upgrade of an earlier release that failed half-way has given groups values of a
    baymodel that the bay never came to have; they are not the group's own choice.
    """
    own = upgrading.columns_of(group)
    if group.followed is not None:
        return own
    for earlier in unfinished(session, operation):
        for done in Upgrade.of(earlier).groups:
            if done.uuid == group.uuid:
                own = {
                    name: done.before[name] if value == done.values[name] else value
                    for name, value in own.items()
                }
    return own


def left_undone(
    session: orm.Session, operation: Operation, nodegroup_uuid: str
) -> tuple[int, datetime.timedelta] | None:
    """What an upgrade of a node group that failed half-way had been given.

    :returns: how many nodes at once, and how long; None when there is none.
    """
    for earlier in locking.earlier_operations(session, operation, states.UPGRADE, states.RESIZE):
        asked = Parameters.of(earlier)
        if nodegroup_uuid not in rounds.nodegroup_uuids(asked):
            continue
        if earlier.state == states.SUCCEEDED:
            return None
        this = rounds.current(asked)
        if isinstance(asked, Upgrade) and this is not None and this.uuid == nodegroup_uuid:
            return asked.max_batch_size, datetime.timedelta(minutes=this.minutes)
    return None


def left_nodes(session: orm.Session, operation: Operation, group: Nodegroup) -> Sequence[str]:
    """The batch of the group that Heat was replacing when an upgrade ended, by index."""
    earlier = locking.earlier_operations(session, operation, *half_made.MAKING_MASTERS)
    return rounds.left(earlier, group.uuid)


def _members(work: Work, situation: Situation, stack: Stack) -> Collection[str] | None:
    """Indexes of the group's nodes; None if the stack does not say."""
    if situation.nodegroup.role == MASTER:      # the highest indexes go first
        return [str(index) for index in range(situation.nodegroup.node_count)]
    return nodes.members_of(work, situation, stack)


def _masters_that_serve(work: Work, situation: Situation) -> set[str]:
    """Indexes of masters that serve, where masters are replaced: the others go first."""
    if situation.nodegroup.role != MASTER:
        return set()
    driver, bay = work.driver(situation), situation.bay
    with work.tools.database.reading() as session:
        found = node_watch.reporting(session, bay.uuid, MASTER)
    name = stack_name(bay.name, bay.uuid)
    return {
        str(driver.node_index(MASTER, name, node.name)) for node in found
        if nodes.why_not_serving(node) is None
    }


def replaces_masters(work: Work, situation: Situation) -> bool:
    """Whether the upgrade replaces the masters."""
    masters = {group.uuid for group in situation.nodegroups if group.role == MASTER}
    asked = Upgrade.of(situation.operation)
    if asked.groups:        # by the one that this one retries
        return not masters.isdisjoint(this.uuid for this in asked.groups[asked.round:])
    with work.tools.database.reading() as session:
        change = _change(work, session, situation)
        concerned = _concerned(session, situation, change, _roles(work, situation))
    return not masters.isdisjoint(group.uuid for group in concerned)


def unfinished(session: orm.Session, operation: Operation) -> Iterator[Operation]:
    """The bay's earlier upgrades since the last that succeeded, newest first."""
    for earlier in locking.earlier_operations(session, operation, states.UPGRADE):
        if earlier.state == states.SUCCEEDED:
            return
        yield earlier


def _aimed(work: Work, situation: Situation) -> Situation:
    """The situation as it is to be when the round is done."""
    with work.tools.database.reading() as session:
        change = _change(work, session, situation)
    this = Upgrade.of(situation.operation).current
    groups = [
        upgrading.copied(group, **this.values, revision=this.revision)
        if group.uuid == this.uuid else group
        for group in situation.nodegroups
    ]
    bay = upgrading.copied(
        situation.bay,
        **upgrading.bay_values(situation.bay, change, _moves(situation)),
    )
    return dataclasses.replace(situation, bay=bay, baymodel=change.target, nodegroups=groups)
