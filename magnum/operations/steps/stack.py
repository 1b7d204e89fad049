"""The bay's Heat stack: ask for it, wait for it, read it."""

import datetime
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.clients.errors import CloudConflict, CloudForbidden
from magnum.clients.heat import HeatClient, Stack
from magnum.db.models import Bay, Nodegroup, Operation
from magnum.db.statements import database_now
from magnum.domain.failures import Failure, root_cause
from magnum.drivers.contract import MASTER, WORKER, BayPlan, PlanRefused
from magnum.operations import ledger
from magnum.operations.errors import HeatIsBusy, StepFailed, TryLater
from magnum.operations.plan import bay_plan
from magnum.operations.work import Situation, Work

T = TypeVar('T')

# Heat's actions.
CREATE, UPDATE, DELETE, ROLLBACK = 'CREATE', 'UPDATE', 'DELETE', 'ROLLBACK'


def tag_of(bay_uuid: str) -> str:
    """The stack's tag that says whose it is."""
    return f'magnum-bay-{bay_uuid}'


def create_stack(work: Work) -> None:
    """Ask Heat for the bay's stack, or adopt the one asked for before."""
    situation = work.situation()
    plan = _plan(work, situation)
    with work.fenced() as (session, operation):
        ledger.write(
            session, plan.uuid, plan.project_id, ledger.HEAT_STACK, plan.stack_name
        )
        minutes = _heat_minutes(work, operation, database_now(session))
    heat = _own_heat(work)
    try:
        request = work.driver(situation).render(plan)
    except PlanRefused as refused:
        raise StepFailed(Failure('plan_refused', f'{refused.field}: {refused.reason}')) from refused
    try:
        stack_id = heat.create(
            plan.stack_name,
            request.template,
            request.files,
            request.parameters,
            minutes,
            [tag_of(plan.uuid)],
        )
    except CloudConflict:
        stack_id = _adopt(heat, plan)
    with work.fenced() as (session, operation):
        ledger.note_id(session, plan.uuid, ledger.HEAT_STACK, plan.stack_name, stack_id)
        _set(session, Bay, plan.uuid, stack_id=stack_id, template_version=request.version)
        for nodegroup in situation.nodegroups:
            _set(session, Nodegroup, nodegroup.uuid, stack_id=stack_id)
        operation.stack_id = stack_id
        operation.stack_action = CREATE


def note_stack(work: Work) -> None:
    """Record the stack's time stamp, to tell the coming change from the last."""
    bay = work.situation().bay
    stack = _existing(work, bay.stack_id)
    if stack.is_busy:
        raise TryLater(f'Heat still works on the stack: {stack.status}')
    with work.fenced() as (_, operation):
        operation.stack_id = stack.id
        operation.stack_updated_before = stack.updated_time or ''


def change_stack(work: Work) -> None:
    """Ask Heat to change the stack's parameters, unless it was asked before."""
    situation = work.situation()
    plan = _plan(work, situation)
    stack = _existing(work, situation.bay.stack_id)
    asked_before = stack.is_busy or _moved_since(stack, situation.operation)
    if not asked_before:
        parameters = work.driver(situation).resize_parameters(
            plan,
            situation.bay.template_version or '',
            tuple(situation.operation.parameters.get('nodes_to_remove', ())),
        )
        with work.fenced() as (session, operation):
            minutes = _heat_minutes(work, operation, database_now(session))
        _own_heat(work).change_parameters(
            stack.id, parameters, minutes, bool(situation.operation.parameters.get('rollback'))
        )
    with work.fenced() as (_, operation):
        operation.stack_action = UPDATE


def await_stack(work: Work) -> None:
    """See whether Heat is done, and whether it was done well.

    :raises HeatIsBusy: it is not done yet.
    :raises StepFailed: it failed, for its root cause.
    """
    operation = work.operation()
    stack = _look(work, operation.stack_id or '')
    if stack is None:
        raise StepFailed(
            Failure('stack_missing', f'Stack with id {operation.stack_id} not found in Heat.')
        )
    if not is_done(operation, stack):
        raise HeatIsBusy(stack.status)
    if stack.action == ROLLBACK:
        with work.fenced() as (session, locked):
            restore_count(session, locked)
        raise StepFailed(
            Failure('stack_failed', f'The change failed, Heat undid it: {stack.reason}')
        )
    if stack.is_failed:
        failed = as_anybody(work, lambda heat: heat.failed_resources(stack.id))
        raise StepFailed(root_cause(failed, stack.reason))


