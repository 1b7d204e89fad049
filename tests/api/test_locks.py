"""A request that changes a bay reads and locks it once."""

from typing import Any

import pytest
import webtest

from magnum.db.repositories import locking
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
PATCH = [{'op': 'replace', 'path': '/node_count', 'value': 2}]
BOUND = [{'op': 'replace', 'path': '/max_node_count', 'value': 9}]
REQUESTS: dict[str, tuple[str, str, Any]] = {
    'a patch': ('PATCH', '/v1/clusters/one', PATCH),
    'a resize': ('POST', '/v1/clusters/one/actions/resize', {'node_count': 3}),
    'an upgrade': ('POST', '/v1/clusters/one/actions/upgrade', {'cluster_template': 'model'}),
    'a node group': ('POST', '/v1/clusters/one/nodegroups', {'name': 'gpu'}),
    'a patch of a node group': ('PATCH', '/v1/clusters/one/nodegroups/default-worker', BOUND),
    'a rotation of the authority': ('PATCH', '/v1/certificates/one', None),
    'a rotation of the credential': ('PATCH', '/v1/credentials/one', None),
    'a delete': ('DELETE', '/v1/clusters/one', None),
}


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bays that were locked, in order."""
    uuids: list[str] = []
    lock_bay = locking.lock_bay

    def counted(session: Any, bay_uuid: str) -> Any:
        uuids.append(bay_uuid)
        return lock_bay(session, bay_uuid)

    monkeypatch.setattr(locking, 'lock_bay', counted)
    return uuids


@pytest.mark.parametrize('what', REQUESTS)
def test_once(service: Service, client: webtest.TestApp, locked: list[str], what: str) -> None:
    client.post_json('/v1/clustertemplates', {**TEMPLATE, 'name': 'model'}, headers=HEADERS)
    made = client.post_json('/v1/clusters', {**CLUSTER, 'name': 'one'}, headers=HEADERS)
    service.settle()
    assert locked == []
    method, path, body = REQUESTS[what]
    if body is None:
        client.request(path, method=method, headers=HEADERS)
    elif method == 'POST':
        client.post_json(path, body, headers=HEADERS)
    else:
        client.patch_json(path, body, headers=HEADERS)
    assert locked == [made.json['uuid']]
