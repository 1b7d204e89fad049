"""Every error that a layer below may refuse a request with is told in words of the API."""

import inspect
import string
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from magnum.api import errors
from magnum.api.dialects import BAYMODELS, BAYS
from magnum.api.requests import refusals
from magnum.api.requests.refusals import Refusal
from magnum.certificates import errors as certificates
from magnum.db.repositories import baymodels, paging, quotas
from magnum.domain import nodegroups
from magnum.drivers.contract import PlanRefused
from magnum.operations.accept import errors as operations

ACTIVE: Any = SimpleNamespace(uuid='0f', verb='resize')
NAMES: dict[str, Any] = {
    'bay': BAYS, 'baymodel': BAYMODELS, 'ident': '{ident}',
    'operation': SimpleNamespace(uuid='0e', verb='create'),
    'quota': {'project_id': 'demo', 'resource': 'Cluster'},
}
ERRORS = (
    operations.OperationInProgress(ACTIVE),
    operations.QueueFull(ACTIVE, 2),
    operations.QuotaExceeded(3),
    operations.MastersUnfinished('masters', '0f'),
    *(kind('why') for kind in (
        operations.BayGone, operations.BaymodelGone, operations.BaymodelChanged,
        operations.NodegroupGone, operations.NodegroupExists,
        operations.NodegroupNotCreated,
        operations.NotCancellable, operations.NotRetryable, baymodels.Exists,
        baymodels.Changed, baymodels.InUse, baymodels.UpgradeToIt, quotas.Exists,
    )),
    paging.MarkerNotFound('m'),
    nodegroups.Invalid('max_node_count', 'why'),
    PlanRefused('labels/x', 'why'),
    certificates.InvalidCSR('why'),
    certificates.SubjectRefused('CN=a', 'why'),
    certificates.AuthorityMissing('why'),
    certificates.AuthorityExpired(),
)


def _of_operations() -> Iterator[type[Exception]]:
    for value in vars(operations).values():
        if inspect.isclass(value) and issubclass(value, Exception):
            yield value


def test_every_refusal_of_an_operation_is_told() -> None:
    assert set(_of_operations()) <= refusals.TABLE.keys()


def test_every_row_is_tried_here() -> None:
    assert {type(error) for error in ERRORS} == refusals.TABLE.keys()


@pytest.mark.parametrize('error', ERRORS, ids=lambda error: type(error).__name__)
def test_the_words_have_all_that_they_name(error: Exception) -> None:
    with pytest.raises(errors.APIError) as raised, refusals.told(**NAMES):
        raise error
    named = {name for _, name, _, _ in string.Formatter().parse(raised.value.detail) if name}
    # What the request said is not read as a format again.
    assert named <= {'ident'}
    assert raised.value.kind is refusals.TABLE[type(error)].kind


def test_kinds_of_an_error_are_told_as_the_error() -> None:
    with pytest.raises(errors.APIError) as raised, refusals.told():
        raise certificates.ExtensionRefused('subjectAltName')
    assert raised.value.kind is errors.certificates.INVALID_CSR


def test_a_row_of_its_own_need_not_be_in_the_table() -> None:
    also: refusals.Table = {
        KeyError: Refusal(errors.drivers.NOT_SUPPORTED, '{ident}: {error}', '{error}')
    }
    with pytest.raises(errors.APIError) as raised, refusals.told(also, ident='a'):
        raise KeyError('b')
    assert (raised.value.detail, raised.value.source) == ("a: 'b'", {'pointer': "/'b'"})
    with pytest.raises(KeyError), refusals.told():
        raise KeyError('b')


def test_the_body_of_a_node_has_no_fields() -> None:
    with pytest.raises(errors.APIError) as raised, refusals.told(refusals.OF_NODES):
        raise certificates.InvalidCSR('why')
    assert raised.value.kind is errors.certificates.INVALID_CSR
    assert not raised.value.source


def test_a_row_of_its_own_goes_before_the_table() -> None:
    with pytest.raises(errors.APIError) as raised, refusals.told(refusals.RETRY, **NAMES):
        raise operations.BayGone('why')
    assert raised.value.kind is errors.operations.NOT_RETRYABLE
