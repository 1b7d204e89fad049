"""Insertion of an operation: what accepting has in common, whatever the verb."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any, Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import (
    baymodels,
    events,
    locking,
    nodegroups,
    pending,
    transitions,
)
from magnum.db.statements import database_now
from magnum.domain import machine, rounds, states, turns
from magnum.domain.parameters import Parameters
from magnum.operations import half_made
from magnum.operations.accept.errors import (
    BaymodelChanged,
    BaymodelGone,
    MastersUnfinished,
    NodegroupNotCreated,
    OperationInProgress,
    QueueFull,
)
from magnum.operations.accept.requester import Requester
from magnum.operations.building import with_nodes
from magnum.operations.queue import BEHIND, at_turn
from magnum.operations.upgrading import fingerprint

_DELETES: Final = frozenset({states.DELETE, states.DELETE_NODEGROUP})


@dataclasses.dataclass(frozen=True)
class Line:
    """What goes on at a bay and what waits there, in order, under the bay's lock."""

    active: Sequence[models.Operation]
    waiting: Sequence[models.Operation]
    defaults: frozenset[str]

    @classmethod
    def of(cls, session: orm.Session, bay_uuid: str) -> 'Line':
        """That of a bay."""
        return cls(
            locking.active_operations(session, bay_uuid),
            pending.of_bay(session, bay_uuid),
            nodegroups.defaults(session, [bay_uuid]),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing goes on, and nothing waits."""
        return not self.active and not self.waiting

    def about(self, nodegroup_uuid: str) -> list[models.Operation]:
        """What changes a node group: what waits for that first, and is not begun."""
        return [
            other for other in (*self.waiting, *self.active)
            if turns.nodegroup_of(other) == nodegroup_uuid
        ]

    def waiting_for(self, nodegroup_uuid: str) -> list[models.Operation]:
        """What waits and is about a node group alone, upgrades among it."""
        return [
            other for other in self.waiting
            if rounds.nodegroup_uuid(Parameters.of(other)) == nodegroup_uuid
        ]

    def before(self, parameters: Parameters, at_once: int) -> list[models.Operation]:
        """What an operation with these parameters has to wait for."""
        wanted = turns.part_of(parameters, self.defaults)
        return turns.before(wanted, self.active, self.waiting, self.defaults, at_once)


def in_progress(session: orm.Session, active: models.Operation) -> OperationInProgress:
    """The error that names an operation in the way."""
    session.expunge(active)  # the rollback to come must not empty it
    return OperationInProgress(active)


def begin_operation(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    requester: Requester,
    parameters: Parameters,
    is_alone: bool = True,
    **more: Any,
) -> models.Operation:
    """Insert an operation of an existing, locked bay; the statuses say so at once.

    :param is_alone: nothing goes on beside it.
    """
    bay.status = states.status(parameters.verb, states.IN_PROGRESS)
    if is_alone:
        bay.status_reason = None
    bay.generation += 1
    operation = insert_operation(
        conf, session, bay, requester, parameters, database_now(session), **more
    )
    locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
    return operation


def begin_or_enqueue(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    line: Line,
    requester: Requester,
    parameters: Parameters,
    **more: Any,
) -> models.Operation:
    """As ``begin_operation``, beside others; what excludes it, it waits for.

    :param line: which :func:`check_may_wait` let pass.
    :raises QueueFull: as many as may wait do.
    """
    in_the_way = line.before(parameters, conf.conductor.operations_per_bay)
    if not in_the_way:
        begun = begin_operation(
            conf, session, bay, requester, parameters, is_alone=not line.active, **more
        )
        at_turn(session, begun)
        return begun
    waiting = len(line.waiting)
    if waiting >= conf.conductor.queue_limit:
        session.expunge(in_the_way[0])
        raise QueueFull(in_the_way[0], waiting)
    # By the database: a worker may have raised it meanwhile.
    bay.generation = models.Bay.generation + 1
    operation = insert_operation(
        conf, session, bay, requester, parameters, database_now(session), is_pending=True, **more
    )
    pending.remember_shown(session, operation)
    locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
    return operation


def check_may_wait(session: orm.Session, line: Line, verb: str) -> None:
    """Check that something may be asked of a bay at which something goes on.

    :raises OperationInProgress: it contradicts what is active or waits.
    """
    # What is of a later release, and waits, keeps its place.
    waiting = [other for other in line.waiting if other.verb in states.VERBS]
    for other in (*line.active, *waiting):
        if other.verb not in BEHIND[verb]:
            raise in_progress(session, other)


def check_stays(session: orm.Session, line: Line, group: models.Nodegroup) -> None:
    """Check that a node group is there, or will be, and is not about to go.

    :raises OperationInProgress: its delete goes on or waits.
    :raises NodegroupNotCreated: its creation ended before Heat was asked.
    """
    for other in line.about(group.uuid):
        if other.verb == states.DELETE_NODEGROUP:
            raise in_progress(session, other)
    if not with_nodes([group], [*line.active, *line.waiting]):
        raise NodegroupNotCreated(group.name)


def check_masters(session: orm.Session, bay: models.Bay, group: models.Nodegroup) -> None:
    """Check that a change of a node group has Heat make no master that cannot join.

    :raises MastersUnfinished: it would.
    """
    left = half_made.in_the_way(session, bay.uuid, group)
    if left is not None:
        masters, operation = left
        raise MastersUnfinished(masters.name, operation.uuid)


def check_baymodel(session: orm.Session, uuid: str, expected: str) -> None:
    """Check that an upgrade's baymodel is what it was, and keep it so until the commit.

    :param expected: its fingerprint.
    :raises BaymodelGone: it was deleted meanwhile.
    :raises BaymodelChanged: it was changed meanwhile.
    """
    found = baymodels.load(session, uuid, is_to_stay=True)
    if found is None:
        raise BaymodelGone(uuid)
    if fingerprint(found) != expected:
        raise BaymodelChanged(uuid)


def own(operation: models.Operation, requester: Requester) -> None:
    """Note who has asked for an operation."""
    operation.user_id = requester.user_id
    operation.requester_project_id = requester.project_id
    operation.roles = sorted(requester.roles)
    operation.request_id = requester.request_id


def insert_operation(
    conf: cfg.ConfigOpts,
    session: orm.Session,
    bay: models.Bay,
    requester: Requester,
    parameters: Parameters,
    now: datetime.datetime,
    preempts: str | None = None,
    retries: str | None = None,
    is_pending: bool = False,
) -> models.Operation:
    """Insert an operation, with its deadline and the event that tells of it.

    :param now: the database's time.
    :param preempts: uuid of the operation whose place it takes.
    :param retries: uuid of the operation that it tries again.
    :param is_pending: it waits for its turn at the bay, and its deadline with it.
    """
    verb, this = parameters.verb, rounds.current(parameters)
    if this is not None:
        minutes: int | None = this.minutes
    elif verb in _DELETES:
        minutes = conf.cluster_heat.delete_timeout
    else:
        minutes = bay.create_timeout
    allowed = datetime.timedelta(minutes=minutes or conf.cluster_heat.create_timeout)
    taken: dict[str, Any] = {'deadline': now + allowed}
    if not is_pending:
        taken['active_for'] = turns.key(
            bay.uuid, turns.part_of(parameters), conf.conductor.operations_per_bay
        )
    operation = transitions.insert(
        session,
        machine.ENQUEUE if is_pending else machine.ACCEPT,
        taken,
        bay_uuid=bay.uuid,
        bay_name=bay.name,
        project_id=bay.project_id,
        created_at=now,
        verb=verb,
        parameters=parameters.stored(),
        user_id=requester.user_id,
        requester_project_id=requester.project_id,
        roles=sorted(requester.roles),
        request_id=requester.request_id,
        preempts=preempts,
        retries=retries,
    )
    later = ' and waits for its turn' if is_pending else ''
    events.record(session, operation, f'bay.{verb}.accepted', f'{verb} was accepted{later}')
    return operation
