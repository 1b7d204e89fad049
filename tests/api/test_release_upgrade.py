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


def test_a_release_of_the_bays_own_follows(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    """There is no other way to have a later one; what else is its own stays, and is said."""
    uuids = {}
    for release in ('v1.33.5', 'v1.34.0'):
        body = {
            'name': release, 'cluster_template_id': RELEASES[0], 'merge_labels': True,
            'labels': {'kube_tag': release, 'kubelet_options': '--v=2'},
        }
        uuids[release] = client.post_json('/v1/clusters', body, headers=HEADERS).json['uuid']
    service.settle()
    template = {
        **TEMPLATE, 'name': 'next', 'labels': {'kube_tag': 'v1.35.1', 'kubelet_options': '--v=4'},
    }
    client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    too_far = upgrade(client, uuids['v1.33.5'], cluster_template='next')
    assert 'upgrade to v1.34 first' in too_far.json['errors'][0]['detail']
    for path in ('?dry_run=true', ''):
        answer = upgrade(client, uuids['v1.34.0'], path, cluster_template='next').json
        assert answer['kept'] == {'labels/kubelet_options': '--v=2'}


def test_the_next_patch_release(client: webtest.TestApp, cluster: str, service: Service) -> None:
    for release in ('v1.34.1', 'v1.34.2'):
        template = {**TEMPLATE, 'name': release, 'labels': {'kube_tag': release}}
        client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    body = {'name': 'patched', 'cluster_template_id': 'v1.34.1'}
    uuid = client.post_json('/v1/clusters', body, headers=HEADERS).json['uuid']
    service.settle()
    assert upgrade(client, uuid, cluster_template='v1.34.2').status_int == 202


def test_options_of_a_further_group_are_held_to_the_release(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    """Its nodes would not start: nothing is changed before that is known."""
    dropped = '--pod-infra-container-image=pause'
    group = {'name': 'gpu', 'node_count': 1, 'merge_labels': True,
             'labels': {'kubelet_options': dropped}}
    path = f'/v1/clusters/{cluster}'
    client.post_json(f'{path}/nodegroups', group, headers=HEADERS)
    service.settle()
    answer = upgrade(client, cluster, cluster_template='v1.35.1')
    assert answer.status_int == 400, answer.text
    (error,) = answer.json['errors']
    assert 'Of the node group gpu' in error['detail']
    assert 'kubelet_options' in error['detail']
    alone = upgrade(client, cluster, cluster_template='v1.35.1', nodegroup='default-worker')
    assert alone.status_int == 202, alone.text
