"""How closed the programs of a Kubernetes bay are, on real machines."""

import json
import os
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests import cis
from tests.functional.conftest import wait_until
from tests.functional.magnum_service import Process
from tests.functional.people import Person
from tests.nodes import bays, kubernetes
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.nodes.kubernetes import CERTIFICATES
from tools.nodes.machine import Machine

SECRET: Final = 'a-word-that-nobody-reads'
OVERRIDE: Final = 'OS_CONTAINER_INFRASTRUCTURE_MANAGEMENT_ENDPOINT_OVERRIDE'
AUDIT_LOG: Final = '/var/log/magnum/audit.log'


@pytest.fixture(scope='module')
def bay(alice: Person, programs: pathlib.Path, downloads: str) -> Iterator[Bay]:
    made = kubernetes.create(
        alice, 'nodes-hardening', programs, downloads, {'keystone_auth_enabled': 'true'},
        node_count=1,
    )
    yield made
    made.delete()


@pytest.fixture(scope='module')
def secret(client: Kubectl) -> str:
    """Its name."""
    client('create', 'secret', 'generic', 'closed', f'--from-literal=word={SECRET}')
    return 'closed'


def printed(machine: Machine, script: str) -> str:
    """What a script that has to succeed prints on a machine."""
    return bays.output(machine, 'bash', '-c', script)


def options(machine: Machine, unit: str) -> dict[str, str]:
    """Of the program that runs."""
    words = printed(
        machine,
        f'tr "\\0" "\\n" </proc/$(systemctl show --property=MainPID --value {unit})/cmdline',
    )
    return cis.options(words.splitlines()[1:])


@pytest.mark.parametrize('check', cis.OF_OPTIONS, ids=lambda check: check.name)
def test_checks_of_the_benchmark(master: Machine, check: cis.Check) -> None:
    found = options(master, check.unit)
    assert check.holds(found), found


def test_checks_of_kubelets(bay: Bay, client: Kubectl) -> None:
    """By what each says of its own configuration."""
    nodes = client.nodes()
    assert len(nodes) == len(bay.machines())
    for name in nodes:
        told: Any = json.loads(client('get', '--raw', f'/api/v1/nodes/{name}/proxy/configz'))
        assert cis.faults_of_kubelet(told['kubeletconfig']) == []


def test_files_are_for_root_alone(bay: Bay) -> None:
    for machine in bay.machines():
        open_files = printed(
            machine,
            f'find /etc/kubernetes {CERTIFICATES} -type f -perm /077 '
            "! -name ca.pem ! -name trusted.pem ! -name '*.pub'",
        )
        assert open_files == ''
    for machine in bay.machines('master'):
        folders = f'/var/lib/magnum-etcd {pathlib.Path(AUDIT_LOG).parent}'
        assert printed(machine, f'stat --format=%a {folders}').split() == ['700', '700']


def test_etcd_has_no_secret_that_can_be_read(
    master: Machine, client: Kubectl, secret: str
) -> None:
    etcdctl = (
        'ETCDCTL_API=3 etcdctl --endpoints=https://127.0.0.1:2379 '
        f'--cacert={CERTIFICATES}/ca.pem --cert={CERTIFICATES}/etcd.pem '
        f'--key={CERTIFICATES}/etcd.key get --print-value-only '
    )
    kept = printed(master, f'{etcdctl}/registry/secrets/default/{secret} | base64 --wrap=0')
    as_text = printed(master, f'base64 --decode <<<{kept} | tr -cd "[:print:]"')
    assert as_text.startswith('k8s:enc:secretbox:v1:bay:')
    assert SECRET not in as_text
    word = client('get', 'secret', secret, '--output', 'jsonpath={.data.word}')
    assert printed(master, f'base64 --decode <<<{shlex.quote(word)}') == SECRET
    signing = printed(master, f'{etcdctl}/magnum/service-account-key | base64 --decode | head -c 8')
    assert signing == 'Salted__', 'nor the key of tokens'


def test_the_key_is_nowhere_but_in_its_files(master: Machine) -> None:
    said = printed(
        master,
        'grep --recursive --files-with-matches --fixed-strings --file=/etc/magnum/encryption-key '
        '/etc /opt/magnum /var/log /var/lib/cloud || true',
    )
    assert set(said.split()) == {'/etc/magnum/encryption-key', '/etc/kubernetes/encryption.yaml'}


def test_who_did_what_is_logged_without_contents(
    bay: Bay, master: Machine, secret: str
) -> None:
    def logged() -> list[Any]:
        text = printed(master, f'grep "/secrets" {AUDIT_LOG} || true')
        return [
            event for event in map(json.loads, text.splitlines())
            if event['verb'] == 'create' and event['user']['username'] == bay.person.name
        ]

    (event,) = wait_until(logged, 30, every=1)
    assert event['objectRef']['name'] == secret
    assert event['level'] == 'Metadata'
    assert event['responseStatus']['code'] == 201
    assert bays.run(master, 'grep', '--quiet', SECRET, AUDIT_LOG).returncode == 1
    assert bays.run(master, 'grep', '--quiet', '"requestURI":"/readyz', AUDIT_LOG).returncode == 1


