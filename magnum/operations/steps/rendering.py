"""Plans for drivers, with the bootstrap tokens of the operation's nodes."""

import contextlib
from collections.abc import Iterator

from magnum.domain.failures import Failure
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import BayPlan, PlanRefused
from magnum.drivers.plans import bay_plan, nodegroup_plan
from magnum.operations import bootstrap_endpoint
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.work import Situation, Work


def plan(work: Work, situation: Situation) -> BayPlan:
    """The bay's plan, with the tokens that this operation's nodes are to use."""
    with work.tools.database.reading() as session:
        tokens = work.tools.certificates.tokens.armed(session, work.claim.operation_uuid)
    return bay_plan(
        situation.bay, situation.baymodel, situation.nodegroups, work.tools.conf,
        _bootstrap_url(work), tokens,
    )


def plan_without_secrets(work: Work, situation: Situation) -> BayPlan:
    """The bay's plan, to read outputs by."""
    return bay_plan(situation.bay, situation.baymodel, situation.nodegroups, work.tools.conf)


def own_stack_name(situation: Situation) -> str:
    """Name of the stack that the operation is about."""
    bay = situation.bay
    if situation.is_about_bays_stack:
        return stack_name(bay.name, bay.uuid)
    return nodegroup_plan(bay, situation.nodegroup).stack_name


@contextlib.contextmanager
def rendering() -> Iterator[None]:
    """Context of a driver's call: what it refuses fails the step."""
    try:
        yield
    except PlanRefused as refused:
        raise StepFailed(Failure('plan_refused', f'{refused.field}: {refused.reason}')) from refused


def _bootstrap_url(work: Work) -> str:
    url = bootstrap_endpoint.url(work.tools.conf, work.tools.sessions)
    if url is None:
        raise TryLater('the catalogue has no public endpoint of container-infra')
    return url
