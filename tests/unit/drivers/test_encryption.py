"""What masters of Kubernetes encrypt, and by which key."""

import pathlib
import stat
import subprocess

import pytest
import yaml

from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import control_plane
from tests.unit.drivers.control_plane import KEY, Node

OPTION = 'encryption-provider-config'


def token_key(node: Node) -> str:
    """The key of service accounts, after the step that makes it or takes it over."""
    done = node.run('55-service-account-key')
    assert done.returncode == 0, done.stderr
    return (node.certificates / 'service-account.key').read_text()


def test_secrets_are_encrypted_by_the_key_of_the_bay(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    node.give_key(KEY)
    done = node.run('60-control-plane')
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    file = pathlib.Path(node.options('kube-apiserver')[OPTION])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = yaml.safe_load(file.read_text())
    assert (found['apiVersion'], found['kind']) == (
        'apiserver.config.k8s.io/v1', 'EncryptionConfiguration'
    )
    assert found['resources'] == [{'resources': ['secrets'], 'providers': [
        {'secretbox': {'keys': [{'name': 'bay', 'secret': KEY}]}},
        {'identity': {}},   # last: it reads what nothing has encrypted, and writes nothing
    ]}]
    assert node.options('kube-apiserver-stand-in')[OPTION] == str(file)


def test_a_user_may_have_others(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    node.give_key(KEY)
    assert node.run('60-control-plane', MAGNUM_KUBEAPI_OPTIONS=f'--{OPTION}=/x').returncode == 0
    assert node.options('kube-apiserver')[OPTION] == '/x'


def test_nothing_is_encrypted_in_a_bay_without_a_key(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    node.give_key('')
    assert node.run('60-control-plane').returncode == 0
    assert OPTION not in node.options('kube-apiserver')
    assert not (node.etc / 'encryption.yaml').exists()


def test_a_master_that_was_not_told_does_not_serve(tmp_path: pathlib.Path) -> None:
    """Others might encrypt what it could not read."""
    node = Node(tmp_path)
    assert node.run('60-control-plane').returncode != 0
    assert not (node.root / 'etc/systemd/system/kube-apiserver.service').exists()


@pytest.mark.parametrize('key', [KEY, ''])
def test_masters_share_the_key_of_service_accounts(tmp_path: pathlib.Path, key: str) -> None:
    one, other = Node(tmp_path / 'one'), Node(tmp_path / 'other')
    for node in (one, other):
        node.give_key(key)
    first = token_key(one)
    kept = (one.root / 'kept').read_text()
    (other.root / 'kept').write_text(kept)
    assert token_key(other) == first
    assert 'BEGIN EC PRIVATE KEY' in first
    plain = subprocess.run(
        ['base64', '--decode'], input=kept.encode(), capture_output=True, check=True
    ).stdout
    assert (first.encode() in plain) is not bool(key), 'etcd has it as it is without a key alone'


def test_a_master_with_another_key_takes_nothing_over(tmp_path: pathlib.Path) -> None:
    one, other = Node(tmp_path / 'one'), Node(tmp_path / 'other')
    one.give_key(KEY)
    other.give_key(KEY[::-1])
    token_key(one)
    (other.root / 'kept').write_text((one.root / 'kept').read_text())
    assert other.run('55-service-account-key').returncode != 0


def test_files_of_configurations_are_for_root_alone(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path)
    node.give_key(control_plane.KEY)
    for step in ('60-control-plane', '70-kubelet'):
        done = node.run(step)
        assert done.returncode == 0, done.stderr
    modes = {
        str(file.relative_to(node.etc)): stat.S_IMODE(file.stat().st_mode)
        for file in node.etc.rglob('*') if file.is_file()
    }
    assert {'admin.conf', 'encryption.yaml', 'kubelet.conf', 'kubelet.yaml'} <= modes.keys()
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize(('options', 'is_ours'), [
    ('', True), ('--v=4 --encryption-provider-config-automatic-reload', True),
    (f'--{OPTION}=/etc/kms.yaml', False), ('--v=4 --encryption_provider_config /x', False),
])
def test_what_users_configure_is_known(options: str, is_ours: bool) -> None:
    """Events of a rotation tell whose the encryption of secrets is."""
    assert KubernetesDriver().encrypts_secrets({'kubeapi_options': options}) is is_ours
    assert KubernetesDriver().encrypts_secrets({})
