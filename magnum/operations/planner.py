"""Plans operations: the promise that an answered request makes.

Everything here happens in the request's own transaction. Nothing here talks
to the cloud.
"""

import dataclasses
import datetime
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import exception as db_exc
from sqlalchemy import orm

from magnum.db import models
from magnum.db.statements import database_now
from magnum.db.types import utcnow
from magnum.domain import states
from magnum.events import timeline
from magnum.operations.claims import end

BAYS = 'Cluster'  # the quota's resource, by the name that clients know


@dataclasses.dataclass(frozen=True)
class Requester:
    """Who asked for an operation."""

    user_id: str | None
    project_id: str | None
    roles: tuple[str, ...]
    request_id: str | None


class OperationInProgress(Exception):
    """The bay has an active operation; ``active`` is that one."""

    def __init__(self, active: models.Operation):
        super().__init__(f'operation {active.uuid} ({active.verb}) is in progress')
        self.active = active


class BayGone(Exception):
    """The bay's last delete ended between its being found and its being locked."""


class QuotaExceeded(Exception):
    """The project has as many bays as it may; ``limit`` is how many."""

    def __init__(self, limit: int):
        super().__init__(f'the project may have {limit} bays')
        self.limit = limit


class Planner:
    """Writes operations beside the rows they are about."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._default_minutes: int = conf.cluster_heat.create_timeout
        self._delete_minutes: int = conf.cluster_heat.delete_timeout
        self._max_bays: int = conf.quotas.max_clusters_per_project

    def create_bay(
        self,
        session: orm.Session,
        bay: models.Bay,
        nodegroups: list[models.Nodegroup],
        requester: Requester,
    ) -> models.Operation:
        """Insert the bay, its node groups, and the operation that builds it.

        :raises QuotaExceeded: the project may have no further bay.
        """
        now = self._check_quota(session, bay.project_id)
        bay.status = states.status(states.CREATE, states.IN_PROGRESS)
        session.add(bay)
        session.flush()
        for nodegroup in nodegroups:
            nodegroup.bay_uuid = bay.uuid
            nodegroup.project_id = bay.project_id
            nodegroup.status = bay.status
        session.add_all(nodegroups)
        return self._plan(session, bay, states.CREATE, requester, bay.create_timeout, now)

    def resize_bay(
        self,
        session: orm.Session,
        bay: models.Bay,
        node_count: int,
        requester: Requester,
        rollback: bool = False,
    ) -> models.Operation | None:
        """Give the bay's default workers another count.

        A resize that no worker has begun yet takes the new count over.

        :param rollback: whether Heat is to undo a change that fails.
        :returns: None when there are as many already; a bay whose last
            operation failed may be asked for the same count again.
        :raises OperationInProgress: something else is going on.
        """
        _lock(session, bay)
        workers = session.scalars(
            sa.select(models.Nodegroup).filter_by(
                bay_uuid=bay.uuid, is_default=True, role='worker'
            )
        ).one()
        active = _active(session, bay.uuid)
        if active is not None:
            waits = active.verb == states.UPDATE and active.state == states.QUEUED
            if not (waits and active.attempts == 0):
                session.expunge(active)  # the rollback to come must not empty it
                raise OperationInProgress(active)
            active.parameters = {
                **active.parameters, 'node_count': node_count, 'rollback': rollback
            }
            workers.node_count = node_count
            return active
        if workers.node_count == node_count and not states.is_failed(bay.status):
            return None
        parameters = {
            'nodegroup': workers.uuid,
            'node_count': node_count,
            'previous_node_count': workers.node_count,
            'rollback': rollback,
        }
        workers.node_count = node_count
        _set_status(session, bay, states.status(states.UPDATE, states.IN_PROGRESS))
        return self._plan(
            session, bay, states.UPDATE, requester, bay.create_timeout,
            database_now(session), parameters=parameters,
        )

    def delete_bay(
        self, session: orm.Session, bay: models.Bay, requester: Requester
    ) -> models.Operation:
        """Plan the bay's end; it pre-empts whatever else is going on.

        A delete in progress is answered with itself.
        """
        _lock(session, bay)
        active = _active(session, bay.uuid)
        if active is not None and active.verb == states.DELETE:
            return active
        preempts = None
        if active is not None:
            # The old row lets go by an UPDATE of its own before the new one
            # is inserted: the column is unique.
            active.active_for = None
            active.cancel_requested = True
            if active.state != states.RUNNING:
                end(session, active, states.CANCELLED)
                timeline.record(
                    session, active, f'bay.{active.verb}.cancelled',
                    f'{active.verb} made way for a delete',
                )
            session.flush()
            preempts = active.uuid
        _set_status(session, bay, states.status(states.DELETE, states.IN_PROGRESS))
        return self._plan(
            session, bay, states.DELETE, requester, self._delete_minutes,
            database_now(session), preempts=preempts,
        )

    def _plan(
        self,
        session: orm.Session,
        bay: models.Bay,
        verb: str,
        requester: Requester,
        minutes: int | None,
        now: datetime.datetime,
        parameters: dict[str, Any] | None = None,
        preempts: str | None = None,
    ) -> models.Operation:
        allowed = datetime.timedelta(minutes=minutes or self._default_minutes)
        operation = models.Operation(
            bay_uuid=bay.uuid,
            bay_name=bay.name,
            project_id=bay.project_id,
            verb=verb,
            phase=states.START,
            state=states.QUEUED,
            active_for=bay.uuid,
            parameters=parameters or {},
            user_id=requester.user_id,
            roles=sorted(requester.roles),
            request_id=requester.request_id,
            preempts=preempts,
            deadline=now + allowed,
        )
        session.add(operation)
        session.flush()
        timeline.record(session, operation, f'bay.{verb}.accepted', f'{verb} was accepted')
        return operation

    def _check_quota(
        self, session: orm.Session, project_id: str | None
    ) -> datetime.datetime:
        """Count the project's bays under a lock on the project's quota row.

        :returns: the database's time, which comes with the same answer.
        """
        limit = _locked_quota(session, project_id or '')
        limit = self._max_bays if limit is None else limit
        existing, now = session.execute(
            sa.select(sa.func.count(), utcnow())
            .select_from(models.Bay)
            .filter_by(project_id=project_id)
        ).one()
        if existing >= limit:
            raise QuotaExceeded(limit)
        moment: datetime.datetime = now
        return moment


def _locked_quota(session: orm.Session, project_id: str) -> int | None:
    """Lock the project's quota row, made when missing; its limit, if any."""
    query = (
        sa.select(models.Quota)
        .filter_by(project_id=project_id, resource=BAYS)
        .with_for_update()
    )
    row = session.scalars(query).one_or_none()
    if row is None:
        try:
            with session.begin_nested():
                session.add(models.Quota(project_id=project_id, resource=BAYS))
        except db_exc.DBDuplicateEntry:
            pass  # another request made it first
        row = session.scalars(query).one()
    return row.hard_limit


def _lock(session: orm.Session, bay: models.Bay) -> None:
    """Keep other requests off the bay, and see it as it is now.

    :raises BayGone: it was deleted since it was read.
    """
    locked = session.scalars(
        sa.select(models.Bay)
        .filter_by(id=bay.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if locked is None:
        raise BayGone(bay.uuid)


def _active(session: orm.Session, bay_uuid: str) -> models.Operation | None:
    return session.scalars(
        sa.select(models.Operation).filter_by(active_for=bay_uuid).with_for_update()
    ).one_or_none()


def _set_status(session: orm.Session, bay: models.Bay, status: str) -> None:
    bay.status = status
    bay.status_reason = None
    bay.generation += 1
    session.execute(
        sa.update(models.Nodegroup)
        .filter_by(bay_uuid=bay.uuid)
        .values(status=status, status_reason=None)
    )

