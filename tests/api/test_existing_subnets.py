"""Ranges of labels are held against the subnet of an existing network."""

import pytest
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_field_rules import TEMPLATE

pytestmark = pytest.mark.installed_drivers

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
#: Of the cloud's private network.
SUBNET = '10.20.0.0/24'


@pytest.mark.parametrize('subnet', [None, 'private-subnet'])
@pytest.mark.parametrize(
    ('coe', 'labels', 'status'),
    [
        ('swarm', {}, 202),
        ('swarm', {'swarm_default_addr_pool': '10.20.0.0/20'}, 400),
        ('kubernetes', {}, 202),
        # What is the label of a new subnet has no meaning beside an existing one.
        ('kubernetes', {'flannel_network_cidr': '10.0.0.0/16'}, 202),
        ('kubernetes', {'flannel_network_cidr': '10.20.0.0/16'}, 400),
        ('kubernetes', {'service_cluster_ip_range': '10.20.0.128/25'}, 400),
    ],
)
def test_a_range_that_overlaps_is_refused(
    service: Service, client: webtest.TestApp,
    coe: str, labels: dict[str, str], status: int, subnet: str | None,
) -> None:
    template = {
        **TEMPLATE, 'name': 'existing', 'coe': coe, 'fixed_network': 'private',
        'fixed_subnet': subnet, 'network_driver': None,
    }
    client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    asked = {
        'name': 'c', 'cluster_template_id': 'existing', 'keypair': 'default', 'labels': labels,
    }
    answer = client.post_json('/v1/clusters', asked, headers=HEADERS, expect_errors=True)
    assert answer.status_int == status, answer.text
    if status == 400:
        (error,) = answer.json['errors']
        assert error['source']['pointer'] == f'/labels/{next(iter(labels))}'
        assert SUBNET in error['detail']


def test_of_several_subnets_none_is_taken_for_the_nodes(
    service: Service, client: webtest.TestApp
) -> None:
    """Neutron takes one of them; the first node sees which."""
    subnets = service.cloud.network.collections['subnets']
    (own,) = (each for each in subnets if each['name'] == 'private-subnet')
    subnets.append({**own, 'id': own['id'].replace('3', '5'), 'cidr': '10.21.0.0/24'})
    template = {**TEMPLATE, 'name': 'existing', 'coe': 'swarm', 'fixed_network': 'private',
                'network_driver': None, 'labels': {'swarm_default_addr_pool': '10.20.0.0/20'}}
    client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    asked = {'name': 'c', 'cluster_template_id': 'existing', 'keypair': 'default'}
    client.post_json('/v1/clusters', asked, headers=HEADERS, status=202)
