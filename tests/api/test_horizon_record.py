"""What Horizon's panels have sent in a real browser, sent again in the same order.

``MAGNUM_RECORD_PANELS=1 tools/test horizon`` records it anew.
"""

import json
import pathlib
from typing import Any

import pytest
import webtest

from tests.api.fixtures.cloud import KEY
from tests.api.fixtures.service import Service
from tools.fakecloud.compute import flavor
from tools.fakecloud.image import image
from tools.fakecloud.network import network

pytestmark = pytest.mark.installed_drivers

_RECORD = json.loads(pathlib.Path(__file__).with_name('horizon.json').read_text())
#: A rotation waits for nodes, which are not played here; it has tests of its own.
_LEFT_OUT = ('PATCH', '/v1/certificates/')
_HEADERS = {'OpenStack-API-Version': 'container-infra 1.13'}


def _provide(service: Service) -> None:
    """What the forms name, as the cloud of the browser has it."""
    cloud = service.cloud
    cloud.images.append(image(f'{0:08}-0000-4000-8000-{0:012}', 'ubuntu-24.04', os_distro='ubuntu'))
    cloud.flavors.append(flavor('3', 'm1.medium', 4096, 2, 20))
    cloud.compute.keypairs['dora-key'] = KEY
    for sent in _RECORD:
        external = isinstance(sent['body'], dict) and sent['body'].get('external_network_id')
        if external and external not in {each['id'] for each in cloud.networks}:
            cloud.networks.append(network(external, f'of-{external}', True))
    cloud.identity.projects = {*(cloud.identity.projects or ()), *(
        sent['body']['project_id'] for sent in _RECORD if sent['path'] == '/v1/quotas'
    )}


@pytest.fixture
def service(service: Service) -> Service:
    _provide(service)
    return service


def test_all_is_answered_as_it_was(service: Service) -> None:
    client = webtest.TestApp(service.application)
    uuids: dict[str, str] = {}
    for sent in _RECORD:
        if sent['method'] == _LEFT_OUT[0] and sent['path'].startswith(_LEFT_OUT[1]):
            continue
        request = json.dumps([sent['path'], sent['body']])
        for then, now in uuids.items():
            request = request.replace(then, now)
        path, body = json.loads(request)
        if isinstance(body, dict) and body.get('nodes_to_remove'):
            body['nodes_to_remove'] = [service.cloud.workers['0']]
        answer = _send(client, sent['method'], path, body)
        assert answer.status_int == sent['status'], (sent, answer.text)
        if sent['uuid'] and answer.content_type == 'application/json':
            uuids[sent['uuid']] = answer.json.get('uuid', sent['uuid'])
        service.settle()


def _send(client: webtest.TestApp, method: str, path: str, body: Any) -> Any:
    headers = {**_HEADERS, 'X-Auth-Token': 'admin' if '/quotas' in path else 'member'}
    return client.request(
        path, method=method, headers=headers, expect_errors=True,
        content_type='application/json', body=b'' if body is None else json.dumps(body).encode(),
    )
