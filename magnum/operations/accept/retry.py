"""Retry of an operation that failed or was cancelled."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from oslo_config import cfg
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import key_pairs, locking, operations
from magnum.domain import nodegroups, states, turns
from magnum.domain.parameters import (
    CreateNodegroup,
    InRounds,
    Parameters,
    Resize,
    ResizeMasters,
    Round,
    Upgrade,
)
from magnum.operations.accept.errors import BaymodelChanged, BaymodelGone, NotRetryable
from magnum.operations.accept.insertion import (
    Line,
    begin_operation,
    check_baymodel,
    in_progress,
)
from magnum.operations.accept.requester import Requester
from magnum.operations.building import is_made

#: What stands in the way of an upgrade that is tried again.
_OF_BAYMODEL: Final[Mapping[type[Exception], str]] = {
    BaymodelGone: 'The baymodel of the upgrade is gone.',
    BaymodelChanged: 'The baymodel of the upgrade was changed.',
}


def accept(
    conf: cfg.ConfigOpts, session: orm.Session, operation_uuid: str, requester: Requester
) -> models.Operation:
    """Try again what failed or was cancelled, from where it came to.

    :returns: a new operation, whose ``retries`` is the old one.
    :raises NotRetryable: it did not fail, or the bay has had a later one.
    :raises OperationInProgress: something is going on that excludes it.
    :raises BayGone: the bay is deleted.
    """
    found = operations.load(session, operation_uuid)
    if found is None:
        raise NotRetryable('There is no such operation.')
    bay = locking.lock_bay(session, found.bay_uuid)
    line = Line.of(session, bay.uuid)
    failed = locking.lock_operation(session, operation_uuid)
    _check_not_waiting(conf, session, line, failed)
    if failed.verb not in states.VERBS:
        raise NotRetryable('It is of a later release than this one.')
    if failed.state == states.SUCCEEDED:
        raise NotRetryable('It succeeded.')
    is_to_be_built = failed.verb == states.CREATE and (
        bay.stack_id is None or not key_pairs.has_any(session, bay.uuid)
    )
    if _has_followed(session, failed) and not is_to_be_built:
        raise NotRetryable('The bay has had a later operation.')
    return begin_operation(
        conf, session, bay, requester, _again(session, failed), is_alone=not line.active,
        retries=failed.uuid,
    )


def _check_not_waiting(
    conf: cfg.ConfigOpts, session: orm.Session, line: Line, failed: models.Operation
) -> None:
    """Check that what is tried again may go on now; nobody is promised that later.

    :raises OperationInProgress: it would have to wait.
    """
    for other in line.before(Parameters.of(failed), conf.conductor.operations_per_bay):
        raise in_progress(session, other)


def _has_followed(session: orm.Session, failed: models.Operation) -> bool:
    """Whether a later operation of the bay was about what this one was about."""
    group = turns.nodegroup_of(failed)
    return any(
        group is None or turns.nodegroup_of(other) in (None, group)
        for other in operations.after(session, failed)
    )


def _made(session: orm.Session, failed: models.Operation, uuid: str) -> models.Nodegroup:
    """The node group of an operation.

    :raises NotRetryable: it has no nodes to do anything with.
    """
    group = locking.nodegroup(session, failed.bay_uuid, uuid)
    if not is_made(group):
        raise NotRetryable(f'The node group {group.name} was not created.')
    return group


def _check_upgrade(
    session: orm.Session, failed: models.Operation, asked: Upgrade
) -> None:
    """:raises NotRetryable: its node group has no nodes, or its baymodel is another one now."""
    if asked.nodegroup is not None:
        _made(session, failed, asked.nodegroup)
    try:
        check_baymodel(session, asked.baymodel, asked.fingerprint)
    except (BaymodelGone, BaymodelChanged) as fault:
        raise NotRetryable(_OF_BAYMODEL[type(fault)]) from None


def _again(session: orm.Session, failed: models.Operation) -> Parameters:
    """The parameters of an operation that tries a failed one again.

    Revisions rise once more: a node that failed is not mended by being asked
    for again, and one that is done is not the worse for being replaced.
    """
    parameters = Parameters.of(failed).again()
    match parameters:
        case Resize():
            group = _made(session, failed, parameters.nodegroup)
            try:
                nodegroups.check_range(
                    parameters.node_count, group.min_node_count, group.max_node_count
                )
            except nodegroups.Invalid as fault:     # the bounds were changed since
                raise NotRetryable(str(fault)) from None
            previous, group.node_count = group.node_count, parameters.node_count
            return dataclasses.replace(parameters, previous_node_count=previous)
        case CreateNodegroup():
            locking.nodegroup(session, failed.bay_uuid, parameters.nodegroup).revision += 1
        case ResizeMasters():
            return _rounds_again(session, failed, parameters)
        case InRounds():
            if isinstance(parameters, Upgrade):
                _check_upgrade(session, failed, parameters)
            return _rounds_again(session, failed, parameters, batch=None, later=(), staying=())
    return parameters


def _rounds_again(
    session: orm.Session, failed: models.Operation, asked: InRounds, **others: Any
) -> InRounds:
    """The rounds that are done, and the others once more.

    :param others: values of those.
    """
    def again(this: Round) -> Round:
        revision = 1 + locking.nodegroup(session, failed.bay_uuid, this.uuid).revision
        return dataclasses.replace(this, revision=revision, is_asked=False, **others)

    return dataclasses.replace(asked, groups=(
        *asked.groups[:asked.round], *map(again, asked.groups[asked.round:])
    ))
