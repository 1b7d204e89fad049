"""Nodes that report: rows as registrations leave them, keys of their own, signed requests."""

import base64
import dataclasses
import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tools.bench.contenders import Ours, Row, Seeded, insert
from tools.common.node_signatures import signed

#: Of every bay.
MASTERS: Final = 1
WORKERS: Final = 4
_CREATED: Final = '2026-01-01 00:00:00'
_WELL: Final = {'status': 'True', 'reason': 'Well', 'message': ''}
_VERSIONS: Final = {
    'os': 'Debian GNU/Linux 12 (bookworm)', 'containerd': '1.6.20', 'kubelet': 'v1.34.1',
    'agent': '1',
}
_OF_ALL: Final = ('Certificates', 'Clock', 'Disk', 'Node', 'Services')


@dataclasses.dataclass
class Reporter:
    """One node."""

    bay: str
    role: str
    name: str
    key: ec.EllipticCurvePrivateKey = dataclasses.field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def path(self) -> str:
        """Where it reports."""
        return f'/v1/bootstrap/{self.bay}/report?node={self.name}'

    def report(self, **said: Any) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a report of a node that is ready and well.

        :param said: conditions that are otherwise.
        """
        of_role = ('ControlPlane',) if self.role == 'master' else ()
        body = json.dumps({
            'sequence': time.time_ns() // 1_000_000, 'state': 'ready', 'step': None,
            'position': None, 'steps': None, 'lines': [],
            'conditions': {**dict.fromkeys((*_OF_ALL, *of_role), _WELL), **said},
            'versions': _VERSIONS, 'trusts': 64 * '0',
        }).encode()
        keyid = f'{self.bay}/{self.role}/{self.name}'
        signature = signed(self.key, body, keyid, 'magnum/report')
        return body, {'Content-Type': 'application/json', **signature}

    def row(self) -> Row:
        """Its row, before its first report."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            'created_at': _CREATED, 'bay_uuid': self.bay, 'role': self.role, 'name': self.name,
            'server_id': f'server-{self.name}', 'addresses': '[]', 'api_addresses': '[]',
            'public_keys': json.dumps({'agent': hashlib.sha256(public).hexdigest()}),
            'signing_key': _base64(public), 'is_silent': 0, 'is_changed': 0,
        }


def seed(contender: Ours, bays: int) -> tuple[Seeded, Sequence[Reporter]]:
    """Bays, complete, and their nodes, registered."""
    seeded = contender.seed(templates=1, bays=bays)
    reporters = [
        reporter for number, bay in enumerate(seeded.bays) for reporter in _of_bay(number, bay)
    ]
    with contender.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE nodegroup SET node_count = %s WHERE role = 'worker'", (WORKERS,))
        cursor.execute('START TRANSACTION')
        insert(cursor, 'node', (reporter.row() for reporter in reporters))
        cursor.execute('COMMIT')
        cursor.execute('ANALYZE TABLE node')
    return seeded, reporters


def _of_bay(number: int, bay: str) -> Iterable[Reporter]:
    from magnum.domain.stack_names import stack_name

    stack = stack_name(f'bay-{number:05}', bay)
    for role, word, count in (('master', 'master', MASTERS), ('worker', 'node', WORKERS)):
        for index in range(count):
            yield Reporter(bay, role, f'{stack}-{word}-{index}')


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode('ascii')
