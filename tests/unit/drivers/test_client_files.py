"""What users' own clients are given."""

import base64
import subprocess

import pytest
import yaml

from magnum.drivers.contract import Access
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.mesos.driver import MesosDriver
from magnum.drivers.swarm.driver import SwarmDriver

AUTHORITY = '-----BEGIN CERTIFICATE-----\nauthority\n-----END CERTIFICATE-----\n'
CERTIFICATE = '-----BEGIN CERTIFICATE-----\nmine\n-----END CERTIFICATE-----\n'


def _access(address: str, tls: bool = True) -> Access:
    if tls:
        return Access('no', address, AUTHORITY, CERTIFICATE)
    return Access('no', address, None, None)


def _sourced(text: str, *names: str) -> list[str]:
    """What a shell makes of the file."""
    echo = ';'.join(f'echo "${{{name}-unset}}"' for name in names)
    done = subprocess.run(
        ['/bin/sh', '-c', text + echo], capture_output=True, text=True, check=True, env={}
    )
    return done.stdout.splitlines()


def test_kubeconfig() -> None:
    (name, text), *others = (
        KubernetesDriver().client_files(_access('https://192.0.2.1:6443')).items()
    )
    assert (name, others) == ('config', [])
    config = yaml.safe_load(text)
    assert (config['apiVersion'], config['kind']) == ('v1', 'Config')
    # A bay named "no" is not named false.
    assert config['current-context'] == 'no'
    contexts = {entry['name']: entry['context'] for entry in config['contexts']}
    context = contexts[config['current-context']]
    clusters = {entry['name']: entry['cluster'] for entry in config['clusters']}
    cluster = clusters[context['cluster']]
    assert cluster['server'] == 'https://192.0.2.1:6443'
    assert base64.b64decode(cluster['certificate-authority-data']).decode() == AUTHORITY
    users = {entry['name']: entry['user'] for entry in config['users']}
    user = users[context['user']]
    assert base64.b64decode(user['client-certificate-data']).decode() == CERTIFICATE
    assert user['client-key'] == 'key.pem'


def test_kubeconfig_without_tls() -> None:
    files = KubernetesDriver().client_files(_access('http://192.0.2.1:8080', tls=False))
    config = yaml.safe_load(files['config'])
    assert config['clusters'][0]['cluster'] == {'server': 'http://192.0.2.1:8080'}
    assert config['users'] == [{'name': 'admin', 'user': {}}]


def test_docker() -> None:
    files = SwarmDriver().client_files(_access('tcp://192.0.2.1:2376'))
    assert set(files) == {'ca.pem', 'cert.pem', 'environment'}
    assert (files['ca.pem'], files['cert.pem']) == (AUTHORITY, CERTIFICATE)
    names = ('DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH')
    assert _sourced(files['environment'], *names) == ['tcp://192.0.2.1:2376', '1', '.']


def test_docker_without_tls() -> None:
    files = SwarmDriver().client_files(_access('tcp://192.0.2.1:2376', tls=False))
    assert set(files) == {'environment'}
    names = ('DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH')
    assert _sourced(files['environment'], *names) == ['tcp://192.0.2.1:2376', 'unset', 'unset']


@pytest.mark.parametrize('tls', [True, False])
def test_mesos(tls: bool) -> None:
    files = MesosDriver().client_files(_access('192.0.2.1', tls))
    assert set(files) == {'environment'}
    names = ('MESOS_MASTER', 'MARATHON_URL')
    assert _sourced(files['environment'], *names) == ['192.0.2.1:5050', 'http://192.0.2.1:8080']
