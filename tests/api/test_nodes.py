"""Nodes of a bay, from their registration to what users see of them."""

from typing import Any

import pytest
import webtest

from magnum.api.bootstrap import signatures
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE
from tests.unit.certificates.reporting import pem

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra 1.25'}
BAD = {'status': 'False', 'reason': 'Full', 'message': '2 % left'}


@pytest.fixture
def client(service: Service, client: webtest.TestApp) -> webtest.TestApp:
    """Of a service that has a cluster."""
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS)
    service.settle()
    return client


def _list(client: webtest.TestApp, path: str = '/v1/clusters/one/nodes') -> Any:
    return client.get(path, headers=HEADERS).json


def test_what_nodes_report_is_shown(service: Service, client: webtest.TestApp) -> None:
    assert _list(client) == {'nodes': [], 'conditions': {}}
    master, worker = (service.add_node('one', role, 0) for role in ('master', 'worker'))
    assert master.report(versions={'docker': '20'}).status_int == 200
    assert worker.report(conditions={'Disk': BAD}).status_int == 200
    service.look_at_nodes()
    found = _list(client)
    assert [node['name'] for node in found['nodes']] == [master.name, worker.name]
    first, second = found['nodes']
    assert (first['role'], first['nodegroup']) == ('master', 'default-master')
    assert (second['role'], second['nodegroup']) == ('worker', 'default-worker')
    assert first['versions'] == {'docker': '20'}
    assert second['conditions'] == {'Disk': BAD}
    assert (second['state'], second['is_silent'], second['lines']) == ('ready', False, [])
    assert second['heard_at'] is not None
    assert found['conditions']['NodesReady']['status'] == 'False'
    shown = client.get('/v1/clusters/one', headers=HEADERS).json
    assert shown['health_status'] == 'UNHEALTHY'
    assert '2 % left' in shown['health_status_reason']['NodesReady']
    assert _list(client, '/v1/bays/one/nodes') == found


def test_a_long_list_has_pages(service: Service, client: webtest.TestApp) -> None:
    names = [service.add_node('one', 'worker', index).name for index in range(5)]
    seen, path = [], '/v1/clusters/one/nodes?limit=2'
    while path:
        page = _list(client, path)
        assert 0 < len(page['nodes']) <= 2
        seen += [node['name'] for node in page['nodes']]
        path = page.get('next', '')
    assert seen == names
    wrong = client.get('/v1/clusters/one/nodes?after=x', headers=HEADERS, expect_errors=True)
    assert (wrong.status_int, wrong.json['errors'][0]['source']) == (400, {'parameter': 'after'})


def test_it_is_there_since_its_version(client: webtest.TestApp) -> None:
    before = {**HEADERS, 'OpenStack-API-Version': 'container-infra 1.24'}
    assert client.get(
        '/v1/clusters/one/nodes', headers=before, expect_errors=True
    ).status_int == 406


def test_the_key_and_other_secrets_are_not_shown(
    service: Service, client: webtest.TestApp
) -> None:
    node = service.add_node('one', 'worker', 0)
    node.report()
    text = client.get('/v1/clusters/one/nodes', headers=HEADERS).text
    assert signatures.public_key(pem(node.key)) not in text
