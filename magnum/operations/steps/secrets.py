"""The bay's certificate authority, and the tokens of its nodes."""

from sqlalchemy import orm

from magnum.clients.heat import Stack
from magnum.db.repositories import ledger, tokens
from magnum.domain import states
from magnum.domain.failures import Failure
from magnum.domain.parameters import Resize, ResizeMasters
from magnum.domain.rounds import made
from magnum.operations.building import nodes_built
from magnum.operations.outcomes import StepFailed
from magnum.operations.steps import nodes
from magnum.operations.steps.heat import existing
from magnum.operations.steps.rendering import plan_without_secrets
from magnum.operations.work import Situation, Work


def ensure_authority(work: Work) -> None:
    """Make the bay's certificate authority, and what its masters encrypt with."""
    situation = work.situation()
    bay, driver = situation.bay, work.driver(situation)
    with work.writing() as session:
        ledger.write(session, bay.uuid, bay.project_id, ledger.CERTIFICATES, bay.uuid)
        work.tools.certificates.ensure_authority(
            session, bay.uuid, bay.name, driver.wants_encryption_key
        )


def arm_bootstrap(work: Work) -> None:
    """Arm the bootstrap tokens of the nodes that this operation builds.

    :raises StepFailed: the bay has no authority.
    """
    situation, claim = work.situation(), work.claim
    built = nodes_built(situation.operation, situation.bay, situation.nodegroups)
    roles = {nodes.role for nodes in built}
    if claim.verb == states.RESIZE and not _adds_nodes(work, situation):
        roles = set()
    if claim.verb == states.RESIZE_MASTERS and not made(
        ResizeMasters.of(situation.operation).current
    ):
        roles = set()
    with work.writing() as session:
        require_authority(work, session)
        work.tools.certificates.tokens.arm(
            session, claim.bay_uuid, claim.operation_uuid, roles
        )


def require_authority(work: Work, session: orm.Session) -> None:
    """Refuse to change a bay whose authority was thrown away.

    :raises StepFailed: it was.
    """
    if work.tools.certificates.trusted(session, work.claim.bay_uuid) is None:
        raise StepFailed(
            Failure(
                'authority_missing',
                'The bay has no certificate authority, because its creation failed. '
                'Retry the creation, or delete the bay.',
            )
        )


def disarm_bootstrap(work: Work) -> None:
    """Disarm the bootstrap tokens of this operation."""
    with work.writing() as session:
        tokens.disarm(session, work.claim.operation_uuid)


def _adds_nodes(work: Work, situation: Situation) -> bool:
    """Whether a resize makes nodes: further ones, or others for those that go or failed."""
    stack = existing(work, situation.stack_id)
    stays = _count(work, situation, stack)
    if stack.is_failed or stays is None or nodes.lost_workers(work, situation, stack):
        return True
    stays -= len(Resize.of(situation.operation).nodes_to_remove)
    return situation.nodegroup.node_count > stays


def _count(work: Work, situation: Situation, stack: Stack) -> int | None:
    """How many nodes the stack is told to have in the group; None if it does not say."""
    driver, plan = work.driver(situation), plan_without_secrets(work, situation)
    if situation.nodegroup.is_default:
        return driver.read_outputs({}, stack.parameters, plan).node_count
    return driver.read_nodegroup_outputs({}, stack.parameters, plan).node_count
