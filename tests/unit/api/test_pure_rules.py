"""Rules that need neither request nor database."""

import json

from magnum.api import errors, versions
from magnum.api.errors import bodies


def test_every_version_has_its_reason() -> None:
    assert list(versions.VERSIONS) == list(range(1, versions.MAXIMUM + 1))
    assert all(reason.endswith('.') for reason in versions.VERSIONS.values())


def test_body_of_an_error() -> None:
    error = errors.APIError(errors.bays.NOT_FOUND, 'Bay x could not be found. Look elsewhere.')
    body = json.loads(bodies.of(error, 'req-1', for_old_clients=True))
    assert body['errors'] == [{
        'request_id': 'req-1', 'code': 'magnum.bay.not_found', 'status': 404,
        'title': 'Bay x could not be found. Look elsewhere',
        'detail': 'Bay x could not be found. Look elsewhere.', 'links': [],
    }]
    assert json.loads(body['error_message']) == {
        'debuginfo': None, 'faultcode': 'Client',
        'faultstring': 'Bay x could not be found. Look elsewhere.',
    }
    assert 'error_message' not in json.loads(bodies.of(error, '', for_old_clients=False))
