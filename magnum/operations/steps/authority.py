"""Rotation of a bay's certificate authority.

No step tells a node anything: nodes ask by themselves what to trust, take it
over, and say so. See :mod:`magnum.certificates.rotation`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

from magnum.db.repositories import node_trust
from magnum.domain.failures import Failure
from magnum.domain.parameters import RotateCA
from magnum.drivers.contract import MASTER, WORKER
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps import encryption
from magnum.operations.steps.heat import existing
from magnum.operations.steps.rendering import plan_without_secrets
from magnum.operations.steps.secrets import require_authority
from magnum.operations.work import Situation, Work

#: How many nodes are named of those that are waited for.
_NAMED: Final = 5


def expect_nodes(work: Work) -> None:
    """Note which nodes the bay has; no other is given a certificate anew.

    :raises StepFailed: the bay has no authority.
    """
    situation = work.situation()
    nodes = _nodes(work, situation)
    with work.writing() as session:
        require_authority(work, session)
        node_trust.expect(session, situation.bay.uuid, nodes)


def introduce_authority(work: Work) -> None:
    """Make the next authority, that is trusted and does not sign yet."""
    bay, encrypted = work.situation().bay, encryption.encrypted(work)
    with work.changing_bay() as (session, operation):
        if RotateCA.of(operation).is_retired:   # by the one that this one retries
            return
        unable = encryption.masters_without(session, bay.uuid)
        is_begun = work.tools.certificates.introduce_authority(
            session, bay.uuid, bay.name, with_encryption_key=not unable
        )
        if is_begun and unable and work.tools.certificates.encryption_key(session, bay.uuid):
            encryption.record_kept(session, operation, encrypted, unable)


def await_introduction(work: Work) -> None:
    """Wait until every node trusts the next authority."""
    _await_nodes(work)


def switch_authority(work: Work) -> None:
    """Let the next authority sign, and the former one be trusted still."""
    with work.writing() as session:
        work.tools.certificates.switch_authority(session, work.claim.bay_uuid)


def await_switch(work: Work) -> None:
    """Wait until every node has certificates of the new authority."""
    _await_nodes(work)


def retire_authority(work: Work) -> None:
    """Withdraw the trust in the former authority, and the former key of masters."""
    encrypted = encryption.encrypted(work)
    with work.changing_bay() as (session, operation):
        if work.tools.certificates.rewrites(session, work.claim.bay_uuid):
            encryption.record_rotated(session, operation, encrypted)
        work.tools.certificates.retire_authority(session, work.claim.bay_uuid)
        asked = RotateCA.of(operation)
        operation.parameters = dataclasses.replace(asked, is_retired=True).stored()


def await_retirement(work: Work) -> None:
    """Wait until no node trusts the former authority."""
    _await_nodes(work)


def _nodes(work: Work, situation: Situation) -> list[node_trust.RoleAndName]:
    """The nodes that hold certificates, by role and the names in them.

    :raises StepFailed: a stack has not as many as it was told to have.
    """
    driver = work.driver(situation)
    if not any(driver.node_certificates(role) for role in (MASTER, WORKER)):
        return []
    plan = plan_without_secrets(work, situation)
    stack = existing(work, situation.bay.stack_id, outputs=True)
    bay = driver.read_outputs(stack.outputs, stack.parameters, plan)
    masters = _all_of(MASTER, bay.master_names, bay.master_count or 0)
    workers = _all_of(WORKER, bay.node_names, bay.node_count or 0)
    for group in situation.nodegroups:
        if group.stack_id is not None and not group.is_default:
            stack = existing(work, group.stack_id, outputs=True)
            found = driver.read_nodegroup_outputs(stack.outputs, stack.parameters, plan)
            workers += _all_of(WORKER, found.node_names, found.node_count or 0)
    return masters + workers


def _all_of(role: str, names: Sequence[str], count: int) -> list[node_trust.RoleAndName]:
    """Nobody is waited for, and then cut off, because Heat did not name it."""
    if len(names) != count:
        raise StepFailed(
            Failure('count_mismatch', f'the stack names {len(names)} {role}s of {count}')
        )
    return [(role, name) for name in names]


def _await_nodes(work: Work) -> None:
    """:raises TryLater: naming nodes that do not trust what the bay trusts."""
    with work.tools.database.reading() as session:
        missing = work.tools.certificates.nodes_to_follow(session, work.claim.bay_uuid)
    if missing:
        names = ', '.join(missing[:_NAMED]) + (', ...' if len(missing) > _NAMED else '')
        raise TryLater(
            f'Nodes that do not trust yet what the bay trusts ({len(missing)}): {names}.',
            work.tools.conf.conductor.watch_interval,
            'nodes_behind',
        )
