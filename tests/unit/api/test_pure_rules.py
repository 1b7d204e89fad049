"""Rules that need neither request nor database."""

import json

import pytest

from magnum.api import errors, versions
from magnum.domain import baymodels, labels, names


def test_every_version_has_its_reason() -> None:
    assert list(versions.VERSIONS) == list(range(1, versions.MAXIMUM + 1))
    assert all(reason.endswith('.') for reason in versions.VERSIONS.values())


def test_body_of_an_error() -> None:
    error = errors.APIError(errors.BAY_NOT_FOUND, 'Bay x could not be found. Look elsewhere.')
    body = json.loads(errors.body(error, 'req-1', for_old_clients=True))
    assert body['errors'] == [{
        'request_id': 'req-1', 'code': 'magnum.bay.not_found', 'status': 404,
        'title': 'Bay x could not be found. Look elsewhere',
        'detail': 'Bay x could not be found. Look elsewhere.', 'links': [],
    }]
    assert json.loads(body['error_message']) == {
        'debuginfo': None, 'faultcode': 'Client',
        'faultstring': 'Bay x could not be found. Look elsewhere.',
    }
    assert 'error_message' not in json.loads(errors.body(error, '', for_old_clients=False))


def test_names() -> None:
    for _ in range(50):
        assert names.BAY_NAME.fullmatch(names.generate('bay'))


def test_labels_compared() -> None:
    found = labels.compare({'a': '1', 'b': 'x'}, {'b': 'y', 'c': '2'})
    assert (found.overridden, found.added, found.skipped) == ({'b': 'y'}, {'a': '1'}, {'c': '2'})


def test_labels_inherited() -> None:
    base = {'a': '1'}
    assert labels.inherit(None, base, merge=False) == base
    assert labels.inherit({'b': '2'}, base, merge=False) == {'b': '2'}
    assert labels.inherit({'b': '2'}, base, merge=True) == {'a': '1', 'b': '2'}


@pytest.mark.parametrize(
    ('changes', 'allowed'),
    [
        ({}, True), ({'name': 'x'}, True), ({'public': True}, True), ({'public': False}, False),
        ({'hidden': True}, True), ({'hidden': False}, True), ({'tags': 'a'}, True),
        ({'tags': None}, False), ({'name': 'x', 'tags': 'a'}, False), ({'coe': 'swarm'}, False),
    ],
)
def test_changes_while_in_use(changes: dict[str, object], allowed: bool) -> None:
    assert baymodels.may_change_while_in_use(changes) is allowed
