"""Who may not do a thing learns only that, whatever body he sends: of every route."""

import pathlib
from collections.abc import Iterator

import pytest
import webtest

from magnum.api import versions
from magnum.api.http.routing import Route
from magnum.api.routes import of_callers
from tests.api.fixtures.service import Service
from tests.api.test_roles import MATRIX, ROLES

CHANGING = [route for route in of_callers() if route.method != 'GET']
_TOO_LARGE = b'"' + b'x' * 200_000 + b'"'
#: Bodies, their content type, further headers, and a query.
HOSTILE: dict[str, tuple[bytes, str, dict[str, str], str]] = {
    'none': (b'', 'application/json', {}, ''),
    'malformed': (b'{"name": ', 'application/json', {}, ''),
    'no object': (b'"text"', 'application/json', {}, ''),
    'unknown members': (b'{"nonsense": [1]}', 'application/json', {}, ''),
    'deep': (b'[' * 50_000, 'application/json', {}, ''),
    'no UTF-8': (b'{"name": "\xff\xfe"}', 'application/json', {}, ''),
    'too large': (_TOO_LARGE, 'application/json', {}, ''),
    'too large, with a key': (
        _TOO_LARGE, 'application/json', {'Idempotency-Key': 'one'}, ''
    ),
    'no JSON': (b'<a/>', 'text/xml', {}, ''),
    'a form': (b'name=x', 'application/x-www-form-urlencoded', {}, ''),
    'a bad key': (b'{}', 'application/json', {'Idempotency-Key': 'x' * 300}, ''),
    'an unknown argument': (b'{}', 'application/json', {}, '?nonsense=1'),
    'no flag': (b'{}', 'application/json', {}, '?rollback=perhaps'),
    'hostile labels': (
        b'{"labels": "{\'a\': f\'' + b'{1}' * 20_000 + b'\'}"}', 'application/json', {}, ''
    ),
}


@pytest.fixture(scope='module')
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webtest.TestApp]:
    directory: pathlib.Path = tmp_path_factory.mktemp('policy')
    service = Service(directory)
    yield webtest.TestApp(service.application)
    service.stop()


def _send(client: webtest.TestApp, route: Route, role: str, hostile: str) -> int:
    body, content_type, more, query = HOSTILE[hostile]
    # Nothing of that name is there: neither is told who may not know.
    path = route.path.replace('{', 'no-').replace('}', '')
    request = webtest.TestRequest.blank(
        path + query, method=route.method, body=body, headers={
            'X-Auth-Token': role, 'Content-Type': content_type, **more,
            'OpenStack-API-Version': f'container-infra {versions.text(versions.MAXIMUM)}',
        },
    )
    return int(client.do_request(request, expect_errors=True).status_int)


@pytest.mark.parametrize('route', CHANGING, ids=lambda route: f'{route.method} {route.path}')
def test_every_route_that_changes_something_names_its_rules(route: Route) -> None:
    assert route.rules


REFUSED = [
    pytest.param(route, role, id=f'{route.method} {route.path} {role}')
    for route in CHANGING
    for role in ('nobody', 'reader')
    if MATRIX[route.method, route.path][ROLES.index(role)] == 403
]


@pytest.mark.parametrize(('route', 'role'), REFUSED)
def test_refused_before_the_body_is_read(
    client: webtest.TestApp, route: Route, role: str
) -> None:
    assert {hostile: _send(client, route, role, hostile) for hostile in HOSTILE} == dict.fromkeys(
        HOSTILE, 403
    )


@pytest.mark.parametrize('hostile', ['malformed', 'too large'])
@pytest.mark.parametrize('path', ['/v1/clusters', '/v1/clustertemplates', '/v1/bays'])
def test_who_may_do_it_hears_what_is_wrong_with_it(
    client: webtest.TestApp, path: str, hostile: str
) -> None:
    (route,) = (one for one in CHANGING if (one.method, one.path) == ('POST', path))
    assert _send(client, route, 'member', hostile) == (413 if hostile == 'too large' else 400)
