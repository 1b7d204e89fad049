"""Errors of the layers below as errors of the API: one table."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from magnum.api import errors
from magnum.certificates import errors as certificates
from magnum.db.repositories import baymodels, paging, quotas
from magnum.domain import nodegroups, reports
from magnum.drivers.contract import PlanRefused
from magnum.operations.accept import errors as operations


class Refusal(NamedTuple):
    """What is told of an error.

    ``detail`` is a format: of the error and of the names that its request has
    for things. ``field`` is what of the request's document is at fault, in the
    same way, and ``argument`` what of its query.
    """

    kind: errors.Kind
    detail: str
    field: str = ''
    argument: str = ''


Table = Mapping[type[Exception], Refusal]

_OPERATION: Final = 'Operation {operation.uuid} ({operation.verb}): '

#: ``bay`` and ``baymodel`` are dialects, ``ident`` is what the request names, ``operation``
#: the row of an operation, ``quota`` what a request gives of one.
TABLE: Final[Table] = {
    operations.BayGone: Refusal(
        errors.bays.NOT_FOUND, '{bay.title} {ident} could not be found.'
    ),
    operations.BaymodelGone: Refusal(
        errors.baymodels.NOT_FOUND, '{baymodel.title} {ident} could not be found.'
    ),
    operations.BaymodelChanged: Refusal(
        errors.requests.CONCURRENT_UPDATE, '{baymodel.title} {ident} was changed meanwhile.'
    ),
    operations.NodegroupGone: Refusal(
        errors.nodegroups.NOT_FOUND, 'Nodegroup {error} could not be found.'
    ),
    operations.MastersUnfinished: Refusal(
        errors.bays.MASTERS_UNFINISHED,
        '{bay.title} {ident}: an upgrade, or a change of the number of masters, ended while it '
        'made a node of {error}. Retry its operation {error.operation_uuid}, or after an upgrade '
        'upgrade {error} to the template that the {bay.singular} has, first.',
    ),
    operations.NodegroupNotCreated: Refusal(
        errors.nodegroups.NOT_CREATED, 'nodegroup: The node group {error} was not created.',
        'nodegroup',
    ),
    operations.NodegroupExists: Refusal(
        errors.nodegroups.EXISTS, 'name: A node group with name {error} already exists.', 'name'
    ),
    operations.OperationInProgress: Refusal(
        errors.bays.OPERATION_IN_PROGRESS,
        '{bay.title} {ident} has an operation in progress: {error.active.verb} '
        '{error.active.uuid}',
    ),
    operations.QueueFull: Refusal(
        errors.bays.OPERATION_IN_PROGRESS,
        '{bay.title} {ident} has an operation in progress: {error.active.verb} '
        '{error.active.uuid}, and {error.waiting} more wait for their turn. No more may wait.',
    ),
    operations.QuotaExceeded: Refusal(
        errors.quotas.EXCEEDED,
        'Resource limit exceeded: You have reached the maximum {bay.plural} per project, '
        '{error.limit}. You may delete a {bay.singular} to make room for a new one.',
    ),
    operations.NotCancellable: Refusal(errors.operations.NOT_CANCELLABLE, _OPERATION + '{error}'),
    operations.NotRetryable: Refusal(errors.operations.NOT_RETRYABLE, _OPERATION + '{error}'),
    baymodels.Exists: Refusal(
        errors.baymodels.EXISTS, '{baymodel.title} with UUID {ident} already exists.'
    ),
    baymodels.Changed: Refusal(
        errors.requests.CONCURRENT_UPDATE,
        '{baymodel.title} {ident} was changed by somebody else meanwhile.',
    ),
    baymodels.InUse: Refusal(
        errors.baymodels.IN_USE,
        '{baymodel.title} {ident} is referenced by one or multiple {baymodel.bays}.',
    ),
    baymodels.UpgradeToIt: Refusal(
        errors.baymodels.UPGRADE_TO_IT,
        '{baymodel.title} {ident}: an upgrade to it goes on or waits: {error}.',
    ),
    quotas.Exists: Refusal(
        errors.quotas.EXISTS,
        'Quota for project {quota[project_id]} already exists for resource {quota[resource]}.',
    ),
    paging.MarkerNotFound: Refusal(
        errors.requests.MARKER_NOT_FOUND, 'Marker {error.marker} could not be found.',
        argument='marker',
    ),
    nodegroups.Invalid: Refusal(
        errors.nodegroups.INVALID, '{error.field}: {error}', '{error.field}'
    ),
    PlanRefused: Refusal(
        errors.bays.PLAN_REFUSED, '{error.field}: {error.reason}', '{error.field}'
    ),
    certificates.InvalidCSR: Refusal(errors.certificates.INVALID_CSR, '{error}', 'csr'),
    certificates.SubjectRefused: Refusal(errors.certificates.SUBJECT_REFUSED, '{error}', 'csr'),
    certificates.AuthorityMissing: Refusal(errors.certificates.NOT_READY, '{error}'),
    certificates.AuthorityExpired: Refusal(errors.certificates.NOT_READY, '{error}'),
}
#: What tries an operation again speaks of the operation.
RETRY: Final[Table] = {
    operations.BayGone: Refusal(errors.operations.NOT_RETRYABLE, _OPERATION + 'The bay is gone.'),
    operations.NodegroupGone: Refusal(
        errors.operations.NOT_RETRYABLE, _OPERATION + 'The node group is gone.'
    ),
}
#: A node sends one document as its whole body: a signing request, a report or a result.
OF_NODES: Final[Table] = {
    certificates.InvalidCSR: Refusal(errors.certificates.INVALID_CSR, '{error}'),
    reports.Invalid: Refusal(
        errors.requests.INVALID_VALUE, '{error.member}: {error}', '{error.member}'
    ),
}


@contextlib.contextmanager
def told(also: Table | None = None, **names: object) -> Iterator[None]:
    """Tell the client of every error in the table.

    :param also: rows that are otherwise than in the table here, or not in it.
    :param names: what the formats of the table name.
    :raises APIError: instead of what is in the table.
    """
    try:
        yield
    except tuple({**TABLE, **(also or {})}) as error:
        raise of(error, also or {}, **names) from None


def of(error: Exception, also: Table, **names: object) -> errors.APIError:
    """What the client is told of one error."""
    table = {**TABLE, **also}
    refusal = next(table[kind] for kind in type(error).__mro__ if kind in table)
    named = {**names, 'error': error}
    source = None
    if refusal.field:
        source = errors.pointer(refusal.field.format(**named))
    elif refusal.argument:
        source = errors.parameter(refusal.argument)
    return errors.APIError(refusal.kind, refusal.detail.format(**named), source=source)
