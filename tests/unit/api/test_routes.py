"""The route table."""

from typing import Any

import pytest

from magnum.api.bootstrap.application import _FAILURES
from magnum.api.http.routing import Auth, Route, Router
from magnum.api.routes import (
    ROUTES,
    are_of_nodes,
    collections,
    of_callers,
    of_nodes,
    public_paths,
)


def test_every_route_is_there_once() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize('route', ROUTES, ids=lambda route: f'{route.method} {route.path}')
def test_every_route_is_found(route: Route) -> None:
    path = route.path.replace('{', '').replace('}', '')
    match = Router(ROUTES).match(path)
    assert match is not None
    assert match.methods[route.method] is route
    assert len(match.arguments) == route.path.count('{')


def test_both_vocabularies_have_the_same_routes() -> None:
    def of(collection: str, name: str) -> set[tuple[Any, ...]]:
        return {
            (
                route.method, '/'.join(route.segments[2:]), frozenset(route.query.items()),
                route.trailing_slash, route.since, route.answers_unasked, route.streams,
                tuple(rule.replace(f'{name}:', 'thing:') for rule in route.rules),
            )
            for route in ROUTES
            if route.segments[1:2] == (collection,)
        }

    assert of('bays', 'bay') == of('clusters', 'cluster')
    assert of('baymodels', 'baymodel') == of('clustertemplates', 'clustertemplate')
    assert (len(of('bays', 'bay')), len(of('baymodels', 'baymodel'))) == (18, 6)


@pytest.mark.parametrize(
    ('path', 'found'),
    [
        ('/', 'root.versions'), ('/v1', 'root.version'), ('/v1/', 'root.version'),
        ('/bays', 'bays.list'), ('/v1/bays/', 'bays.list'), ('/bays/x', 'bays.get'),
        ('/v1/bays/x.json', 'bays.get'), ('/v1/bays/detail', 'bays.detail'),
        ('/v1/bays/detail/', None), ('/v1/bays//', None), ('/v1//bays', None), ('/v2', None),
        ('/v1/v1/bays', None), ('/v1/bays/x/y', None), ('//', None),
    ],
)
def test_paths(path: str, found: str | None) -> None:
    match = Router(of_callers()).match(path)
    assert (match.methods['GET'].handler.name if match else None) == found


def test_collections() -> None:
    assert list(collections()) == [
        'baymodels', 'clustertemplates', 'bays', 'clusters', 'certificates', 'credentials',
        'quotas', 'stats', 'mservices', 'operations', 'drivers', 'nodegroups',
    ]
    assert collections()['nodegroups'] == 'clusters/{cluster_id}/nodegroups'


def test_public_paths() -> None:
    assert public_paths() == {'', '/v1', '/v1/openapi.json', '/openapi.json'}


def test_nodes_show_what_is_their_own() -> None:
    own = {Auth.NODE_TOKEN, Auth.NODE_KEY, Auth.NODE_SIGNATURE}
    assert {route.auth for route in of_nodes()} == own == _FAILURES.keys()
    assert not own & {route.auth for route in of_callers()}
    assert {*of_nodes(), *of_callers()} == set(ROUTES)


def test_where_nodes_are_served() -> None:
    assert are_of_nodes('/v1/bootstrap')
    assert are_of_nodes('/v1/bootstrap/x/y/z')
    assert not are_of_nodes('/v1/bootstraps')
    assert not are_of_nodes('/bootstrap/x/ca')
