"""What belongs to a bay's network stays in an upgrade, and the answer says so."""

from typing import Any

import pytest
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_labels import HEADERS, TEMPLATE
from tools.fakecloud.network import network

pytestmark = pytest.mark.installed_drivers

OTHER_NETWORK = {'dns_nameserver': '9.9.9.9', 'external_network_id': 'public-2'}


@pytest.fixture
def cluster(service: Service, client: webtest.TestApp) -> str:
    """Made with name servers of its own."""
    service.cloud.networks.append(network('net-2', 'public-2', True))
    for name, more in (
        ('t', {'dns_nameserver': '8.8.8.8'}),
        ('other', {**OTHER_NETWORK, 'labels': {'fixed_subnet_cidr': '10.9.0.0/24'}}),
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
