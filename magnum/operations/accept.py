"""Plans operations: the promise that an answered request makes.

Everything here happens in the request's own transaction. Nothing here talks
to the cloud.
"""

import contextlib
import dataclasses
import datetime
from typing import Any, Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import (
    bays,
    events,
    key_pairs,
    locking,
    node_trust,
    nodegroups,
    operations,
    quotas,
    transitions,
)
from magnum.db.statements import database_now
from magnum.domain import machine, rounds, states
from magnum.domain import nodegroups as nodegroup_rules
from magnum.domain.failures import Failure
from magnum.domain.parameters import (
    Create,
    CreateNodegroup,
    Delete,
    DeleteNodegroup,
    InRounds,
    Parameters,
    Resize,
    RotateCA,
    RotateCredential,
    Upgrade,
)
from magnum.operations import upgrading
from magnum.operations.ending import end_cancelled, is_preempted
from magnum.operations.errors import (
    BayGone,
    BaymodelChanged,
    BaymodelGone,
    NodegroupExists,
    NodegroupGone,
    NotCancellable,
    NotRetryable,
    OperationInProgress,
    QuotaExceeded,
)

__all__ = [
    'BayGone', 'BaymodelChanged', 'BaymodelGone', 'NodegroupExists', 'NodegroupGone',
    'NotCancellable', 'NotRetryable', 'OperationInProgress', 'Planner', 'QuotaExceeded',
    'Requester',
]

_DELETES: Final = frozenset({states.DELETE, states.DELETE_NODEGROUP})


@dataclasses.dataclass(frozen=True)
class Requester:
    """Who asked for an operation."""

    user_id: str | None
    project_id: str | None
    roles: tuple[str, ...]
    request_id: str | None


