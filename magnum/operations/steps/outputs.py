"""Outputs of a finished stack, stored in rows."""

from collections.abc import Sequence

from sqlalchemy import orm

from magnum.clients.heat import Stack
from magnum.db.models import Bay, Nodegroup
from magnum.db.repositories import locking, node_watch
from magnum.domain.failures import Failure
from magnum.drivers.contract import MASTER, WORKER, Driver
from magnum.operations.outcomes import StepFailed
from magnum.operations.steps.heat import existing
from magnum.operations.steps.rendering import own_stack_name, plan_without_secrets
from magnum.operations.work import Situation, Work


def read_outputs(work: Work) -> None:
    """Store addresses, versions and counts from the stack's outputs.

    :raises StepFailed: the stack has another number of nodes than was asked.
    """
    situation = work.situation()
    stack = existing(work, situation.operation.stack_id, outputs=True)
    if situation.is_about_bays_stack:
        _read_bay(work, situation, stack)
    else:
        _read_nodegroup(work, situation, stack)


def _read_bay(work: Work, situation: Situation, stack: Stack) -> None:
    driver = work.driver(situation)
    observed = driver.read_outputs(
        stack.outputs, stack.parameters, plan_without_secrets(work, situation)
    )
    groups = {group.role: group for group in situation.nodegroups if group.is_default}
    _check_count(observed.node_count, groups[WORKER])
    seen = {
        'api_address': observed.api_address,
        'coe_version': observed.coe_version,
        'container_version': observed.container_version,
        'discovery_url': observed.discovery_url,
    }
    known = {name: value for name, value in seen.items() if value}
    addresses = {MASTER: observed.master_addresses, WORKER: observed.node_addresses}
    made = {}
    if not any(group.template_version for group in groups.values()):
        # Nor has an upgrade renewed one of them by a later version.
        made = {'template_version': situation.bay.template_version}
    with work.changing_bay() as (session, _):
        _let_nodes_go(session, driver, situation, MASTER, observed.master_names)
        _let_nodes_go(session, driver, situation, WORKER, observed.node_names)
        locking.set_values(
            session, Bay, situation.bay.uuid, is_lasting=observed.is_lasting, **known
        )
        for role, group in groups.items():
            locking.set_values(
                session, Nodegroup, group.uuid, node_addresses=list(addresses[role]), **made
            )


def _read_nodegroup(work: Work, situation: Situation, stack: Stack) -> None:
    group = situation.nodegroup
    driver = work.driver(situation)
    observed = driver.read_nodegroup_outputs(
        stack.outputs, stack.parameters, plan_without_secrets(work, situation)
    )
    _check_count(observed.node_count, group)
    with work.writing() as session:
        _let_nodes_go(session, driver, situation, WORKER, observed.node_names)
        locking.set_values(
            session, Nodegroup, group.uuid, node_addresses=list(observed.node_addresses)
        )


def _let_nodes_go(
    session: orm.Session, driver: Driver, situation: Situation, role: str, names: Sequence[str]
) -> None:
    """Take no reports of nodes that the stack has no more, if it names its nodes."""
    if not names:
        return
    stack = own_stack_name(situation)
    node_watch.let_go(
        session, situation.bay.uuid,
        lambda node: node.role == role and node.name not in names
        and driver.node_index(role, stack, node.name) is not None,
    )


def _check_count(counted: int | None, group: Nodegroup) -> None:
    if counted is not None and counted != group.node_count:
        raise StepFailed(
            Failure(
                'count_mismatch',
                f'the stack has {counted} nodes where {group.node_count} were asked for',
            )
        )
