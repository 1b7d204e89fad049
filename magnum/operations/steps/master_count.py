"""Another number of masters: they join and leave one at a time, while the others serve.

Each joins or leaves in a round of its own. A master that joins is made by Heat and becomes
a member of the cluster by itself. One that leaves is drained, taken out of the cluster by
another master, and only then removed by Heat, which takes the highest indexes. Where one of
those that go is lost, it leaves the cluster first.

The node group has as many nodes as Heat was asked for, whatever becomes of the rest.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from magnum.clients.errors import CloudRefused
from magnum.db.models import Bay, Nodegroup
from magnum.db.repositories import locking, node_archives, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, rounds
from magnum.domain.directives import DRAIN, RETIRE
from magnum.domain.failures import Failure
from magnum.domain.parameters import ResizeMasters, Round
from magnum.drivers.plans import nodegroup_plan
from magnum.operations import half_made, retiring, upgrading
from magnum.operations.outcomes import StepFailed
from magnum.operations.steps import nodes
from magnum.operations.steps.draining import are_drained, have_done
from magnum.operations.steps.heat import (
    UPDATE,
    existing,
    minutes_left,
    need_not_be_asked,
    own_heat,
    tag_of,
    unless_busy,
)
from magnum.operations.steps.masters import await_masters, index_of, reporting, take_over
from magnum.operations.steps.rendering import plan, plan_without_secrets, rendering
from magnum.operations.steps.stop import take_masters_back
from magnum.operations.work import Situation, Work

_COUNT: Final = 'node_count'
#: How the name ends of the round in which addresses of masters go that have left.
_ADDRESSES: Final = 'addresses'


def choose_masters(work: Work) -> None:
    """Settle which masters join or leave, in which order."""
    situation = work.situation()
    asked = ResizeMasters.of(situation.operation)
    if asked.groups:        # by the one that this one retries
        return
    with rendering():
        work.driver(situation).check_master_count(
            plan_without_secrets(work, situation), asked.node_count
        )
    group = situation.nodegroup
    _check_can_leave(work, situation, asked.node_count)
    serving = _serving(work, situation)
    with work.fenced() as (session, operation):
        earlier = [*locking.earlier_operations(session, operation, *half_made.MAKING_MASTERS)]
        left = [
            index for index in (*rounds.left(earlier, group.uuid), *half_made.taken_out(earlier))
            if index not in serving
        ]
        present = group.node_count
        if asked.node_count < present:
            # Ports go when no server has them any more, in a change of their own.
            batches = [*leaving(present, asked.node_count, serving), ((), asked.node_count)]
        else:
            joining = (*left, *map(str, range(present, asked.node_count)))
            batches = [((index,), max(present, int(index) + 1)) for index in joining]
        operation.parameters = dataclasses.replace(asked, groups=tuple(
            Round(
                uuid=group.uuid, minutes=asked.minutes,
                name=f'{group.name}-{batch[0] if batch else _ADDRESSES}',
                revision=group.revision + 1, batch=batch,
                before={_COUNT: present}, values={_COUNT: count},
            )
            for batch, count in batches
        )).stored()


def _check_can_leave(work: Work, situation: Situation, count: int) -> None:
    """:raises StepFailed: nobody can take out those that leave; nothing was done."""
    if count >= situation.nodegroup.node_count:
        return
    with work.tools.database.reading() as session:
        is_impossible = retiring.is_impossible(
            session, work.driver(situation), situation.bay, count
        )
    if is_impossible:
        raise StepFailed(Failure('plan_refused', f'node_count: {retiring.WHY_NOT}'))


def leaving(
    present: int, wanted: int, serving: Sequence[str] | set[str]
) -> list[tuple[tuple[str, ...], int]]:
    """Which masters leave together, in order, and how many are left then.

    One at a time, the highest index first. Heat cannot take another one before: so one
    that is lost leaves the cluster first, and its server goes with those above it.
    """
    going = [str(index) for index in range(present - 1, wanted - 1, -1)]
    lost = [index for index in going if index not in serving]
    batches: list[tuple[tuple[str, ...], int]] = []
    if lost:
        lowest = int(lost[-1])
        above = [index for index in going if int(index) > lowest and index not in lost]
        batches.append(((*lost, *above), lowest))
        going = [index for index in going if int(index) < lowest]
    return [*batches, *(((index,), int(index)) for index in going)]


def check_masters(work: Work) -> None:
    """See that all masters serve but those that join or leave now.

    :raises TryLater: one does not yet.
    :raises StepFailed: one does not.
    """
    situation = work.situation()
    this = ResizeMasters.of(situation.operation).current
    present = situation.nodegroup.node_count
    batch = this.batch or ()
    if rounds.made(this):       # what an attempt before this one made may be well
        batch = tuple(index for index in batch if index not in _serving(work, situation))
    with work.fenced() as (_, operation):
        operation.parameters = ResizeMasters.of(operation).with_current(
            batch=batch, before={_COUNT: present}
        ).stored()
    await_masters(
        work, situation, check_masters.__name__, _there(batch, present), present,
        'No other one joins or leaves meanwhile.',
    )


def drain_masters(work: Work) -> None:
    """Have another master drain those that leave.

    :raises TryLater: it is not done yet.
    """
    situation = work.situation()
    this = ResizeMasters.of(situation.operation).current
    if rounds.made(this) or not are_drained(work):
        return
    reports = {node.name for node in reporting(work, situation)}
    for name in _leaving(work, situation, this):
        if name in reports:
            have_done(work, DRAIN, (name,))


def retire_masters(work: Work) -> None:
    """Have another master take those that leave out of the cluster, one by one.

    Those, too, that did not come up and are made once more: they may have joined.

    :raises TryLater: it is not done yet.
    :raises StepFailed: it was not done: they stay.
    """
    situation = work.situation()
    this = ResizeMasters.of(situation.operation).current
    for name, address in _leaving(work, situation, this).items():
        own = [address] if address else []
        have_done(work, RETIRE, (name,), is_needed=True, addresses=own)


def change_masters(work: Work) -> None:
    """Ask Heat for one master more or less, unless it was asked before."""
    situation = work.situation()
    group, this = situation.nodegroup, ResizeMasters.of(situation.operation).current
    aim = _aimed(situation, this)
    kept = [
        str(index) for index in range(aim.nodegroup.node_count)
        if str(index) not in (this.batch or ())
    ]
    stack = existing(work, situation.bay.stack_id, outputs=True)
    with rendering():
        request = work.driver(situation).render_upgrade(
            plan(work, aim), nodegroup_plan(aim.bay, aim.nodegroup), kept, stack.parameters,
            stack.outputs,
        )
    if not need_not_be_asked(situation.operation, stack):
        node_archives.keep(work.tools.database, request.archives)
        with work.fenced() as (session, operation):
            minutes = minutes_left(work, operation, database_now(session))
            # Heat may hear, and nobody live to record that it did.
            asked = ResizeMasters.of(operation).with_current(is_asked=True)
            operation.parameters = dataclasses.replace(
                asked, template_version=request.version
            ).stored()
            locking.set_values(
                session, Nodegroup, group.uuid, node_count=aim.nodegroup.node_count,
                revision=aim.nodegroup.revision,
            )
        try:
            with unless_busy():
                own_heat(work).replace(
                    stack.id, request.template, request.files, request.parameters, minutes,
                    [tag_of(situation.bay.uuid)],
                )
        except CloudRefused:
            with work.fenced() as (session, operation):
                take_masters_back(session, operation)
            raise
    with work.changing_bay() as (session, operation):
        version = {
            'template_version': ResizeMasters.of(operation).template_version or request.version
        }
        locking.set_values(session, Bay, situation.bay.uuid, **version)
        locking.set_values(session, Nodegroup, group.uuid, **version)
        transitions.write(operation, machine.ASK, stack_action=UPDATE)


def tell_masters(work: Work) -> None:
    """Have the masters take over who the others are, one after the other.

    :raises TryLater: they are not done yet.
    :raises StepFailed: one failed, or does not answer.
    """
    situation = work.situation()
    settings = ResizeMasters.of(situation.operation).master_settings
    if settings is None:
        driver = work.driver(situation)
        outputs = existing(work, situation.bay.stack_id, outputs=True).outputs
        settings = driver.member_settings(driver.member_addresses(outputs))
        with work.fenced() as (_, operation):
            operation.parameters = dataclasses.replace(
                ResizeMasters.of(operation), master_settings=settings
            ).stored()
    if settings:
        take_over(work, situation, settings)


def _aimed(situation: Situation, this: Round) -> Situation:
    """The situation as it is to be when the round is done."""
    group = situation.nodegroup
    revision = max(group.revision, this.revision) if rounds.made(this) else group.revision
    changes = {_COUNT: this.values[_COUNT], 'revision': revision}
    groups = [
        upgrading.copied(one, **changes) if one.uuid == group.uuid else one
        for one in situation.nodegroups
    ]
    return dataclasses.replace(situation, nodegroups=groups)


def _there(batch: Sequence[str], present: int) -> tuple[str, ...]:
    """Those of a batch that Heat was asked for already."""
    return tuple(index for index in batch if int(index) < present)


def _serving(work: Work, situation: Situation) -> set[str]:
    """Indexes of the masters that serve, as far as they say."""
    return {
        str(index_of(work, situation, node)) for node in reporting(work, situation)
        if nodes.why_not_serving(node) is None
    }


def _leaving(work: Work, situation: Situation, this: Round) -> Mapping[str, str]:
    """Addresses of the masters that leave the cluster, by name, in order; they are recorded.

    A master that Heat has not made yet has no address: it is no member of the cluster.
    """
    asked = ResizeMasters.of(situation.operation)
    if asked.addresses is not None:
        # Databases keep no order of members.
        return {name: asked.addresses[name] for name in asked.leaving}
    wanted = _there(this.batch or (), this.before[_COUNT])
    leave: dict[str, str] = {}
    if wanted:
        stack, driver = existing(work, situation.bay.stack_id, outputs=True), work.driver(situation)
        told = driver.read_outputs(
            stack.outputs, stack.parameters, plan_without_secrets(work, situation)
        ).master_names
        names = {str(index_of(work, situation, name)): name for name in told}
        addresses = dict(enumerate(driver.member_addresses(stack.outputs)))
        leave = {
            names[index]: addresses.get(int(index), '') for index in wanted if index in names
        }
    with work.fenced() as (_, operation):
        operation.parameters = dataclasses.replace(
            ResizeMasters.of(operation), leaving=tuple(leave), addresses=leave
        ).stored()
    return leave
