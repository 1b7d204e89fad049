"""What belongs to another project is as if it were not there: every route, every identifier."""

import json
import re
import uuid
from typing import Any

import pytest
import webtest

from magnum.api.routes import ROUTES, are_of_nodes, of_nodes
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE
from tests.unit.certificates import csr

LATEST = {'OpenStack-API-Version': 'container-infra latest'}
OWNER = {'X-Auth-Token': 'member', **LATEST}
STRANGER = {'X-Auth-Token': 'other', **LATEST}
CSR = csr.make(csr.name(CN='node-1'))
OWNERS_CLUSTER = {**CLUSTER, 'cluster_template_id': 'owners-own'}

#: What stands in the braces of paths and is of a project.
OF_A_PROJECT = {'ident', 'bay', 'nodegroup', 'operation'}
#: What is nobody's.
OF_NOBODY = {
    'ca_cert_type': 'etcd', 'resource': 'Cluster', 'project_id': 'x', 'driver': 'swarm_test',
    'purpose': 'kubelet',
}

BODIES: dict[str, Any] = {
    'actions/resize': {'node_count': 2},
    'actions/upgrade': {'cluster_template': 'model'},
    'nodegroups': {'name': 'more'},
    'config': {'csr': 'nonsense'},
}
ROUTES_OF_THINGS = [
    route for route in ROUTES if any(f'{{{name}}}' in route.path for name in OF_A_PROJECT)
]


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(client, (placeholder -> identifiers of the owner's thing) by collection)."""
    service = Service(tmp_path_factory.mktemp('isolation'))
    client = webtest.TestApp(service.application)
    template = {**TEMPLATE, 'name': 'owners-own'}
    model = client.post_json('/v1/clustertemplates', template, headers=OWNER).json
    bay = client.post_json('/v1/clusters', OWNERS_CLUSTER, headers=OWNER).json
    service.settle()
    (_, workers) = client.get('/v1/clusters/one/nodegroups', headers=OWNER).json['nodegroups']
    things = {
        'baymodel': (model['uuid'], model['name']),
        'bay': (bay['uuid'], 'one'),
        'nodegroup': (workers['uuid'], workers['name']),
        'operation': (bay['operation_id'],),
    }
    yield service, client, things
    service.stop()


def _kind(path: str, placeholder: str) -> str:
    if placeholder in ('nodegroup', 'operation'):
        return placeholder
    return 'baymodel' if 'models' in path or 'templates' in path else 'bay'


def _answer(client: webtest.TestApp, method: str, url: str, headers: dict[str, str]) -> Any:
    body: Any = next((body for end, body in BODIES.items() if url.endswith(end)), {})
    data = json.dumps([] if method == 'PATCH' else body)
    if are_of_nodes(url):
        return client.post(f'{url}?node=node-1', CSR, headers=headers, expect_errors=True)
    if method in ('GET', 'DELETE'):
        return client.request(url, method=method, headers=headers, expect_errors=True)
    return client.request(
        url, method=method, headers=headers, body=data.encode(),
        content_type='application/json', expect_errors=True,
    )


def _seen(response: Any, *idents: str) -> tuple[int, str, dict[str, str]]:
    """All of an answer but what the client has said itself, and the request's id."""
    text = re.sub(r'req-[0-9a-f-]{36}', 'REQUEST', response.text)
    for ident in idents:
        text = text.replace(ident, 'IDENT')
    headers = {
        name: value for name, value in response.headers.items()
        if name.lower() not in ('x-openstack-request-id', 'date', 'content-length')
    }
    return response.status_int, text, headers


def _urls(path: str, things: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """(URL of the owner's thing, its identifier, URL of nothing, that identifier)."""
    for name, value in OF_NOBODY.items():
        path = path.replace(f'{{{name}}}', value)
    placeholders = re.findall(r'{(\w+)}', path)
    first, *rest = placeholders
    urls = []
    for number, ident in enumerate(things[_kind(path, first)]):
        invented = str(uuid.uuid4()) if number == 0 else 'x' * len(ident)
        real, nothing = (path.replace(f'{{{first}}}', one) for one in (ident, invented))
        for name in rest:
            real, nothing = (
                url.replace(f'{{{name}}}', things[_kind(path, name)][-1])
                for url in (real, nothing)
            )
        urls.append((real, ident, nothing, invented))
    return urls


@pytest.mark.parametrize(
    'route', ROUTES_OF_THINGS, ids=lambda route: f'{route.method} {route.path}'
)
def test_a_stranger_cannot_tell_it_from_nothing(world: Any, route: Any) -> None:
    _, client, things = world
    for real, ident, nothing, invented in _urls(route.path, things):
        here = _seen(_answer(client, route.method, real, STRANGER), ident)
        nowhere = _seen(_answer(client, route.method, nothing, STRANGER), invented)
        assert here == nowhere
        # Who has no token or key of a node hears the same of every bay.
        assert here[0] == (401 if route in of_nodes() else 404)


@pytest.mark.parametrize('collection', ['bays', 'clusters'])
def test_bodies_that_name_it(world: Any, collection: str) -> None:
    _, client, things = world
    member = 'baymodel_id' if collection == 'bays' else 'cluster_template_id'
    answers = []
    for ident in (things['baymodel'][0], str(uuid.uuid4())):
        response = client.post_json(
            f'/v1/{collection}', {member: ident}, headers=STRANGER, expect_errors=True
        )
        assert response.json['errors'][0]['source'] == {'pointer': f'/{member}'}
        answers.append(_seen(response, ident))
    assert answers[0] == answers[1]
    assert answers[0][0] in (400, 404)


def test_certificates_that_name_it(world: Any) -> None:
    _, client, things = world
    answers = []
    for ident in (things['bay'][0], str(uuid.uuid4())):
        body = {'cluster_uuid': ident, 'csr': 'x'}
        response = client.post_json(
            '/v1/certificates', body, headers=STRANGER, expect_errors=True
        )
        assert response.json['errors'][0]['source'] == {'pointer': '/cluster_uuid'}
        answers.append(_seen(response, ident))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400


@pytest.mark.parametrize(
    'path', sorted(route.path for route in ROUTES
                   if route.method == 'GET' and '{' not in route.path)
)
def test_lists_do_not_show_it(world: Any, path: str) -> None:
    _, client, things = world
    theirs, own = (
        client.get(path, headers=headers, expect_errors=True) for headers in (STRANGER, OWNER)
    )
    assert theirs.status_int == own.status_int
    uuids = {idents[0] for idents in things.values()}
    assert not any(uuid in theirs.text for uuid in uuids)
    is_of_things = path.split('/')[2:3] in (
        ['baymodels'], ['bays'], ['clusters'], ['clustertemplates'], ['operations']
    )
    assert any(uuid in own.text for uuid in uuids) is is_of_things


def test_a_marker_is_no_way_to_it(world: Any) -> None:
    _, client, things = world
    for collection, kind in (('clusters', 'bay'), ('clustertemplates', 'baymodel')):
        answers = [
            _seen(
                client.get(
                    f'/v1/{collection}?marker={ident}', headers=STRANGER, expect_errors=True
                ),
                ident,
            )
            for ident in (things[kind][0], str(uuid.uuid4()))
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def test_the_identity_of_one_bay_is_nobody_to_another(world: Any) -> None:
    service, client, _ = world
    client.post_json('/v1/clusters', {**OWNERS_CLUSTER, 'name': 'two'}, headers=OWNER)
    service.settle()
    service.add_bay_user('one')
    own = {'X-Auth-Token': 'bay', **LATEST}
    assert client.get('/v1/clusters/one', headers=own).status_int == 200
    health = [{'op': 'replace', 'path': '/health_status', 'value': 'HEALTHY'}]
    assert client.patch_json('/v1/clusters/one', health, headers=own).status_int == 202
    reason = [{'op': 'add', 'path': '/health_status_reason/api', 'value': 'ok'}]
    assert client.patch_json('/v1/clusters/one', reason, headers=own).status_int == 202
    for response in (
        client.get('/v1/clusters/two', headers=own, expect_errors=True),
        client.patch_json('/v1/clusters/two', health, headers=own, expect_errors=True),
        client.get('/v1/certificates/two', headers=own, expect_errors=True),
        client.patch_json(
            '/v1/clusters/one', [{'op': 'replace', 'path': '/node_count', 'value': 3}],
            headers=own, expect_errors=True,
        ),
        client.delete('/v1/clusters/one', headers=own, expect_errors=True),
    ):
        assert response.status_int == 403, response.text