class Planner:
    """Writes operations beside the rows they are about.

    Callers lock the bay that they hand over: see :mod:`magnum.db.repositories.locking`.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        self._conf = conf

    def create_bay(
        self,
        session: orm.Session,
        bay: models.Bay,
        groups: list[models.Nodegroup],
        requester: Requester,
        baymodel_generation: int | None = None,
    ) -> models.Operation:
        """Insert the bay, its node groups, and the operation that builds it.

        :param baymodel_generation: of the baymodel that the bay was checked
            against, which has to be the same until the commit; None for any.
        :raises QuotaExceeded: the project may have no further bay.
        :raises BaymodelGone: its baymodel was deleted meanwhile.
        :raises BaymodelChanged: its baymodel was changed meanwhile.
        """
        locked = quotas.lock_with_baymodel(session, bay.project_id or '', bay.baymodel_id)
        if locked is None:
            raise BaymodelGone
        generation, limit = locked
        if baymodel_generation not in (None, generation):
            raise BaymodelChanged
        now = self._check_quota(session, bay.project_id, limit)
        bay.status = states.status(states.CREATE, states.IN_PROGRESS)
        bays.insert(session, bay, groups)
        return self._insert(session, bay, requester, Create(), now)

    def resize_bay(
        self,
        session: orm.Session,
        bay: models.Bay,
        node_count: int,
        requester: Requester,
        rollback: bool = False,
        nodegroup_uuid: str | None = None,
        nodes_to_remove: tuple[str, ...] = (),
    ) -> models.Operation | None:
        """Give a node group another count.

        A resize of the same group that no worker has begun yet takes the new
        count over, and removes the nodes named by either request.

        :param rollback: whether Heat is to undo a change that fails.
        :param nodegroup_uuid: None: the default workers.
        :param nodes_to_remove: nodes that go, whatever the count: where it
            asks for as many as there are, they are replaced.
        :returns: None when there is nothing to change; what failed may be
            asked for the same count again.
        :raises OperationInProgress: something else is going on.
        :raises NodegroupGone: the bay has no such node group.
        """
        active = locking.active_operation(session, bay.uuid)
        group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
        if active is not None:
            if not _takes_over(active, group):
                raise _in_progress(session, active)
            waiting = Resize.of(active)
            active.parameters = dataclasses.replace(
                waiting, node_count=node_count, rollback=rollback,
                nodes_to_remove=tuple(
                    dict.fromkeys((*waiting.nodes_to_remove, *nodes_to_remove))
                ),
            ).stored()
            _set_count(group, node_count)
            bay.generation = models.Bay.generation + 1
            return active
        has_failed = states.is_failed(bay.status) or states.is_failed(group.status)
        if group.node_count == node_count and not nodes_to_remove and not has_failed:
            return None
        parameters = Resize(
            nodegroup=group.uuid, node_count=node_count, previous_node_count=group.node_count,
            rollback=rollback, nodes_to_remove=nodes_to_remove,
        )
        _set_count(group, node_count)
        return self._plan(session, bay, requester, parameters)

    def create_nodegroup(
        self,
        session: orm.Session,
        bay: models.Bay,
        nodegroup: models.Nodegroup,
        requester: Requester,
    ) -> models.Operation:
        """Insert a further node group and the operation that builds it.

        :raises NodegroupExists: the bay has one of that name.
        :raises OperationInProgress: something else is going on.
        """
        self._begin(session, bay)
        if nodegroups.is_taken(session, bay.uuid, nodegroup.name):
            raise NodegroupExists(nodegroup.name)
        nodegroup.bay_uuid = bay.uuid
        nodegroup.project_id = bay.project_id
        nodegroup.is_default = False
        nodegroups.insert(session, nodegroup)
        return self._plan(session, bay, requester, CreateNodegroup(nodegroup=nodegroup.uuid))

    def delete_nodegroup(
        self,
        session: orm.Session,
        bay: models.Bay,
        nodegroup_uuid: str,
        requester: Requester,
    ) -> models.Operation:
        """Plan the end of a further node group.

        A delete of it in progress is answered with itself.

        :raises NodegroupGone: the bay has no such node group.
        :raises OperationInProgress: something else is going on.
        :raises ValueError: it is a default one, which goes with its bay.
        """
        active = locking.active_operation(session, bay.uuid)
        group = locking.nodegroup(session, bay.uuid, nodegroup_uuid)
        if group.is_default:
            raise ValueError('a default node group goes with its bay')
        if active is not None:
            asked = Parameters.of(active)
            if isinstance(asked, DeleteNodegroup) and asked.nodegroup == group.uuid:
                return active
            raise _in_progress(session, active)
        return self._plan(session, bay, requester, DeleteNodegroup(nodegroup=group.uuid))

    def upgrade_bay(
        self,
        session: orm.Session,
        bay: models.Bay,
        baymodel: models.Baymodel,
        requester: Requester,
        max_batch_size: int = 1,
        nodegroup_uuid: str | None = None,
    ) -> models.Operation:
        """Replace nodes by new ones, as another baymodel has them.

        Which groups are concerned, the driver says when the work begins.

        :param baymodel: the bay's own one renews the nodes.
        :param max_batch_size: how many nodes may be replaced at once.
        :param nodegroup_uuid: None: every group that the driver can upgrade.
        :raises OperationInProgress: something else is going on.
        :raises NodegroupGone: the bay has no such node group.
        """
        self._begin(session, bay)
        if nodegroup_uuid is not None:
            nodegroup_uuid = locking.nodegroup(session, bay.uuid, nodegroup_uuid).uuid
        parameters = Upgrade(
            baymodel=baymodel.uuid,
            fingerprint=upgrading.fingerprint(baymodel),
            max_batch_size=max_batch_size,
            minutes=bay.create_timeout or self._conf.cluster_heat.create_timeout,
            nodegroup=nodegroup_uuid,
        )
        return self._plan(session, bay, requester, parameters)

    def rotate_credential(
        self, session: orm.Session, bay: models.Bay, requester: Requester
    ) -> models.Operation:
        """Give the bay's own Keystone user a new password.

        :raises OperationInProgress: something else is going on.
        """
        self._begin(session, bay)
        return self._plan(session, bay, requester, RotateCredential())

    def rotate_ca(
        self, session: orm.Session, bay: models.Bay, requester: Requester
    ) -> models.Operation:
        """Give the bay another authority; a rotation that stopped is gone on with.

        :raises OperationInProgress: something else is going on.
        """
        self._begin(session, bay)
        # Of an earlier one: nodes may have been taken away since.
        node_trust.forget(session, bay.uuid)
        return self._plan(session, bay, requester, RotateCA())

    def cancel(
        self, session: orm.Session, operation_uuid: str, requester: Requester
    ) -> models.Operation:
        """Stop an operation: at once when nobody has begun it, else soon.

        One that is being stopped already is answered with itself.

        :raises NotCancellable: it has ended, or is a delete.
        """
        found = operations.load(session, operation_uuid)
        if found is None:
            raise NotCancellable('There is no such operation.')
        with contextlib.suppress(BayGone):  # then it has ended
            locking.lock_bay(session, found.bay_uuid)
        operation = locking.lock_operation(session, operation_uuid)
        if operation.state in states.ENDED:
            raise NotCancellable(f'It has ended: {operation.state}.')
        if not states.VERBS[operation.verb].is_cancellable:
            raise NotCancellable('A delete goes on to its end.')
        if is_preempted(operation):
            raise NotCancellable('It makes way for a delete.')
        if operation.cancel_requested:
            return operation
        by = f'Cancelled by the user {requester.user_id}.'
        is_begun = operation.state != states.QUEUED or operation.attempts > 0
        # Whoever holds it, or claims it next, stops it.
        transitions.write(operation, machine.CANCEL, error=Failure('cancelled', by).as_dict())
        if not is_begun:
            end_cancelled(session, operation)
            return operation
        events.record(session, operation, f'bay.{operation.verb}.stopping', by)
        return operation

    def retry(
        self, session: orm.Session, operation_uuid: str, requester: Requester
    ) -> models.Operation:
        """Try again what failed or was cancelled, from where it came to.

        :returns: a new operation, whose ``retries`` is the old one.
        :raises NotRetryable: it did not fail, or the bay has had a later one.
        :raises OperationInProgress: something is going on.
        :raises BayGone: the bay is deleted.
        """
        found = operations.load(session, operation_uuid)
        if found is None:
            raise NotRetryable('There is no such operation.')
        bay = locking.lock_bay(session, found.bay_uuid)
        active = locking.active_operation(session, bay.uuid)
        if active is not None:
            raise _in_progress(session, active)
        failed = locking.lock_operation(session, operation_uuid)
        if failed.state == states.SUCCEEDED:
            raise NotRetryable('It succeeded.')
        is_to_be_built = failed.verb == states.CREATE and (
            bay.stack_id is None or not key_pairs.has_any(session, bay.uuid)
        )
        if operations.last_id(session, bay.uuid) != failed.id and not is_to_be_built:
            raise NotRetryable('The bay has had a later operation.')
        parameters = _again(session, failed)
        return self._plan(session, bay, requester, parameters, retries=failed.uuid)

    def delete_bay(
        self, session: orm.Session, bay: models.Bay, requester: Requester
    ) -> models.Operation:
        """Plan the bay's end; it pre-empts whatever else is going on.

        A delete in progress is answered with itself.
        """
        active = locking.active_operation(session, bay.uuid)
        if active is not None and active.verb == states.DELETE:
            return active
        preempts = None
        if active is not None:
            if active.state == states.RUNNING:
                transitions.write(active, machine.GIVE_WAY)
            else:
                transitions.write(active, machine.PREEMPT, finished_at=database_now(session))
                events.record(
                    session, active, f'bay.{active.verb}.cancelled',
                    f'{active.verb} made way for a delete',
                )
            preempts = active.uuid
        return self._plan(session, bay, requester, Delete(), preempts=preempts)

    def _begin(self, session: orm.Session, bay: models.Bay) -> None:
        """Check that nothing goes on at the bay.

        :raises OperationInProgress: something goes on.
        """
        active = locking.active_operation(session, bay.uuid)
        if active is not None:
            raise _in_progress(session, active)

    def _plan(
        self,
        session: orm.Session,
        bay: models.Bay,
        requester: Requester,
        parameters: Parameters,
        **more: Any,
    ) -> models.Operation:
        """An operation of an existing, locked bay; the statuses say so at once."""
        bay.status = states.status(parameters.verb, states.IN_PROGRESS)
        bay.status_reason = None
        bay.generation += 1
        operation = self._insert(
            session, bay, requester, parameters, database_now(session), **more
        )
        locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
        return operation

    def _insert(
        self,
        session: orm.Session,
        bay: models.Bay,
        requester: Requester,
        parameters: Parameters,
        now: datetime.datetime,
        preempts: str | None = None,
        retries: str | None = None,
    ) -> models.Operation:
        verb = parameters.verb
        deletes = verb in _DELETES
        own_minutes = (
            self._conf.cluster_heat.delete_timeout if deletes else bay.create_timeout
        )
        this = rounds.current(parameters)
        if this is not None:
            own_minutes = this.minutes
        allowed = datetime.timedelta(minutes=own_minutes or self._conf.cluster_heat.create_timeout)
        operation = transitions.accept(
            session,
            {'active_for': bay.uuid, 'deadline': now + allowed},
            bay_uuid=bay.uuid,
            bay_name=bay.name,
            project_id=bay.project_id,
            verb=verb,
            parameters=parameters.stored(),
            user_id=requester.user_id,
            requester_project_id=requester.project_id,
            roles=sorted(requester.roles),
            request_id=requester.request_id,
            preempts=preempts,
            retries=retries,
        )
        events.record(session, operation, f'bay.{verb}.accepted', f'{verb} was accepted')
        return operation

    def _check_quota(
        self, session: orm.Session, project_id: str | None, limit: int | None
    ) -> datetime.datetime:
        """Count the project's bays, under the lock on its quota row.

        :param limit: the project's own, if it has one.
        :returns: the database's time, which comes with the same answer.
        """
        limit = self._conf.quotas.max_clusters_per_project if limit is None else limit
        existing, now = quotas.count_bays(session, project_id)
        if existing >= limit:
            raise QuotaExceeded(limit)
        return now


def _again(session: orm.Session, failed: models.Operation) -> Parameters:
    """The parameters of an operation that tries a failed one again.

    Revisions rise once more: a node that failed is not mended by being asked
    for again, and one that is done is not the worse for being replaced.
    """
    parameters = Parameters.of(failed).again()
    match parameters:
        case Resize():
            group = locking.nodegroup(session, failed.bay_uuid, parameters.nodegroup)
            try:
                nodegroup_rules.check_range(
                    parameters.node_count, group.min_node_count, group.max_node_count
                )
            except nodegroup_rules.Invalid as fault:    # the bounds were changed since
                raise NotRetryable(str(fault)) from None
            previous, group.node_count = group.node_count, parameters.node_count
            return dataclasses.replace(parameters, previous_node_count=previous)
        case CreateNodegroup():
            locking.nodegroup(session, failed.bay_uuid, parameters.nodegroup).revision += 1
        case InRounds():
            return dataclasses.replace(parameters, groups=tuple(
                this if number < parameters.round else dataclasses.replace(
                    this,
                    revision=1 + locking.nodegroup(session, failed.bay_uuid, this.uuid).revision,
                )
                for number, this in enumerate(parameters.groups)
            ))
    return parameters


def _in_progress(session: orm.Session, active: models.Operation) -> OperationInProgress:
    session.expunge(active)  # the rollback to come must not empty it
    return OperationInProgress(active)


def _set_count(group: models.Nodegroup, node_count: int) -> None:
    group.node_count = node_count
    # By the database: a worker may have raised it meanwhile.
    group.generation = models.Nodegroup.generation + 1


def _takes_over(active: models.Operation, group: models.Nodegroup) -> bool:
    """Whether a resize that waits can still be given another target."""
    return (
        active.verb == states.RESIZE
        and Resize.of(active).nodegroup == group.uuid
        and active.state == states.QUEUED
        and active.attempts == 0
    )