@pytest.mark.parametrize('path', ['/readyz', '/version', '/api', '/metrics'])
def test_nobody_without_a_certificate_is_answered(master: Machine, path: str) -> None:
    code = printed(
        master,
        f'curl --silent --noproxy "*" --cacert {CERTIFICATES}/ca.pem --output /dev/null '
        f'--write-out "%{{http_code}}" https://127.0.0.1:6443{path}',
    )
    assert code == '401'


# Tokens of Keystone -----------------------------------------------------------------------
class Login:
    """kubectl of a user of the cloud who has no certificate of the bay."""

    def __init__(self, bay: Bay, client: Kubectl, folder: pathlib.Path):
        self._client = Kubectl(client.program, folder)
        config = client.json('config', 'view', '--raw')
        document = {**config, 'users': [], 'contexts': [
            {'name': 'bay', 'context': {'cluster': bay.document()['name'], 'user': 'none'}},
        ], 'current-context': 'bay'}
        (folder / 'config').write_text(json.dumps(document))

    def may(self, token: str, *what: str) -> str:
        """What ``kubectl auth can-i`` says."""
        done = self._client.run('--token', token, 'auth', 'can-i', *what)
        return done.stdout.strip() or done.stderr.strip()


@pytest.fixture
def login(bay: Bay, client: Kubectl, tmp_path: pathlib.Path) -> Login:
    return Login(bay, client, tmp_path)


def token(name: str) -> str:
    return str(Person(name).keystone.get_token())


@pytest.mark.parametrize(('name', 'deletes', 'looks', 'reads_secrets'), [
    ('alice-machines', 'yes', 'yes', 'yes'),
    ('rita-machines', 'no', 'yes', 'no'),
])
def test_users_of_the_project_log_in(
    login: Login, name: str, deletes: str, looks: str, reads_secrets: str
) -> None:
    of = token(name)
    assert login.may(of, 'delete', 'nodes') == deletes
    assert login.may(of, 'list', 'pods') == looks
    assert login.may(of, 'get', 'secrets') == reads_secrets


@pytest.mark.parametrize('name', ['alice', 'bob', 'carol', 'admin'])
def test_users_of_other_projects_do_not(login: Login, name: str) -> None:
    """alice has no more than others where her token is of another project."""
    assert 'must be logged in' in login.may(token(name), 'list', 'pods')


def test_tokens_that_are_none(login: Login) -> None:
    whole = token('rita-machines')
    for shown in ('gAAAAABnot-one', 'system:masters', whole[:-4], whole * 10, whole * 100):
        assert 'must be logged in' in login.may(shown, 'list', 'pods')


def test_a_user_is_bound_to_more_by_name_or_role(
    login: Login, client: Kubectl
) -> None:
    of = token('rita-machines')
    assert login.may(of, 'delete', 'pods') == 'no'
    client('create', 'rolebinding', 'editors', '--clusterrole=edit', '--group=keystone:reader')
    assert login.may(of, 'delete', 'pods') == 'yes'
    client('delete', 'rolebinding', 'editors')
    shown = Person('rita-machines').service('identity').get(
        '/auth/tokens', headers={'X-Subject-Token': of}
    ).json()
    domain = shown['token']['user']['domain']['id']
    client('create', 'rolebinding', 'rita', '--clusterrole=edit', f'--user=keystone:{domain}/rita')
    assert login.may(of, 'delete', 'pods') == 'yes'


def test_the_projects_own_client_configures_kubectl(
    bay: Bay, client: Kubectl, tmp_path: pathlib.Path
) -> None:
    """kubectl has tokens issued by itself."""
    rita = Person('rita-machines', url=bay.person.url)
    place = tmp_path / 'files'
    programs = pathlib.Path(sys.executable).parent
    environment = {
        **rita.openrc, OVERRIDE: rita.url,
        'PATH': f'{programs}:{os.defpath}', 'HOME': str(tmp_path), 'PYTHONWARNINGS': 'ignore',
    }

    def printed_by(*command: str | pathlib.Path) -> str:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed_by(
        programs / 'openstack', 'bay', 'config', bay.uuid, '--token', '--dir', place
    )
    names = printed_by(
        client.program, '--kubeconfig', place / 'config', 'get', 'namespaces', '--output', 'name'
    )
    assert 'namespace/kube-system' in names.splitlines()


def test_nothing_of_a_token_is_logged(master: Machine, magnum: Process, login: Login) -> None:
    of = token('alice-machines')
    assert login.may(of, 'list', 'pods') == 'yes'
    said = printed(
        master, f'journalctl --quiet --no-pager | grep --count --fixed-strings {of} || true'
    )
    assert int(said) == 0
    logged = printed(master, f'grep --count "keystone:" {AUDIT_LOG}')
    assert int(logged) > 0
    assert bays.run(master, 'grep', '--quiet', of, AUDIT_LOG).returncode == 1
    assert of not in magnum.log.read_text()
