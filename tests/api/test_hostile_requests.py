"""What a client should never send, and what happens between two looks: no 500."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE

LATEST = {**HEADERS, 'OpenStack-API-Version': 'container-infra latest'}
DEEP = '{"a":' * 15000


def _send(
    client: webtest.TestApp, method: str, path: str, body: bytes,
    content_type: str = 'application/json',
) -> int:
    request = webtest.TestRequest.blank(
        path, method=method, headers={**LATEST, 'Content-Type': content_type}, body=body
    )
    return int(client.do_request(request, expect_errors=True).status_int)


@pytest.mark.parametrize('body', [
    b'[' * 50000, DEEP.encode(), b'\xff\xfe', b'1' * 5000,
], ids=range(4))
@pytest.mark.parametrize('path', ['/v1/clusters', '/v1/bays', '/v1/clustertemplates'])
def test_bodies(client: webtest.TestApp, path: str, body: bytes) -> None:
    assert _send(client, 'POST', path, body) == 400


@pytest.mark.parametrize('member', ['name', 'labels'])
def test_nesting_just_within_the_parsers_reach(client: webtest.TestApp, member: str) -> None:
    # Some of these are read, and then fail whatever writes them again.
    for depth in range(880, 1000):
        body = f'{{"{member}": {"[" * depth}{"]" * depth}}}'
        assert _send(client, 'POST', '/v1/clusters', body.encode()) == 400


@pytest.mark.parametrize('document', [
    {'name': 'x' * 100_000}, {'labels': 'x' * 100_000}, {'x' * 100_000: 1},
    {f'unknown-{number}': 1 for number in range(5_000)}, {'node_count': 'x' * 100_000},
], ids=range(5))
def test_answers_are_not_larger_than_requests(
    client: webtest.TestApp, document: dict[str, Any]
) -> None:
    answer = client.post_json(
        '/v1/clusters', {**CLUSTER, **document}, headers=HEADERS, expect_errors=True
    )
    assert answer.status_int == 400
    assert len(answer.body) < 20_000


@pytest.mark.parametrize('content_type', [
    'multipart/form-data', 'multipart/form-data; boundary=',
    'application/x-www-form-urlencoded; charset=foo', 'application/json; charset=foo',
])
def test_content_types(client: webtest.TestApp, content_type: str) -> None:
    status = _send(client, 'POST', '/v1/clusters', b'--x\r\n\xff\xfe=%ff&a=%00', content_type)
    assert status in (400, 415)


@pytest.fixture
def template(client: webtest.TestApp) -> str:
    made = client.post_json('/v1/clustertemplates', TEMPLATE, headers=LATEST)
    return str(made.json['uuid'])


@pytest.mark.parametrize('step', [
    {'op': [], 'path': '/name', 'value': 'x'},
    {'op': {}, 'path': '/name', 'value': 'x'},
    {'op': 'replace', 'path': '/labels', 'value': DEEP},
    {'op': 'replace', 'path': '/labels', 'value': "{'a': f'" + '{1}' * 30_000 + "'}"},
    {'op': 'replace', 'path': '/labels', 'value': "{'a': '\\UFFFFFFFF'}"},
    {'op': 'replace', 'path': '/labels', 'value': 'a=1,' * 20_000},
    {'op': 'replace', 'path': '/labels', 'value': '{[]: 1}'},
    {'op': 'replace', 'path': '/labels', 'value': '{{}: 1}'},
    {'op': 'add', 'path': '/labels/kube_tag', 'value': 'a\0b'},
    {'op': 'add', 'path': '/labels/kube_tag', 'value': '\ud800'},
], ids=range(10))
def test_patches(client: webtest.TestApp, template: str, step: dict[str, Any]) -> None:
    before = client.get(f'/v1/clustertemplates/{template}', headers=LATEST).json
    body = json.dumps([step]).encode()
    assert _send(client, 'PATCH', f'/v1/clustertemplates/{template}', body) == 400
    assert client.get(f'/v1/clustertemplates/{template}', headers=LATEST).json == before


@pytest.mark.parametrize('labels', [
    {'min_node_count': '9' * 5000}, {'min_node_count': '9' * 30}, DEEP,
    # No label of the tests' drivers.
    {'max_node_count': 'abc'}, {'max_node_count': '9' * 30}, {'max_node_count': '-1'},
], ids=['endless minimum', 'huge minimum', 'deep', 'word', 'huge maximum', 'negative'])
def test_labels(client: webtest.TestApp, template: str, labels: Any) -> None:
    answer = client.post_json(
        '/v1/clusters', {**CLUSTER, 'labels': labels}, headers=LATEST, expect_errors=True
    )
    assert answer.status_int == 400
    assert client.get('/v1/clusters', headers=LATEST).json['clusters'] == []


@pytest.mark.parametrize('collection', ['clusters', 'bays', 'clustertemplates', 'certificates'])
def test_nul_in_a_name(client: webtest.TestApp, collection: str) -> None:
    assert _send(client, 'GET', f'/v1/{collection}/%00', b'') == 404


def _before_the_transaction(service: Service, action: Callable[[], None]) -> None:
    """Do something between a request's checks and its transaction."""
    run = service.database.run

    def racing(work: Any) -> Any:
        service.database.run = run  # type: ignore[method-assign]
        action()
        return run(work)

    service.database.run = racing  # type: ignore[method-assign]


def test_baymodel_deleted_meanwhile(
    service: Service, client: webtest.TestApp, template: str
) -> None:
    path = f'/v1/clustertemplates/{template}'
    _before_the_transaction(service, lambda: client.delete(path, headers=LATEST))
    answer = client.post_json('/v1/clusters', CLUSTER, headers=LATEST, expect_errors=True)
    assert answer.status_int == 404
    assert client.get('/v1/clusters', headers=LATEST).json['clusters'] == []


def test_baymodel_changed_meanwhile(
    service: Service, client: webtest.TestApp, template: str
) -> None:
    path = f'/v1/clustertemplates/{template}'
    change = [{'op': 'replace', 'path': '/name', 'value': 'other'}]
    _before_the_transaction(
        service, lambda: client.patch_json(path, change, headers=LATEST)
    )
    answer = client.post_json('/v1/clusters', CLUSTER, headers=LATEST, expect_errors=True)
    assert answer.status_int == 409
    assert client.get('/v1/clusters', headers=LATEST).json['clusters'] == []


def test_what_is_not_there_is_looked_for_anew(tmp_path: pathlib.Path) -> None:
    service = Service(tmp_path, api__lookup_cache_time=60)
    client = webtest.TestApp(service.application)
    late = {**TEMPLATE, 'image_id': 'later'}
    try:
        refused = client.post_json(
            '/v1/clustertemplates', late, headers=LATEST, expect_errors=True
        )
        assert refused.status_int == 400
        service.cloud.images.append({**service.cloud.images[0], 'name': 'later'})
        client.post_json('/v1/clustertemplates', late, headers=LATEST, status=201)
    finally:
        service.stop()
