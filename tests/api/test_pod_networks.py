"""The network driver of Kubernetes clusters, with the real driver."""

import pathlib
from typing import Any

import pytest
import webtest

from magnum.drivers.registry import Registry
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import TEMPLATE

pytestmark = pytest.mark.installed_drivers

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}


def _template(client: webtest.TestApp, name: str, network: str, **labels: str) -> Any:
    return client.post_json('/v1/clustertemplates', {
        **TEMPLATE, 'name': name, 'network_driver': network, 'labels': labels,
    }, headers=HEADERS, expect_errors=True)


@pytest.mark.parametrize(('former', 'other'), [('flannel', 'calico'), ('cilium', 'flannel')])
def test_an_upgrade_to_another_network_is_refused(
    service: Service, client: webtest.TestApp, former: str, other: str
) -> None:
    for name in (former, other):
        assert _template(client, name, name).status_int == 201
    asked = {'name': 'c', 'cluster_template_id': former, 'keypair': 'default'}
    client.post_json('/v1/clusters', asked, headers=HEADERS, status=202)
    service.settle()
    before = client.get('/v1/clusters/c', headers=HEADERS).json
    assert before['status'] == 'CREATE_COMPLETE', before
    for path in ('upgrade?dry_run=true', 'upgrade'):
        answer = client.post_json(
            f'/v1/clusters/c/actions/{path}', {'cluster_template': other}, headers=HEADERS,
            expect_errors=True,
        )
        assert answer.status_int in (400, 409), answer.text
        (error,) = answer.json['errors']
        assert 'network_driver' in (error['source']['pointer'] + error['detail']), error
    assert client.get('/v1/clusters/c', headers=HEADERS).json == before


def test_a_node_group_is_told_what_does_nothing(
    service: Service, client: webtest.TestApp
) -> None:
    _template(client, 'calico', 'calico')
    asked = {'name': 'c', 'cluster_template_id': 'calico', 'keypair': 'default'}
    client.post_json('/v1/clusters', asked, headers=HEADERS, status=202)
    service.settle()
    group = {'name': 'more', 'labels': {'flannel_backend': 'host-gw'}, 'merge_labels': True}
    client.post_json('/v1/clusters/c/nodegroups', group, headers=HEADERS, status=202)
    events = client.get('/v1/clusters/c/events', headers=HEADERS).json['events']
    (said,) = [one['message'] for one in events if one['kind'].endswith('labels_without_effect')]
    assert 'flannel_backend: It needs network_driver=flannel.' in said


def test_an_operator_may_offer_flannel_alone(tmp_path: pathlib.Path) -> None:
    service = Service(
        tmp_path, Registry.from_entry_points(),
        cluster_template__kubernetes_allowed_network_drivers=['flannel'],
    )
    client = webtest.TestApp(service.application)
    assert _template(client, 'a', 'flannel').status_int == 201
    for name in ('calico', 'cilium'):
        answer = _template(client, name, name)
        assert answer.status_int == 400
        assert answer.json['errors'][0]['source']['pointer'] == '/network_driver'
    service.stop()
