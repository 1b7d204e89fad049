"""Application credentials with access rules, made and checked by the real Keystone."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.people import Person
from tools.devcloud import settings

RULES = [
    {'service': 'container-infra', 'method': method, 'path': path}
    for method, path in (
        ('GET', '/v1/clusters'), ('GET', '/v1/clustertemplates/*'),
        ('POST', '/v1/clustertemplates'), ('DELETE', '/v1/clustertemplates/*'),
    )
]


@pytest.fixture
def ruled(magnum: dict[str, Any], people: dict[str, Person]) -> Iterator[Person]:
    """Alice's script: it may list clusters, and make, show and delete templates."""
    alice = people['alice']
    identity = alice.service('identity')
    path = f'/v3/users/{alice.keystone.get_user_id()}/application_credentials'
    base = (identity.get_endpoint() or '').rstrip('/').removesuffix('/v3')
    made = alice.keystone.post(f'{base}{path}', json={'application_credential': {
        'name': f'ruled-{uuid.uuid4().hex[:8]}', 'secret': 'secret', 'access_rules': RULES,
    }}).json()['application_credential']
    assert len(made['access_rules']) == len(RULES), json.dumps(made)
    yield Person('ruled', {
        'OS_AUTH_URL': alice.openrc['OS_AUTH_URL'],
        'OS_AUTH_TYPE': 'v3applicationcredential',
        'OS_APPLICATION_CREDENTIAL_ID': made['id'],
        'OS_APPLICATION_CREDENTIAL_SECRET': 'secret',
    })
    alice.keystone.delete(f'{base}{path}/{made["id"]}')


def test_what_the_rules_list_is_open_and_all_else_closed(ruled: Person) -> None:
    assert ruled.magnum.get('/clusters').status_code == 200
    assert ruled.magnum.get('/baymodels').status_code == 401
    assert ruled.magnum.post('/clusters', json={}).status_code == 401


def test_what_is_looked_up_on_the_way_needs_no_rule(ruled: Person) -> None:
    """Images, flavors and networks are asked for with the service's token beside the caller's."""
    made = ruled.magnum.post('/clustertemplates', json={
        'name': 'ruled', 'coe': 'swarm', 'image_id': 'debian-12', 'flavor_id': 'm1.small',
        'master_flavor_id': 'm1.small', 'external_network_id': settings.EXTERNAL_NETWORK,
    })
    assert made.status_code == 201, made.text
    assert ruled.magnum.delete(f'/clustertemplates/{made.json()["uuid"]}').status_code == 204
