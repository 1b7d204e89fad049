"""What to do: known for every code that the service has, and for no other."""

from typing import Any

import pytest
import requests
from osc_lib import exceptions
from osc_magnum import advice
from osc_magnum.errors import ServiceError, Unreachable, pause

from magnum.api.errors import KINDS
from magnum.domain import failures

#: Codes that need no advice: the client makes no such request, or nodes get them.
_OF_OTHERS = frozenset({
    'magnum.request.unknown_argument', 'magnum.request.invalid_version',
    'magnum.microversion-unsupported', 'magnum.request.unsupported_media_type',
    'magnum.request.not_acceptable', 'magnum.request.version_too_low',
    'magnum.request.idempotency_key_reused', 'magnum.request.no_such_path',
    'magnum.request.method_not_allowed', 'magnum.request.headers_too_large',
    'magnum.baymodel.exists', 'magnum.nodegroup.zero_nodes', 'magnum.quota.exists',
})


def test_every_refusal_has_advice() -> None:
    codes = {
        kind.code for kind in KINDS if not kind.code.startswith('magnum.bootstrap.')
    }
    assert codes - _OF_OTHERS == advice.REFUSALS.keys()


def test_every_failure_has_advice() -> None:
    codes = {entry.code for entry in failures.CODES}
    # Who cancelled it knows.
    assert codes - {'cancelled'} == advice.FAILURES.keys()


def answer(status: int, body: bytes, content_type: str = 'application/json') -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.reason = 'Reason'
    made.url = 'http://magnum/v1/clusters'
    made._content = body
    made.headers['Content-Type'] = content_type
    return made


@pytest.mark.parametrize(
    ('status', 'body', 'content_type', 'said'),
    [
        (502, b'<html>Bad</html>', 'text/html', '502 Reason from http://magnum/v1/clusters'),
        (503, b'over there', 'text/plain; charset=utf-8', 'over there (HTTP 503)'),
        (401, b'{"error": {"message": "Log in", "code": 401}}', 'application/json', 'Log in'),
        (400, b'[]', 'application/json', '400 Reason'),
        (400, b'{"errors": []}', 'application/json', '400 Reason'),
        (400, b'{"errors": [{"title": "No", "code": "new.code"}]}', 'application/json',
         'No (HTTP 400, new.code)'),
    ],
)
def test_answers_of_others_are_told(
    status: int, body: bytes, content_type: str, said: str
) -> None:
    error = ServiceError(answer(status, body, content_type))
    assert isinstance(error, exceptions.CommandError)
    assert str(error).startswith(said)


@pytest.mark.parametrize(
    ('status', 'told', 'seconds'), [(503, '7', 7), (503, None, 2), (500, '0', 2)]
)
def test_a_service_in_trouble_is_asked_again(
    status: int, told: str | None, seconds: float
) -> None:
    troubled = answer(status, b'{}')
    if told:
        troubled.headers['Retry-After'] = told
    assert pause(ServiceError(troubled), 2) == seconds
    assert pause(Unreachable(OSError('refused')), 2) == 2


def test_a_refused_request_is_not_sent_again() -> None:
    refused = ServiceError(answer(429, b'{}'))
    with pytest.raises(ServiceError) as raised:
        pause(refused, 2)
    assert raised.value is refused


def test_an_older_service_is_named() -> None:
    refused = answer(406, b'{"errors": [{"detail": "Version 1.24 is not supported."}]}')
    refused.headers['OpenStack-API-Maximum-Version'] = 'container-infra 1.11'
    assert 'it ends at 1.11' in str(ServiceError(refused))


def test_the_option_at_fault_is_named() -> None:
    from osc_magnum.commands import bays

    assert bays.NEW
    names = {'cluster_template_id': '--baymodel', 'labels': '--label'}
    assert advice.option({'pointer': '/cluster_template_id'}, names) == '--baymodel'
    assert advice.option({'pointer': '/labels/kube_tag'}, names) == '--label kube_tag'
    assert advice.option({'pointer': '/unknown'}, names) is None
    assert advice.option({}, names) is None


def test_a_cancelled_operation_is_no_failure() -> None:
    operation: dict[str, Any] = {
        'uuid': 'o', 'verb': 'create', 'state': 'CANCELLED', 'bay_name': None, 'bay_uuid': 'u',
        'steps': [], 'error': None,
    }
    first, *_ = advice.of_failure(operation)
    assert first.startswith('create of bay u was cancelled')
