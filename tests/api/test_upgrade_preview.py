"""The preview of an upgrade: what its new nodes take."""

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE
from tools.fakecloud.compute import flavor

LATEST = {**HEADERS, 'OpenStack-API-Version': 'container-infra latest'}


def test_new_nodes_are_counted_with_the_new_flavor(
    service: Service, client: webtest.TestApp
) -> None:
    service.cloud.flavors.append(flavor('9', 'm1.huge', 8192, 6, 20))
    larger = {**TEMPLATE, 'name': 'larger', 'flavor_id': 'm1.huge'}
    for body in (TEMPLATE, larger):
        client.post_json('/v1/clustertemplates', body, headers=LATEST)
    uuid = client.post_json('/v1/clusters', CLUSTER, headers=LATEST).json['uuid']
    service.settle()

    answer = client.post_json(
        f'/v1/clusters/{uuid}/actions/upgrade?dry_run=true', {'cluster_template': 'larger'},
        headers=LATEST,
    )

    resources = answer.json['resources']
    assert (resources['servers'], resources['vcpus'], resources['ram']) == (1, 6, 8192)


@pytest.mark.installed_drivers
@pytest.mark.parametrize('query', ['', '?dry_run=true'])
def test_kubelets_that_the_new_masters_would_not_serve(
    service: Service, client: webtest.TestApp, query: str
) -> None:
    """An upgrade of masters that a node group was left behind by three times."""
    for name, release in [('older', 'v1.34.3'), ('newer', 'v1.35.1')]:
        template = {**TEMPLATE, 'name': name, 'labels': {'kube_tag': release}}
        client.post_json('/v1/clustertemplates', template, headers=LATEST)
    body = {**CLUSTER, 'cluster_template_id': 'older'}
    uuid = client.post_json('/v1/clusters', body, headers=LATEST).json['uuid']
    service.settle()
    with service.database.writing() as session:
        session.add(models.Node(
            bay_uuid=uuid, role='worker', name='gpu-0', server_id='s', public_keys={},
            heard_at=sa.func.now(), versions={'kubelet': 'v1.31.3'},
        ))
    path = f'/v1/clusters/{uuid}/actions/upgrade{query}'

    answer = client.post_json(
        path, {'cluster_template': 'newer'}, headers=LATEST, expect_errors=True
    )

    assert answer.status_int == 400
    (error,) = answer.json['errors']
    assert error['source']['pointer'] == '/cluster_template'
    assert error['detail'].startswith('labels/kube_tag: Masters of v1.35.1 serve kubelets')
    assert 'gpu-0 (v1.31.3)' in error['detail']
    with service.database.writing() as session:
        session.execute(sa.update(models.Node).values(versions={'kubelet': 'v1.32.3'}))
    client.post_json(path, {'cluster_template': 'newer'}, headers=LATEST)
