"""The preview of an upgrade: what its new nodes take."""

import webtest

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
