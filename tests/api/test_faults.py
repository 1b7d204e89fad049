"""What goes wrong on our side, and what is refused for want of room."""

import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from magnum.db.repositories.resources import Resource
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE


def test_an_unexpected_fault_shows_nothing(
    client: webtest.TestApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError('select password from secrets')

    monkeypatch.setattr(Resource, 'page', fail)
    response = client.get('/v1/clusters', headers=HEADERS, status=500)
    (error,) = response.json['errors']
    assert error['code'] == 'magnum.internal'
    assert error['request_id'] == response.headers['X-Openstack-Request-Id']
    assert 'password' not in response.text
    assert 'select password' in caplog.text


@pytest.fixture
def narrow(tmp_path: pathlib.Path) -> Iterator[webtest.TestApp]:
    running = Service(tmp_path, quotas__max_clusters_per_project=1)
    yield webtest.TestApp(running.application)
    running.stop()


def test_quota(narrow: webtest.TestApp) -> None:
    client = narrow
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS, status=202)
    refused = client.post_json('/v1/clusters', CLUSTER, headers=HEADERS, status=403)
    assert refused.json['errors'][0]['code'] == 'magnum.quota.exceeded'
    assert refused.json['errors'][0]['detail'] == (
        'Resource limit exceeded: You have reached the maximum clusters per project, 1. '
        'You may delete a cluster to make room for a new one.'
    )


def test_an_accepted_request_wakes_conductors_after_its_commit(
    service: Service, client: webtest.TestApp
) -> None:
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    seen = []
    service.wake_up.on_send = lambda: seen.append(
        len(client.get('/v1/clusters', headers=HEADERS).json['clusters'])
    )
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS, status=202)
    assert seen == [1]


def test_a_template_named_by_the_number_of_its_row(
    service: Service, client: webtest.TestApp
) -> None:
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    with service.database.reading() as session:
        number = session.scalar(sa.select(models.Baymodel.id))
    body = {'cluster_template_id': str(number)}
    client.post_json('/v1/clusters', body, headers=HEADERS, status=202)


def test_two_changes_of_one_baymodel(service: Service, client: webtest.TestApp) -> None:
    """Of changes that read the same generation one holds, and one is told so."""
    made = client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    url = f'/v1/clustertemplates/{made.json["uuid"]}'
    statuses: list[int] = []
    together = threading.Barrier(2)
    run = service.database.run

    def run_together(work: Any) -> Any:
        together.wait(10)
        return run(work)

    service.database.run = run_together  # type: ignore[method-assign]

    def change(name: str) -> None:
        patch = [{'op': 'replace', 'path': '/name', 'value': name}]
        response = client.patch_json(url, patch, headers=HEADERS, expect_errors=True)
        statuses.append(response.status_int)

    threads = [threading.Thread(target=change, args=(name,)) for name in ('x', 'y')]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]


def test_a_path_that_is_no_utf8(client: webtest.TestApp) -> None:
    environ = {'PATH_INFO': '/v1/clusters/\xff'}
    request = webtest.TestRequest.blank('/', environ={**environ, 'HTTP_X_AUTH_TOKEN': 'member'})
    request.environ['PATH_INFO'] = environ['PATH_INFO']
    assert client.do_request(request, expect_errors=True).status_int == 400


def test_a_body_too_large(client: webtest.TestApp) -> None:
    client.post(
        '/v1/clusters', b'"' + b'x' * 200000 + b'"',
        headers={**HEADERS, 'Content-Type': 'application/json'}, status=413,
    )


def test_nothing_starts_when_the_entry_point_is_imported() -> None:
    from magnum.wsgi import api

    assert api.application._application is None


@pytest.mark.parametrize('accept', ['*/*', 'text/html', 'application/json'])
def test_middleware_refuses_in_the_common_shape(
    service: Service, client: webtest.TestApp, accept: str
) -> None:
    headers = {'X-Auth-Token': 'member', 'Accept': accept}
    service.cloud.down.add('identity')
    refused = client.get('/v1/clusters', headers=headers, status=503)
    assert refused.json['errors'][0]['request_id'] == refused.headers['X-Openstack-Request-Id']
    assert refused.json['errors'][0]['code'] == 'magnum.cloud_unavailable'
