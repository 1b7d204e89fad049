"""Bays of every COE by the real clients, on the real cloud, to the last trace."""

import functools
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.functional.cloud_contents import Contents
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.devcloud import settings

COES = ('kubernetes', 'swarm', 'mesos')
#: With one COE in every run, with the others in those that take long.
first_coe = pytest.mark.parametrize(
    'coe', [COES[0], *(pytest.param(coe, marks=pytest.mark.long) for coe in COES[1:])]
)


@pytest.fixture(scope='module')
def bays(alice: Person, before: dict[str, set[str]]) -> dict[str, str]:
    """One bay of each COE, asked for with the old client's commands."""
    made = {}
    for coe in COES:
        alice.old(
            'baymodel-create', '--name', f'{coe}-model', '--image-id', 'debian-12',
            '--keypair-id', 'alice-key', '--external-network-id', settings.EXTERNAL_NETWORK,
            '--coe', coe, '--flavor-id', 'm1.small', '--master-flavor-id', 'm1.small',
        )
        alice.old('bay-create', '--name', f'old-{coe}', '--baymodel', f'{coe}-model')
        made[coe] = alice.get(f'/bays/old-{coe}')['uuid']
    return made


def _table(text: str) -> dict[str, str]:
    rows = [line.split('|') for line in text.splitlines() if line.startswith('|')]
    return {row[1].strip(): row[2].strip() for row in rows}


@pytest.mark.parametrize('coe', COES)
def test_bay_by_the_old_client(
    coe: str, alice: Person, bays: dict[str, str], tmp_path: Any
) -> None:
    bay = wait_until(lambda: alice.settled(bays[coe]))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    shown = _table(alice.old('bay-show', f'old-{coe}'))
    assert shown['api_address'] not in ('-', '')
    assert shown['master_count'] == shown['node_count'] == '1'
    assert len(bay['node_addresses']) == len(bay['master_addresses']) == 1

    authority = alice.old('ca-show', '--bay', f'old-{coe}')
    ca = x509.load_pem_x509_certificate(
        authority[authority.index('-----BEGIN'):].encode()
    )
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'alice')])
    ).sign(key, hashes.SHA256())
    csr = tmp_path / 'alice.csr'
    csr.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    signed = alice.old('ca-sign', '--bay', f'old-{coe}', '--csr', str(csr))
    certificate = x509.load_pem_x509_certificate(signed[signed.index('-----BEGIN'):].encode())
    certificate.verify_directly_issued_by(ca)
    assert certificate.public_key() == key.public_key()


def test_the_same_rows_by_the_new_client(alice: Person, bays: dict[str, str]) -> None:
    listed = {row['uuid']: row for row in alice.new('coe', 'cluster', 'list')}
    for coe, uuid in bays.items():
        assert listed[uuid]['name'] == f'old-{coe}'
        shown = alice.new('coe', 'cluster', 'show', uuid)
        assert shown['name'] == f'old-{coe}'
    templates = {row['name'] for row in alice.new('coe', 'cluster', 'template', 'list')}
    assert templates >= {f'{coe}-model' for coe in COES}


@first_coe
def test_resize_by_the_old_client(coe: str, alice: Person, bays: dict[str, str]) -> None:
    wait_until(lambda: alice.settled(bays[coe]))
    alice.old('bay-update', f'old-{coe}', 'replace', 'node_count=2')
    bay = wait_until(lambda: alice.settled(bays[coe]))
    assert (bay['status'], bay['node_count']) == ('UPDATE_COMPLETE', 2)
    assert len(set(bay['node_addresses'])) == 2


@first_coe
def test_another_authority_by_the_new_client(
    coe: str, alice: Person, bays: dict[str, str]
) -> None:
    wait_until(lambda: alice.settled(bays[coe]))
    (old,) = _authorities(alice, bays[coe])
    alice.run('magnumclient-5.0.0', 'openstack', 'coe', 'ca', 'rotate', f'old-{coe}')
    operation = alice.get(f'/clusters/{bays[coe]}/operations')['operations'][-1]
    assert operation['verb'] == 'rotate_ca'
    bay = wait_until(lambda: alice.settled(bays[coe]))
    assert bay['status'] == 'UPDATE_COMPLETE', bay
    (new,) = _authorities(alice, bays[coe])
    assert new.public_key() != old.public_key()
    events = alice.get(f'/bays/{bays[coe]}/events')['events']
    assert 'bay.rotate_ca.succeeded' in {event['kind'] for event in events}


