"""What the API says of an upgrade to another release of Kubernetes."""

from typing import Any

import pytest
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_labels import HEADERS, TEMPLATE

pytestmark = pytest.mark.installed_drivers

RELEASES = ('v1.33.5', 'v1.34.3', 'v1.35.1')


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


@pytest.mark.parametrize('more', [{}, {'nodegroup': 'default-worker'}], ids=['all', 'one'])
def test_to_the_next_release(
    client: webtest.TestApp, cluster: str, more: dict[str, str]
) -> None:
    body = {'cluster_template': 'v1.35.1', **more}
    assert upgrade(client, cluster, '?dry_run=true', **body).status_int == 200
    answer = upgrade(client, cluster, **body)
    assert answer.status_int == 202, answer.text
    operation = client.get(
        f'/v1/operations/{answer.json["operation_id"]}', headers=HEADERS
    ).json
    names = [step['name'] for step in operation['steps']]
    assert names[:3] == ['check_upgrade', 'upgrade_masters', 'choose_nodegroups']


@pytest.mark.parametrize('path', ['', '?dry_run=true'])
def test_no_way_back(client: webtest.TestApp, cluster: str, path: str) -> None:
    answer = upgrade(client, cluster, path, cluster_template='v1.33.5')
    assert answer.status_int == 400, answer.text
    (error,) = answer.json['errors']
    assert 'labels/kube_tag: Masters that have v1.34.3 do not go back' in error['detail']
    assert error['source']['pointer'] == '/cluster_template'
    shown = client.get(f'/v1/clusters/{cluster}', headers=HEADERS).json
    assert shown['status'] == 'CREATE_COMPLETE'
