"""Certificates, and what native clients need."""

import base64
import json
import pathlib
from collections.abc import Callable, Iterator

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.attacks.running import RunningService
from tests.openstackclient.conftest import User, model


@pytest.fixture(scope='module')
def bays(service: RunningService, member: User) -> Iterator[None]:
    """A bay of each kind, built."""
    for coe in ('kubernetes', 'swarm', 'mesos'):
        member.json('baymodel', 'create', f'{coe}-of', *model(coe))
        bay = member.json('bay', 'create', coe, '--baymodel', f'{coe}-of')
        service.world.build(bay['uuid'])
    yield
    assert member.run('bay', 'delete', 'kubernetes', 'swarm', 'mesos').code == 0


def test_kubeconfig_is_merged(member: User, bays: None) -> None:
    path = member.home / '.kube/config'
    first = member.json('bay', 'config', 'kubernetes')
    assert first == {
        'kubeconfig': str(path), 'context': 'kubernetes', 'current': True,
        'use': 'kubectl get nodes',
    }
    document = yaml.safe_load(path.read_text())
    document['contexts'].append({'name': 'other', 'context': {'cluster': 'x', 'user': 'y'}})
    document['current-context'] = 'other'
    path.write_text(yaml.safe_dump(document))
    again = member.json('bay', 'config', 'kubernetes')
    assert (again['current'], again['use']) == (False, 'kubectl --context kubernetes get nodes')
    merged = yaml.safe_load(path.read_text())
    assert [context['name'] for context in merged['contexts']] == ['kubernetes', 'other']
    assert merged['current-context'] == 'other'
    assert path.stat().st_mode & 0o777 == 0o600
    taken = member.run('bay', 'config', 'kubernetes', '--context', 'other')
    assert taken.code == 1
    assert '--replace' in taken.err


def test_the_key_stays_here(service: RunningService, member: User, bays: None) -> None:
    place = member.home / 'plain'
    shown = member.json('bay', 'config', 'kubernetes', '--dir', str(place))
    assert shown['files'] == ['config', 'key.pem']
    key = serialization.load_pem_private_key((place / 'key.pem').read_bytes(), None)
    user = yaml.safe_load((place / 'config').read_text())['users'][0]['user']
    assert user['client-key'] == 'key.pem'
    pem = base64.b64decode(user['client-certificate-data'])
    public = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    certificate = x509.load_pem_x509_certificate(pem)
    assert certificate.public_key().public_bytes(*public) == key.public_key().public_bytes(*public)
    assert certificate.subject.rfc4514_string() == 'CN=admin,O=system:masters'
    assert (place / 'key.pem').stat().st_mode & 0o777 == 0o600
    assert 'PRIVATE KEY' not in service.log.read_text()


def test_a_context_of_docker(member: User, bays: None) -> None:
    shown = member.json('bay', 'config', 'swarm', '--use')
    assert shown['host'].startswith('tcp://')
    settings = json.loads((member.home / '.docker/config.json').read_text())
    assert settings == {'currentContext': 'swarm'}
    names = {path.name for path in (member.home / '.docker/contexts/tls').rglob('*.pem')}
    assert names == {'ca.pem', 'cert.pem', 'key.pem'}
    assert member.run('bay', 'config', 'swarm', '--kubeconfig', 'x').code == 1


def test_variables_of_mesos(member: User, bays: None) -> None:
    shown = member.json('bay', 'config', 'mesos')
    assert shown.keys() == {'MESOS_MASTER', 'MARATHON_URL'}
    text = member.run('bay', 'config', 'mesos', '-f', 'shell').out
    assert f'mesos_master="{shown["MESOS_MASTER"]}"' in text.lower()


def test_a_bay_that_is_not_built_has_no_configuration(member: User, bays: None) -> None:
    member.json('bay', 'create', 'unbuilt', '--baymodel', 'kubernetes-of')
    file = member.home / '.kube/config'
    before = file.read_bytes() if file.exists() else None
    done = member.run('bay', 'config', 'unbuilt')
    assert done.code == 1
    assert 'What to do: wait until the bay is built' in done.err
    assert (file.read_bytes() if file.exists() else None) == before


def test_certificates(member: User, bays: None, tmp_path: pathlib.Path) -> None:
    authority = x509.load_pem_x509_certificate(
        member.json('bay', 'certificate', 'show', 'kubernetes')['pem'].encode()
    )
    key = tmp_path / 'key.pem'
    command = ('bay', 'certificate', 'sign', 'kubernetes', '--new-key', str(key))
    signed = x509.load_pem_x509_certificate(
        member.json(*command, '--subject', '/O=team/CN=me')['pem'].encode()
    )
    signed.verify_directly_issued_by(authority)
    assert signed.subject.rfc4514_string() == 'CN=me,O=team'
    assert key.stat().st_mode & 0o777 == 0o600
    assert member.run(*command).err.strip() == f'{key} is there already'
    bad = tmp_path / 'bad.csr'
    bad.write_text('nothing')
    for file, said in ((bad, 'magnum.certificate.invalid_csr'), (tmp_path / 'no', 'not there')):
        done = member.run('bay', 'certificate', 'sign', 'kubernetes', '--csr', str(file))
        assert done.code == 1
        assert said in done.err


def test_what_cannot_be_written_is_said(
    member: User, bays: None, tmp_path: pathlib.Path
) -> None:
    (tmp_path / 'file').touch()
    done = member.run('bay', 'config', 'kubernetes', '--dir', str(tmp_path / 'file/below'))
    assert done.code == 1
    assert 'Not a directory' in done.err


def test_a_credential_is_rotated(
    member: User, bays: None, conductor: Callable[..., None]
) -> None:
    conductor()
    done = member.json('bay', 'credential', 'rotate', 'swarm', '--wait')
    assert (done['verb'], done['state']) == ('rotate_credential', 'SUCCEEDED')
    done = member.json('bay', 'certificate', 'rotate', 'swarm')
    assert (done['verb'], done['bay_name']) == ('rotate_ca', 'swarm')