def read_outputs(work: Work) -> None:
    """Take addresses, versions and counts over from the stack.

    :raises StepFailed: the stack has another number of nodes than was asked.
    """
    situation = work.situation()
    stack = _look(work, situation.operation.stack_id or '', outputs=True)
    if stack is None:
        raise StepFailed(Failure('stack_missing', 'The stack is gone from Heat.'))
    observed = work.driver(situation).read_outputs(
        stack.outputs, stack.parameters, _plan_without_secrets(work, situation)
    )
    wanted = {group.role: group.node_count for group in situation.nodegroups if group.is_default}
    counted = observed.node_count
    if counted is not None and counted != wanted['worker']:
        raise StepFailed(
            Failure(
                'count_mismatch',
                f'the stack has {counted} nodes where {wanted["worker"]} were asked for',
            )
        )
    with work.fenced() as (session, _):
        seen = {
            'api_address': observed.api_address,
            'coe_version': observed.coe_version,
            'container_version': observed.container_version,
            'discovery_url': observed.discovery_url,
        }
        known = {name: value for name, value in seen.items() if value}
        if known:
            _set(session, Bay, situation.bay.uuid, **known)
        addresses = {MASTER: observed.master_addresses, WORKER: observed.node_addresses}
        for group in situation.nodegroups:
            if group.is_default:
                _set(session, Nodegroup, group.uuid, node_addresses=list(addresses[group.role]))


def _set(session: orm.Session, table: type[Bay | Nodegroup], uuid: str, **values: object) -> None:
    """Change just these columns: a delete may have changed others meanwhile."""
    session.execute(sa.update(table).filter_by(uuid=uuid).values(**values))


def restore_count(session: orm.Session, operation: Operation) -> None:
    """The node group has the nodes that it had before the change, if there was one."""
    previous = operation.parameters.get('previous_node_count')
    if previous is not None:
        _set(session, Nodegroup, operation.parameters['nodegroup'], node_count=previous)


def _plan(work: Work, situation: Situation) -> BayPlan:
    """The plan with the tokens that this operation's nodes are to use."""
    with work.fenced() as (session, operation):
        tokens = work.tools.certificates.tokens.arm(
            session, operation.bay_uuid, operation.uuid
        )
    return bay_plan(
        situation.bay, situation.baymodel, situation.nodegroups, work.tools.conf,
        _bootstrap_url(work), tokens,
    )


def _plan_without_secrets(work: Work, situation: Situation) -> BayPlan:
    return bay_plan(situation.bay, situation.baymodel, situation.nodegroups, work.tools.conf)


def _bootstrap_url(work: Work) -> str:
    configured: str | None = work.tools.conf.bootstrap.endpoint
    if configured:
        return configured.rstrip('/')
    ours = work.tools.sessions.endpoint('container-infra')
    if ours is None:
        raise TryLater('the catalogue has no public endpoint of container-infra')
    return f'{ours.rstrip("/")}/bootstrap'


def _own_heat(work: Work) -> HeatClient:
    heat = work.heat_as_bay()
    if heat is None:
        raise StepFailed(Failure('internal', 'the bay has no identity'))
    return heat


def _adopt(heat: HeatClient, plan: BayPlan) -> str:
    found = heat.get(plan.stack_name)
    if found is None:
        raise TryLater(f'the stack {plan.stack_name} came and went')
    if tag_of(plan.uuid) not in found.tags:
        raise StepFailed(
            Failure('stack_foreign', f'a stack {plan.stack_name} exists that is not the bay\'s')
        )
    return found.id


def _existing(work: Work, stack_id: str | None) -> Stack:
    if stack_id is None:
        raise StepFailed(Failure('stack_missing', 'The bay has no stack to change.'))
    stack = _look(work, stack_id)
    if stack is None:
        raise StepFailed(
            Failure('stack_missing', f'Stack with id {stack_id} not found in Heat.')
        )
    return stack


def _look(work: Work, stack_id: str, outputs: bool = False) -> Stack | None:
    return as_anybody(work, lambda heat: heat.get(stack_id, outputs))


def as_anybody(work: Work, call: Callable[[HeatClient], T]) -> T:
    """Call Heat as the bay or, where that is refused, as the service."""
    refused: CloudForbidden | None = None
    for heat in work.heat_identities():
        try:
            return call(heat)
        except CloudForbidden as error:
            refused = error
    raise refused or CloudForbidden('orchestration', 'no identity is left to ask as')


def is_done(operation: Operation, stack: Stack) -> bool:
    """Whether Heat did, well or not, what the operation asked it for last."""
    changed = operation.stack_action != UPDATE or _moved_since(stack, operation)
    return changed and not stack.is_busy


def _moved_since(stack: Stack, operation: Operation) -> bool:
    return (stack.updated_time or '') != (operation.stack_updated_before or '')


def _heat_minutes(work: Work, operation: Operation, now: datetime.datetime) -> int:
    """Heat's own timeout: a little before the operation's deadline."""
    margin = datetime.timedelta(seconds=work.tools.conf.cluster_heat.deadline_margin)
    left = operation.deadline - margin - now
    return max(1, int(left.total_seconds() // 60))

