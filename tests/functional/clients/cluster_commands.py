"""What ``magnum`` of 2.3 to 3.7 does with clusters.

The module's fixture ``cluster`` is the Output of ``cluster-create``.
"""

import pathlib
from collections.abc import Callable
from typing import Any

from tests.functional.clients import certificates
from tests.functional.clients.bay_commands import is_going
from tests.functional.clients.record import covers
from tests.functional.clients.shell import Output, Shell
from tests.functional.people import Person

Settle = Callable[..., dict[str, Any]]


class Clusters:
    NODES = 0
    RESIZED = 1
    DRIVER: str

    @covers('cluster-create')
    def test_create(self, cluster: Output, alice: Person, prefix: str) -> None:
        made = alice.get(f'/clusters/{prefix}-cluster')
        assert f"Request to create cluster {made['uuid']}" in cluster.text
        assert made['keypair'] == 'alice-key'
        assert made['create_timeout'] == 60

    @covers('cluster-list')
    def test_list(self, magnum_cli: Shell, cluster: Output, prefix: str) -> None:
        (row,) = [
            r for r in magnum_cli('cluster-list').rows if r['name'] == f'{prefix}-cluster'
        ]
        assert (row['node_count'], row['master_count']) == (str(self.NODES), '1')
        page = magnum_cli('cluster-list', '--limit', '1', '--fields', 'flavor_id').rows
        assert len(page) == 1
        assert 'm1.small' in page[0].values()

    @covers('cluster-show')
    def test_show(
        self, magnum_cli: Shell, cluster: Output, settle: Settle, prefix: str
    ) -> None:
        built = settle(f'{prefix}-cluster', 'CREATE_COMPLETE')
        shown = magnum_cli('cluster-show', f'{prefix}-cluster').fields
        for member in ('uuid', 'status', 'api_address', 'cluster_template_id'):
            assert shown[member] == built[member]

    def test_certificates_by_the_name_of_today(
        self, magnum_cli: Shell, cluster: Output, settle: Settle, prefix: str,
        tmp_path: pathlib.Path,
    ) -> None:
        settle(f'{prefix}-cluster', 'CREATE_COMPLETE')
        request = certificates.Request()
        signed = magnum_cli(
            'ca-sign', '--cluster', f'{prefix}-cluster', '--csr', request.write(tmp_path)
        ).pem
        request.check(signed, magnum_cli('ca-show', f'{prefix}-cluster').pem)

    @covers('cluster-update')
    def test_update(
        self, magnum_cli: Shell, cluster: Output, settle: Settle, prefix: str
    ) -> None:
        settle(f'{prefix}-cluster', 'CREATE_COMPLETE')
        said = magnum_cli(
            'cluster-update', f'{prefix}-cluster', 'replace', f'node_count={self.RESIZED}'
        ).text
        assert 'has been accepted' in said
        resized = settle(f'{prefix}-cluster', 'UPDATE_COMPLETE')
        assert resized['node_count'] == len(resized['node_addresses']) == self.RESIZED

    @covers('ca-rotate')
    def test_rotation_of_the_ca(
        self, magnum_cli: Shell, cluster: Output, settle: Settle, prefix: str
    ) -> None:
        self.check_rotation(magnum_cli, settle, prefix)

    def check_rotation(
        self, magnum_cli: Shell, settle: Settle, prefix: str, code: int = 0
    ) -> None:
        """Run ``ca-rotate``, which ends with this code, and see it done."""
        settle(f'{prefix}-cluster', 'UPDATE_COMPLETE')
        before = magnum_cli('ca-show', f'{prefix}-cluster').pem
        magnum_cli('ca-rotate', '--cluster', f'{prefix}-cluster', code=code)
        settle(f'{prefix}-cluster', 'UPDATE_COMPLETE')
        assert magnum_cli('ca-show', f'{prefix}-cluster').pem != before

    def check_config(
        self, magnum_cli: Shell, cluster: Output, prefix: str, tmp_path: pathlib.Path
    ) -> dict[str, str]:
        """Run ``cluster-config``, which needs a built cluster; what it exports."""
        printed = magnum_cli('cluster-config', f'{prefix}-cluster', '--dir', str(tmp_path))
        certificate = certificates.check_files(tmp_path)
        assert certificates.names(certificate)['CN']
        return printed.exports


class LastOfClusters:
    """Comes after all that needs the cluster."""

    @covers('cluster-delete')
    def test_delete(
        self, magnum_cli: Shell, cluster: Output, alice: Person, prefix: str
    ) -> None:
        uuid = alice.get(f'/clusters/{prefix}-cluster')['uuid']
        said = magnum_cli('cluster-delete', f'{prefix}-cluster').text
        assert 'has been accepted' in said
        assert is_going(alice, uuid)
