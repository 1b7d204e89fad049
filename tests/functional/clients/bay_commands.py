"""What every ``magnum`` does with bays.

The module's fixture ``bay`` is the Output of ``bay-create``.
"""

import pathlib
from collections.abc import Callable
from typing import Any

from tests.functional.clients import certificates
from tests.functional.clients.record import covers
from tests.functional.clients.shell import Output, Shell
from tests.functional.people import Person

Settle = Callable[..., dict[str, Any]]


def is_going(alice: Person, uuid: str) -> bool:
    """Whether a bay is being deleted, or gone."""
    bay = alice.bay(uuid)
    return bay is None or bay['status'] == 'DELETE_IN_PROGRESS'


class Bays:
    NODES = 1
    RESIZED = 2

    @covers('bay-create')
    def test_create(self, bay: Output, alice: Person, prefix: str) -> None:
        made = alice.get(f'/bays/{prefix}-bay')
        assert made['uuid'] in bay.printed
        assert (made['node_count'], made['master_count']) == (self.NODES, 1)

    @covers('bay-list')
    def test_list(self, magnum_cli: Shell, bay: Output, prefix: str) -> None:
        (row,) = [r for r in magnum_cli('bay-list').rows if r['name'] == f'{prefix}-bay']
        assert row['uuid'] in bay.printed
        assert (row['node_count'], row['master_count']) == (str(self.NODES), '1')
        assert row['status'] in ('CREATE_IN_PROGRESS', 'CREATE_COMPLETE')

    @covers('bay-show')
    def test_show(self, magnum_cli: Shell, bay: Output, settle: Settle, prefix: str) -> None:
        built = settle(f'{prefix}-bay', 'CREATE_COMPLETE')
        shown = magnum_cli('bay-show', f'{prefix}-bay').fields
        for member in ('uuid', 'status', 'api_address'):
            assert shown[member] == built[member]
        assert shown['stack_id'] == built['cluster_id']
        assert shown['node_addresses'] == str(built['node_addresses'])
        assert shown['baymodel_id'] == built['cluster_template_id']
        assert 'nobody could not be found' in magnum_cli.refused('bay-show', 'nobody')

    @covers('ca-show', 'ca-sign')
    def test_certificates(
        self, magnum_cli: Shell, bay: Output, settle: Settle, prefix: str,
        tmp_path: pathlib.Path,
    ) -> None:
        settle(f'{prefix}-bay', 'CREATE_COMPLETE')
        request = certificates.Request()
        signed = magnum_cli(
            'ca-sign', '--bay', f'{prefix}-bay', '--csr', request.write(tmp_path)
        ).pem
        request.check(signed, magnum_cli('ca-show', '--bay', f'{prefix}-bay').pem)

    @covers('bay-update')
    def test_update(self, magnum_cli: Shell, bay: Output, settle: Settle, prefix: str) -> None:
        settle(f'{prefix}-bay', 'CREATE_COMPLETE')
        magnum_cli('bay-update', f'{prefix}-bay', 'replace', f'node_count={self.RESIZED}')
        resized = settle(f'{prefix}-bay', 'UPDATE_COMPLETE')
        assert resized['node_count'] == len(resized['node_addresses']) == self.RESIZED
        assert 'cannot change bay property(ies) name' in magnum_cli.refused(
            'bay-update', f'{prefix}-bay', 'replace', 'name=another'
        )

    def check_config(
        self, magnum_cli: Shell, bay: Output, prefix: str, tmp_path: pathlib.Path
    ) -> dict[str, str]:
        """Run ``bay-config``, which needs a built bay; what it exports."""
        printed = magnum_cli('bay-config', f'{prefix}-bay', '--dir', str(tmp_path))
        certificates.check_files(tmp_path)
        return printed.exports


class LastOfBays:
    """Comes after all that needs the bay."""

    @covers('bay-delete')
    def test_delete(self, magnum_cli: Shell, bay: Output, alice: Person, prefix: str) -> None:
        uuid = alice.get(f'/bays/{prefix}-bay')['uuid']
        magnum_cli('bay-delete', f'{prefix}-bay')
        assert is_going(alice, uuid)