def _authorities(alice: Person, uuid: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(alice.get(f'/certificates/{uuid}')['pem'].encode())


def test_another_member_deletes_and_nothing_is_left(
    people: dict[str, Person], bays: dict[str, str], debris: Contents,
    before: dict[str, set[str]], alice: Person,
) -> None:
    for uuid in bays.values():
        wait_until(functools.partial(alice.settled, uuid))
    assert len(debris.bay_users()) >= 3
    for coe in COES:
        people['bob'].old('bay-delete', f'old-{coe}')
    for uuid in bays.values():
        wait_until(functools.partial(alice.is_gone, uuid))
    for coe in COES:
        alice.old('baymodel-delete', f'{coe}-model')
    left = {
        kind: things - before[kind]
        for kind, things in debris.snapshot().items() if things - before[kind]
    }
    assert left == {}


@pytest.mark.long
def test_create_by_the_new_client_with_an_application_credential(
    people: dict[str, Person], alice: Person
) -> None:
    caller = people[settings.APPLICATION_CREDENTIAL]
    made = caller.new(
        'coe', 'cluster', 'template', 'create', 'appcred-model', '--image', 'ubuntu-24.04',
        '--external-network', settings.EXTERNAL_NETWORK, '--coe', 'swarm',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
    )
    baymodel = made['uuid']
    caller.run(
        'magnumclient-5.0.0', 'openstack', 'coe', 'cluster', 'create', 'appcred',
        '--cluster-template', 'appcred-model', '--node-count', '0',
    )
    uuid = alice.get('/clusters/appcred')['uuid']
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    caller.run('magnumclient-5.0.0', 'openstack', 'coe', 'cluster', 'delete', 'appcred')
    wait_until(lambda: alice.is_gone(uuid))
    assert alice.magnum.delete(f'/clustertemplates/{baymodel}').status_code == 204


def test_the_creator_is_gone_at_the_end(people: dict[str, Person], alice: Person) -> None:
    identity = people['admin'].service('identity')
    project = alice.keystone.get_project_id()
    user = identity.post('/users', json={'user': {
        'name': 'dave', 'domain_id': 'default', 'password': settings.PASSWORD,
    }}).json()['user']['id']
    member = identity.get('/roles', params={'name': 'member'}).json()['roles'][0]['id']
    identity.put(f'/projects/{project}/users/{user}/roles/{member}')
    dave = Person('dave', {**settings.openrc('alice'), 'OS_USERNAME': 'dave'})
    baymodel = dave.create_baymodel('mesos', name='orphan-model')
    uuid = dave.create_bay(baymodel, 'orphan', node_count=0)
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    identity.delete(f'/users/{user}')
    assert people['bob'].magnum.delete(f'/clusters/{uuid}').status_code == 204
    wait_until(lambda: alice.is_gone(uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')


def test_a_failing_node_says_why_and_delete_leaves_nothing(
    alice: Person, debris: Contents, behaviours: Callable[[dict[str, str]], None]
) -> None:
    earlier = debris.snapshot()
    behaviours({'^unlucky-.*-node-0': 'fail: step 40-docker: no space left on device'})
    baymodel = alice.create_baymodel('swarm', name='unlucky-model')
    uuid = alice.create_bay(baymodel, 'unlucky', node_count=1)
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_FAILED'
    assert re.search(
        r'unlucky-\w+-node-0: The step 40-docker failed \(1 of 1\): no space left on device',
        bay['status_reason'],
    )
    assert alice.magnum.delete(f'/clusters/{uuid}').status_code == 204
    wait_until(lambda: alice.is_gone(uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')
    left = {k: v - earlier[k] for k, v in debris.snapshot().items() if v - earlier[k]}
    assert left == {}


@pytest.mark.long
def test_a_bay_with_everything(alice: Person, debris: Contents) -> None:
    """Three masters behind a load balancer, volumes, no floating IPs."""
    earlier = debris.snapshot()
    baymodel = alice.create_baymodel(
        'kubernetes', name='grand-model', master_lb_enabled=True, floating_ip_enabled=False,
        docker_volume_size=3, keypair_id='alice-key', dns_nameserver='9.9.9.9',
    )
    uuid = alice.create_bay(baymodel, 'grand', master_count=3, node_count=1)
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    assert len(bay['master_addresses']) == 3
    now = debris.snapshot()
    assert len(now['balancers'] - earlier['balancers']) >= 1
    assert len(now['volumes'] - earlier['volumes']) >= 4
    assert now['floatingips'] == earlier['floatingips']
    assert alice.magnum.delete(f'/clusters/{uuid}').status_code == 204
    wait_until(lambda: alice.is_gone(uuid))
    alice.magnum.delete(f'/clustertemplates/{baymodel}')
    left = {k: v - earlier[k] for k, v in debris.snapshot().items() if v - earlier[k]}
    assert left == {}


def test_refused_before_anything_is_made(alice: Person, debris: Contents) -> None:
    earlier = debris.snapshot()
    cases = {
        'image_id': {'image_id': 'no-such-image'},
        'os_distro': {'image_id': 'no-distro'},
        'fedora-atomic': {'image_id': 'fedora-atomic'},
        'flavor': {'flavor_id': 'no-such-flavor'},
        'network': {'external_network_id': 'no-such-network'},
    }
    for word, wrong in cases.items():
        answer = alice.magnum.post('/clustertemplates', json={
            'name': 'wrong', 'coe': 'kubernetes', 'image_id': 'debian-12',
            'external_network_id': settings.EXTERNAL_NETWORK, **wrong,
        })
        assert 400 <= answer.status_code < 500, (word, answer.text)
        assert word in answer.text
    assert debris.snapshot() == earlier
    assert alice.magnum.get('/clustertemplates?limit=1').status_code == 200

