"""Codes of failures, and the root cause of a failed stack."""

import dataclasses

import pytest

from magnum.domain import failures
from magnum.domain.failures import Failure

REASONS = {
    'node_failed': ('WaitConditionFailure: resources.wait: no kubelet',),
    'node_silent': ('WaitConditionTimeout: resources.wait: 0 of 1 received',),
    'resource_in_use': (
        'One or more ports have an IP allocation from this subnet.', 'Router 1 still has ports',
        'Network n is in use',
        'The interface is required by one or more floating IPs.', 'Volume has dependent snapshots',
    ),
    'quota_exceeded': (
        'Quota exceeded for instances', 'OverLimit: cores', 'The maximum number of ports is 5',
    ),
    'no_valid_host': ('No valid host was found.', 'NoValidHost_Remote'),
    'address_exhausted': ('No more IP addresses available', 'IpAddressGenerationFailure'),
    'not_found': ('The Image (debian) could not be found.', 'NotFound: x', 'Flavor not found'),
    'forbidden': ('Forbidden: no', 'Policy does not allow this', 'you are not authorized'),
    'timed_out': ('Timed out', 'Create timeout', 'timedout'),
    'resource_failed': ('ResourceInError: went to status ERROR', 'server Went to status error'),
    'stack_failed': ('something else', ''),
}


@dataclasses.dataclass(frozen=True)
class Resource:
    """A failed resource of a stack."""

    name: str
    reason: str = 'No valid host was found.'
    stack_id: str | None = 'top'
    physical_id: str | None = None
    updated_time: str | None = None
    type: str = 'OS::Nova::Server'
    action: str = 'CREATE'


@pytest.mark.parametrize(
    ('code', 'reason'), [(code, reason) for code, texts in REASONS.items() for reason in texts]
)
def test_the_code_of_a_reason(code: str, reason: str) -> None:
    assert failures.classify(reason) == code


def test_every_pattern_is_tried() -> None:
    assert {entry.code for entry in failures.CODES if entry.pattern} == REASONS.keys() - {
        'stack_failed'
    }


def test_the_document_of_a_failure() -> None:
    failure = Failure('quota_exceeded', 'Too\nmany', 'server', 'OS::Nova::Server')
    document = failure.as_dict()
    assert document == {
        'code': 'quota_exceeded', 'reason': 'Too many', 'resource': 'server',
        'resource_type': 'OS::Nova::Server', 'owner': 'user', 'retryable': False,
    }
    assert Failure.from_dict(document) == failure


def test_the_sentence_names_the_resource() -> None:
    assert Failure('internal', 'Why.').sentence() == 'Why.'
    assert Failure('internal', 'Why.', 'a', 'OS::Nova::Server').sentence() == (
        'OS::Nova::Server a: Why.'
    )


@pytest.mark.parametrize(('reasons', 'stack_reason', 'expected'), [
    ((), 'Stack UPDATE cancelled', True), (('x', 'Stack CREATE cancelled'), 'x', True),
    (('x', ''), '', False), ((), 'cancelled', False),
])
def test_an_echo_of_a_cancelled_change(
    reasons: tuple[str, ...], stack_reason: str, expected: bool
) -> None:
    resources = [Resource('a', reason) for reason in reasons]
    assert failures.is_echo(resources, stack_reason) is expected


CHILD = Resource('child', 'Quota exceeded', stack_id='nested', updated_time='3')
HOLDER = Resource('holder', 'resources.child: Quota exceeded', physical_id='nested',
                  updated_time='1')


@pytest.mark.parametrize(('resources', 'code', 'name'), [
    ([HOLDER, CHILD], 'quota_exceeded', 'child'),
    # One that holds a stack without failures of its own speaks for itself.
    ([HOLDER, Resource('a', updated_time='2')], 'quota_exceeded', 'holder'),
    ([Resource('b', updated_time='2'), Resource('a', updated_time='3')], 'no_valid_host', 'b'),
    ([Resource('b'), Resource('a')], 'no_valid_host', 'a'),
    ([Resource('z'), Resource('a', updated_time='1')], 'no_valid_host', 'z'),
    ([Resource('a', 'CREATE aborted'), Resource('b', 'Timed out')], 'timed_out', 'b'),
    ([Resource('a', ''), Resource('b', 'Timed out')], 'timed_out', 'b'),
    ([Resource('b', 'CREATE aborted'), Resource('a', 'DELETE aborted')], 'stack_failed', 'a'),
    # Without a stack of its own, and without one around it.
    ([Resource('a', stack_id=None)], 'no_valid_host', 'a'),
])
def test_the_root_cause(resources: list[Resource], code: str, name: str) -> None:
    found = failures.root_cause(iter(resources), 'The stack is broken.')
    assert (found.code, found.resource, found.resource_type) == (code, name, 'OS::Nova::Server')
    assert found.reason == next(one.reason for one in resources if one.name == name)


@pytest.mark.parametrize(('resources', 'reason', 'expected'), [
    ([], 'Quota exceeded', Failure('quota_exceeded', 'Quota exceeded')),
    ([], '', Failure('stack_failed', 'The stack failed.')),
    ([Resource('a', '')], 'Timed out', Failure('timed_out', 'Timed out', 'a', 'OS::Nova::Server')),
])
def test_the_stacks_own_reason(resources: list[Resource], reason: str, expected: Failure) -> None:
    assert failures.root_cause(resources, reason) == expected
