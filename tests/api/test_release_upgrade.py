"""What the API says of an upgrade to another release of Kubernetes."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import webtest

from magnum.drivers.registry import Registry
from tests.api.fixtures.service import Service
from tests.api.test_labels import HEADERS, TEMPLATE

RELEASES = ('v1.33.5', 'v1.34.3', 'v1.35.1')


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    made = Service(tmp_path, Registry.from_entry_points())
    yield made
    made.stop()


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    return webtest.TestApp(service.application)


@pytest.fixture
def cluster(service: Service, client: webtest.TestApp) -> str:
    """Of the second release; there is a template of each, called after it."""
    for release in RELEASES:
        template = {**TEMPLATE, 'name': release, 'labels': {'kube_tag': release}}
        client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    body = {'name': 'c', 'cluster_template_id': RELEASES[1]}
    uuid = client.post_json('/v1/clusters', body, headers=HEADERS).json['uuid']
    service.settle()
    return str(uuid)


def upgrade(client: webtest.TestApp, cluster: str, path: str = '', **body: Any) -> Any:
    return client.post_json(
        f'/v1/clusters/{cluster}/actions/upgrade{path}', body, headers=HEADERS,
        expect_errors=True,
    )


def test_to_the_next_release(client: webtest.TestApp, cluster: str) -> None:
    assert upgrade(client, cluster, '?dry_run=true', cluster_template='v1.35.1').status_int == 200
    answer = upgrade(client, cluster, cluster_template='v1.35.1')
    assert answer.status_int == 202, answer.text
    operation = client.get(
        f'/v1/operations/{answer.json["operation_id"]}', headers=HEADERS
    ).json
    names = [step['name'] for step in operation['steps']]
    assert names[:3] == ['check_upgrade', 'upgrade_masters', 'choose_nodegroups']


@pytest.mark.parametrize('path', ['', '?dry_run=true'])
@pytest.mark.parametrize(
    ('body', 'status', 'pointer', 'words'),
    [
        ({'cluster_template': 'v1.33.5'}, 400, '/cluster_template',
         'labels/kube_tag: Masters that have v1.34.3 do not go back'),
        ({'cluster_template': 'v1.35.1', 'nodegroup': 'default-worker'}, 409, '/nodegroup',
         'The masters change'),
    ],
)
def test_what_is_refused(
    client: webtest.TestApp, cluster: str, body: dict[str, str], status: int, pointer: str,
    words: str, path: str,
) -> None:
    answer = upgrade(client, cluster, path, **body)
    assert answer.status_int == status, answer.text
    (error,) = answer.json['errors']
    assert words in error['detail']
    assert error['source']['pointer'] == pointer
    shown = client.get(f'/v1/clusters/{cluster}', headers=HEADERS).json
    assert shown['status'] == 'CREATE_COMPLETE'
