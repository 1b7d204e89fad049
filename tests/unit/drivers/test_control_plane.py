"""What programs of Kubernetes are started with."""

import pathlib
from collections.abc import Sequence

import pytest

from tests.unit.drivers.control_plane import KEY, Node
from tests.unit.drivers.test_units import arguments


def gates(root: pathlib.Path, release: str, etcd: Sequence[str], **told: str) -> list[str]:
    """Of the API server of such a master, in the order in which it reads them."""
    node = Node(root, release, etcd=etcd)
    node.give_key(KEY)
    done = node.run('60-control-plane', **told)
    assert done.returncode == 0, done.stderr
    words = arguments(root / 'etc/systemd/system', 'kube-apiserver')
    return [word for word in words if word.startswith('--feature-gates')]


@pytest.mark.parametrize(('release', 'etcd', 'is_old'), [
    ('v1.35.1', ['3.4.23'], True), ('v1.35.1', ['3.4.30'], True), ('v1.32.3', ['3.3.25'], True),
    ('v1.34.3', ['3.5.12'], True), ('v1.34.3', ['3.5.0-rc.1'], True),
    ('v1.34.3', ['3.5.27', '3.5.27', '3.4.23'], True),
    ('v1.35.1', ['3.4.31'], False), ('v1.35.1', ['3.5.13', '3.5.27'], False),
    ('v1.35.1', ['3.6.0-rc.3'], False), ('v1.35.1', [], False),
    # They have no such gate, offer nothing of it, or nobody has looked.
    ('v1.20.2', ['3.4.23'], False), ('v1.31.14', ['3.4.23'], False), ('v1.36.0', ['3.4.23'], False),
])
def test_with_an_old_etcd_no_watch_begins_with_a_list(
    tmp_path: pathlib.Path, release: str, etcd: list[str], is_old: bool
) -> None:
    """The API server would offer them, and fail them: not every client then asks otherwise."""
    assert gates(tmp_path, release, etcd) == ['--feature-gates=WatchList=false'] * is_old


def test_gates_of_the_label_come_after(tmp_path: pathlib.Path) -> None:
    """The API server adds one option to the other, and of one gate takes the last."""
    own = '--feature-gates=AllAlpha=true'
    found = gates(tmp_path, 'v1.35.1', ['3.4.23'], MAGNUM_KUBEAPI_OPTIONS=own)
    assert found == ['--feature-gates=WatchList=false', own]


def test_options_of_kube_proxy_have_an_effect(tmp_path: pathlib.Path) -> None:
    """With a file of configuration it takes no notice of most: they are all that there is."""
    node = Node(tmp_path)
    own = '--metrics-bind-address=0.0.0.0 --proxy-mode=nftables'
    done = node.run(
        '70-kubelet', MAGNUM_KUBEPROXY_OPTIONS=own, MAGNUM_NODE_NAME='bay-0',
        MAGNUM_POD_CIDR='10.100.0.0/16',
    )
    assert done.returncode == 0, done.stderr
    assert node.options('kube-proxy') == {
        'cluster-cidr': '10.100.0.0/16',
        'conntrack-max-per-core': '0',
        'hostname-override': 'bay-0',
        'kubeconfig': str(node.etc / 'proxy.conf'),
        'metrics-bind-address': '0.0.0.0',     # noqa: S104 - a user's own
        'proxy-mode': 'nftables',
    }
    assert [file.name for file in node.etc.iterdir() if 'proxy' in file.name] == ['proxy.conf']


@pytest.mark.parametrize(('role', 'revision', 'is_deleted'), [
    ('master', '', False), ('master', '0', False), ('master', '1', True), ('worker', '1', False),
])
def test_a_master_in_the_place_of_another_deletes_the_object_of_that_one(
    tmp_path: pathlib.Path, role: str, revision: str, is_deleted: bool
) -> None:
    """It has the id of that one's server. Once: later it is the node's own."""
    node = Node(tmp_path, role=role)
    kubectl = tmp_path / 'usr/local/bin/kubectl'
    kubectl.write_text(f'#!/bin/sh\necho "$KUBECONFIG $*" >>{tmp_path}/kubectl-calls\n')
    for _ in range(2):
        done = node.run('70-kubelet', MAGNUM_NODE_NAME='bay-0', MAGNUM_NODE_REVISION=revision)
        assert done.returncode == 0, done.stdout + done.stderr
    calls = tmp_path / 'kubectl-calls'
    found = calls.read_text().splitlines() if calls.exists() else []
    of_object = f'{node.etc}/admin.conf delete node --ignore-not-found --timeout=60s bay-0'
    assert [call for call in found if ' delete node ' in call] == [of_object] * is_deleted
