"""python-magnumclient 2.17.0: both vocabularies, the service type ``container-infra``."""

import pathlib
from typing import Any

import pytest

from tests.functional.clients.bay_commands import Bays, LastOfBays
from tests.functional.clients.baymodel_commands import Baymodels, ClusterTemplates
from tests.functional.clients.cluster_commands import Clusters, LastOfClusters, Settle
from tests.functional.clients.conftest import Beginning
from tests.functional.clients.project_commands import Clouds, Completeness, Quotas, Services, Stats
from tests.functional.clients.record import DEFECT, covers
from tests.functional.clients.shell import Output, Shell

CLIENT = 'magnumclient-2.17.0'


def begin(at: Beginning) -> dict[str, Any]:
    """The bays, while other commands are tried."""
    magnum = at.magnum()
    magnum(
        'baymodel-create', '--name', f'{at.prefix}-baymodel', '--image-id', 'debian-12',
        '--keypair-id', 'alice-key', '--external-network-id', 'public', '--coe', 'swarm',
        '--flavor-id', 'm1.small', '--master-flavor-id', 'm1.small',
    )
    bay = magnum(
        'bay-create', '--name', f'{at.prefix}-bay', '--baymodel', f'{at.prefix}-baymodel',
        '--node-count', '0',
    )
    magnum(
        'cluster-template-create', f'{at.prefix}-template', '--image', 'debian-12',
        '--external-network', 'public', '--coe', 'kubernetes',
        '--flavor', 'm1.small', '--master-flavor', 'm1.small',
    )
    cluster = magnum(
        'cluster-create', f'{at.prefix}-cluster', '--cluster-template', f'{at.prefix}-template',
        '--keypair', 'alice-key', '--node-count', '0',
    )
    return {'bay': bay, 'cluster': cluster}


@pytest.fixture(scope='module')
def bay(begin: dict[str, Any]) -> Output:
    """What ``bay-create`` printed."""
    output: Output = begin['bay']
    return output


@pytest.fixture(scope='module')
def cluster(begin: dict[str, Any]) -> Output:
    """What ``cluster-create`` printed."""
    output: Output = begin['cluster']
    return output


class TestBaymodels(Baymodels):
    pass


class TestClusterTemplates(ClusterTemplates):
    pass


class TestClouds(Clouds):
    pass


class TestServices(Services):
    pass


class TestStats(Stats):
    pass


class TestQuotas(Quotas):
    pass


class TestBays(Bays):
    NODES = 0
    RESIZED = 1

    @covers('bay-config')
    def test_config(
        self, magnum_cli: Shell, bay: Output, prefix: str, tmp_path: pathlib.Path
    ) -> None:
        exports = self.check_config(magnum_cli, bay, prefix, tmp_path)
        assert exports['DOCKER_CERT_PATH'] == str(tmp_path)
        assert exports['DOCKER_HOST'].startswith('tcp://')


class TestClusters(Clusters):
    DRIVER = 'kubernetes'

    @covers('cluster-config')
    def test_config(
        self, magnum_cli: Shell, cluster: Output, prefix: str, tmp_path: pathlib.Path
    ) -> None:
        exports = self.check_config(magnum_cli, cluster, prefix, tmp_path)
        assert exports['KUBECONFIG'] == f'{tmp_path}/config'

    @covers(
        'ca-rotate', outcome=DEFECT,
        why='The authority is rotated; then the client takes the answer for a pair, and calls '
        'the command failed.',
    )
    def test_rotation_of_the_ca(
        self, magnum_cli: Shell, cluster: Output, settle: Settle, prefix: str
    ) -> None:
        self.check_rotation(magnum_cli, settle, prefix, code=1)


class TestLastOfBays(LastOfBays):
    pass


class TestLastOfClusters(LastOfClusters):
    pass


class TestCompleteness(Completeness):
    pass
