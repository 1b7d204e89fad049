"""What belongs to a bay's network stays in an upgrade, and the answer says so."""

from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.api.fixtures.service import Service
from tests.api.test_labels import HEADERS, TEMPLATE
from tools.fakecloud.compute import flavor
from tools.fakecloud.network import network

pytestmark = pytest.mark.installed_drivers

OTHER_MASTERS = {'dns_nameserver': '8.8.8.8', 'master_flavor_id': 'm1.large'}
OTHER_NETWORK = {'dns_nameserver': '9.9.9.9', 'external_network_id': 'public-2'}


@pytest.fixture
def cluster(service: Service, client: webtest.TestApp) -> str:
    """Made with name servers of its own."""
    service.cloud.networks.append(network('net-2', 'public-2', True))
    service.cloud.flavors.append(flavor('9', 'm1.large', 8192, 4, 20))
    for name, more in (
        ('t', {'dns_nameserver': '8.8.8.8'}),
        ('other', {**OTHER_NETWORK, 'labels': {'fixed_subnet_cidr': '10.9.0.0/24'}}),
        ('masters', OTHER_MASTERS),
        ('same', {'dns_nameserver': '8.8.8.8'}),
    ):
        template = {**TEMPLATE, 'name': name, **more}
        client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    body = {'name': 'c', 'cluster_template_id': 't'}
    uuid = client.post_json('/v1/clusters', body, headers=HEADERS).json['uuid']
    service.settle()
    return str(uuid)


def upgrade(client: webtest.TestApp, cluster: str, template: str, path: str = '') -> Any:
    return client.post_json(
        f'/v1/clusters/{cluster}/actions/upgrade{path}', {'cluster_template': template},
        headers=HEADERS,
    ).json


def test_what_is_kept_is_said(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    kept = {
        'dns_nameserver': '8.8.8.8', 'external_network_id': 'public',
        'labels/fixed_subnet_cidr': None,
    }
    assert upgrade(client, cluster, 'other', '?dry_run=true')['kept'] == kept
    assert upgrade(client, cluster, 'other')['kept'] == kept
    events = client.get(f'/v1/clusters/{cluster}/events', headers=HEADERS).json['events']
    (told,) = [event for event in events if event['kind'] == 'bay.upgrade.kept']
    assert all(name in told['message'] for name in kept)


def test_nothing_is_said_where_nothing_is_kept(
    client: webtest.TestApp, cluster: str
) -> None:
    assert 'kept' not in upgrade(client, cluster, 'same', '?dry_run=true')
    assert upgrade(client, cluster, 'same').keys() == {'uuid', 'operation_id'}


def test_masters_that_are_too_few_stay(client: webtest.TestApp, cluster: str) -> None:
    found = upgrade(client, cluster, 'masters', '?dry_run=true')
    assert found['kept'] == {'default-master/flavor_id': 'm1.small'}
    assert [group['nodegroup'] for group in found['replaced']] == ['default-worker']
    body = {'cluster_template': 'masters', 'nodegroup': 'default-master'}
    path = f'/v1/clusters/{cluster}/actions/upgrade'
    answer = client.post_json(path, body, headers=HEADERS, status=400)
    assert 'where 3 or more of them report' in answer.json['errors'][0]['detail']


@pytest.fixture
def three(service: Service, client: webtest.TestApp, cluster: str) -> str:
    """A cluster of three masters, which can be replaced."""
    body = {'name': 'three', 'cluster_template_id': 't', 'master_count': 3,
            'master_lb_enabled': True, 'node_count': 2}
    uuid = client.post_json('/v1/clusters', body, headers=HEADERS).json['uuid']
    service.settle()
    with service.database.writing() as session:
        made_with = {'template_version': KubernetesDriver.version}
        session.execute(sa.update(models.Bay).filter_by(uuid=uuid).values(**made_with))
    return str(uuid)


def test_three_masters_follow_one_at_a_time(client: webtest.TestApp, three: str) -> None:
    found = upgrade(client, three, 'masters', '?dry_run=true')
    assert 'kept' not in found
    assert found['replaced'] == [
        {'nodegroup': 'default-master', 'node_count': 3, 'at_once': 1},
        {'nodegroup': 'default-worker', 'node_count': 2, 'at_once': 1},
    ]
    upgrade(client, three, 'masters')


def test_another_name_of_the_same_thing_changes_nothing(
    service: Service, client: webtest.TestApp, cluster: str, three: str
) -> None:
    (public,) = [one for one in service.cloud.networks if one['name'] == 'public']
    ids = {
        'image_id': next(one['id'] for one in service.cloud.images if one['name'] == 'debian'),
        'flavor_id': next(one['id'] for one in service.cloud.flavors if one['name'] == 'm1.small'),
        'external_network_id': public['id'],
    }
    template = {**TEMPLATE, 'name': 'by-id', 'dns_nameserver': ' 8.8.8.8', **ids}
    template['master_flavor_id'] = template['flavor_id']
    client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    found = upgrade(client, three, 'by-id', '?dry_run=true')
    assert [group['nodegroup'] for group in found['replaced']] == ['default-worker']
    assert 'kept' not in found
    assert 'kept' not in upgrade(client, cluster, 'by-id')
