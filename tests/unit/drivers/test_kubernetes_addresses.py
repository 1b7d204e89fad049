"""A node of Kubernetes that has an address of pods or services: the real script."""

import os
import pathlib
import subprocess
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import hot, node_files, plans

#: The step comes to its first package, and ends there.
INSTALLING_NOTHING = '\nneed_command() { echo "installing $1"; exit 0; }\n'


def node(
    root: pathlib.Path, role: str, address: str, labels: dict[str, str], revision: str = '0'
) -> Any:
    """Run the step with the settings that the driver gives in an existing network."""
    driver = KubernetesDriver()
    plan = plans.plan(driver, fixed_network='team', labels=labels)
    told = settings.parse(
        hot.files_of(driver.render(plan), role)['/etc/magnum/node.env']
    )
    lib = node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    with lib.open('a') as file:
        file.write(INSTALLING_NOTHING)
    node_files.place(root, 'kubernetes/node/downloads.sh', 'opt/magnum/downloads.sh')
    step = node_files.place(root, 'kubernetes/node/40-containerd.sh', 'opt/40.sh')
    own = {
        'MAGNUM_NODE_ADDRESS': address, 'PATH': os.environ['PATH'], 'MAGNUM_NODE_INDEX': '0',
        'MAGNUM_NODE_REVISION': revision,
    }
    return subprocess.run([step], capture_output=True, text=True, check=False, env=told | own)


@pytest.mark.parametrize('role', ['master', 'worker'])
def test_other_addresses_are_no_trouble(tmp_path: pathlib.Path, role: str) -> None:
    done = node(tmp_path, role, '10.101.0.5', {})
    assert (done.returncode, done.stdout) == (0, 'installing containerd\n'), done.stderr


@pytest.mark.parametrize('role', ['master', 'worker'])
@pytest.mark.parametrize(
    ('address', 'labels', 'named'),
    [
        ('10.100.7.5', {}, 'flannel_network_cidr'),
        ('10.254.0.5', {}, 'service_cluster_ip_range'),
        ('192.168.3.4', {'flannel_network_cidr': '192.168.0.0/16'}, 'flannel_network_cidr'),
    ],
)
def test_an_address_of_pods_or_services_is_refused(
    tmp_path: pathlib.Path, role: str, address: str, labels: dict[str, str], named: str
) -> None:
    done = node(tmp_path, role, address, labels)
    assert done.returncode == 86
    assert named in done.stdout


@pytest.mark.parametrize(
    ('labels', 'named'),
    [
        ({'flannel_network_cidr': '10.0.0.0/20'}, 'flannel_network_cidr'),
        ({'service_cluster_ip_range': '10.0.64.0/20'}, 'service_cluster_ip_range'),
    ],
)
def test_a_range_that_overlaps_with_the_first_masters_subnet_is_refused(
    tmp_path: pathlib.Path, labels: dict[str, str], named: str
) -> None:
    node_files.place_routes(tmp_path)
    done = node(tmp_path, 'master', '10.0.200.5', labels)
    assert done.returncode == 86, done.stderr
    assert '10.0.0.0/16' in done.stdout
    assert named in done.stdout


@pytest.mark.parametrize(('role', 'revision'), [('worker', '0'), ('master', '1')])
def test_a_bay_that_is_there_may_do_with_one(
    tmp_path: pathlib.Path, role: str, revision: str
) -> None:
    node_files.place_routes(tmp_path)
    labels = {'flannel_network_cidr': '10.0.0.0/20'}
    done = node(tmp_path, role, '10.0.200.5', labels, revision)
    assert (done.returncode, done.stdout) == (0, 'installing containerd\n'), done.stderr
