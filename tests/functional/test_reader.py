"""A reader of the project finds the bootstrap tokens in Heat, and they open nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.functional.conftest import wait_until
from tests.functional.magnum_service import URL
from tests.functional.people import Person

_TOKEN = re.compile(r"MAGNUM_BOOTSTRAP_TOKEN='([^']+)'")
_ROLE = re.compile(r"MAGNUM_NODE_ROLE='([^']+)'")


@pytest.fixture
def bay(alice: Person, behaviours: Callable[[dict[str, str]], None]) -> Iterator[dict[str, Any]]:
    """One whose nodes take their time, so that the reader is first."""
    behaviours({'^spied-': 'slow: 90'})
    baymodel = alice.create_baymodel('kubernetes', name='spied-model')
    uuid = alice.create_bay(baymodel, 'spied', node_count=1)
    yield {'uuid': uuid, 'baymodel': baymodel}
    alice.magnum.delete(f'/clusters/{uuid}')
    wait_until(lambda: alice.is_gone(uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')


def _tokens(reader: Person) -> dict[str, str]:
    """What Heat shows to a reader of the nodes' user data, by role."""
    heat = reader.service('orchestration')
    found = {}
    for stack in heat.get('/stacks').json()['stacks']:
        if not stack['stack_name'].startswith('spied-'):
            continue
        resources = heat.get(
            f'/stacks/{stack["stack_name"]}/{stack["id"]}/resources', params={'nested_depth': '5'}
        ).json()['resources']
        configs = [
            resource['physical_resource_id'] for resource in resources
            if resource['resource_type'] == 'OS::Heat::MultipartMime'
        ]
        for config in filter(None, configs):
            text = heat.get(f'/software_configs/{config}').json()['software_config']['config']
            token, role = _TOKEN.search(text), _ROLE.search(text)
            if token and role:
                found[role[1]] = token[1]
    return found


def _ask(bay: str, name: str, purpose: str, token: str) -> requests.Response:
    request = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([])
    ).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return requests.post(
        f'{URL}/bootstrap/{bay}/certificates/{purpose}', params={'node': name}, timeout=30,
        headers={'X-Bootstrap-Token': token},
        data=request.public_bytes(serialization.Encoding.PEM),
    )


def test_a_reader_becomes_no_master(
    people: dict[str, Person], alice: Person, bay: dict[str, Any]
) -> None:
    uuid = bay['uuid']
    tokens = wait_until(lambda: _tokens(people['rita']).keys() >= {'master'}
                        and _tokens(people['rita']))
    nova = alice.service('compute')
    servers = wait_until(lambda: [
        server['name'] for server in nova.get('/servers?name=spied-').json()['servers']
        if '-master-' in server['name']
    ])
    for name in ('spied-master', 'kubernetes.default.', servers[0].replace('-0', '-1')):
        answer = _ask(uuid, name, 'admin', tokens['master'])
        assert answer.status_code in (400, 403), answer.text
    # As the master itself, before it: the real one is refused, and the bay fails.
    wait_until(lambda: _ask(uuid, servers[0], 'admin', tokens['master']).status_code == 200)
    ended = wait_until(lambda: alice.settled(uuid))
    assert ended['status'] == 'CREATE_FAILED'
    assert servers[0] in ended['status_reason']
    operation = alice.get(f'/clusters/{uuid}/operations')['operations'][-1]
    assert operation['error']['code'] == 'node_identity_conflict'
    kinds = {event['kind'] for event in alice.get(f'/clusters/{uuid}/events')['events']}
    assert 'bay.create.node_identity_conflict' in kinds
    assert alice.magnum.get(f'/certificates/{uuid}').status_code == 409
