"""Shares, snapshots, servers, by a server that says what is documented.
"""

import http.server
import json
import urllib.parse
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from keystoneauth1 import token_endpoint

from magnum.clients.project_resources import (
    SOFT_DELETED,
    ProjectResources,
    Share,
    ShareSnapshot,
    Snapshot,
)
from magnum.clients.sessions import QuietSession
from magnum.domain.bay_resources import CLUSTER_KEY, SHARE_CLUSTER_KEY
from tests.fakes.listening import listening


def _row(number: int, cluster: str, project: str = 'demo') -> dict[str, Any]:
    return {
        'id': str(number), 'name': f'pvc-{number}', 'project_id': project,
        'metadata': {SHARE_CLUSTER_KEY: cluster} if cluster else {},
    }


ROWS = [_row(1, 'mine'), _row(2, 'other'), _row(3, 'mine', 'foreign'), _row(4, ''), _row(5, 'mine')]


def _snapshot(number: int, cluster: str, project: str = 'demo') -> dict[str, Any]:
    return {
        'id': str(number), 'name': f'snapshot-{number}', 'volume_id': 'v', 'status': 'available',
        'os-extended-snapshot-attributes:project_id': project,
        'metadata': {CLUSTER_KEY: cluster} if cluster else {},
    }


SNAPSHOTS = [
    _snapshot(1, 'mine'), _snapshot(2, 'other'), _snapshot(3, 'mine', 'foreign'), _snapshot(4, ''),
    _snapshot(5, 'mine'),
]
OF_SHARES = [
    {'id': str(number), 'name': None, 'share_id': share}
    for number, share in enumerate(('1', '2', '1', '5', '1'), 1)
]
LISTS = {
    '/v2/shares/detail': ROWS, '/v2/snapshots/detail': OF_SHARES, '/v3/snapshots/detail': SNAPSHOTS,
}
#: Of servers, by id.
STATUSES = {'5': 'ACTIVE', '7': 'DELETED', '8': SOFT_DELETED}


class _Services(http.server.BaseHTTPRequestHandler):
    """Manila, Cinder and Nova, with pages of three rows, and filters that do nothing."""

    asked: list[dict[str, str]] = []

    def do_GET(self) -> None:
        path, _, query = self.path.partition('?')
        version = path.split('/')[1]
        root = f'http://{self.headers["Host"]}/{version}/'
        collection = path.split('/')[2]
        found: dict[str, Any] = {'versions': [{
            'id': f'{version}.0', 'status': 'CURRENT', 'version': f'{version[1]}.78',
            'min_version': f'{version[1]}.0', 'links': [{'rel': 'self', 'href': root}],
        }]}
        if path in LISTS:
            asked = dict(urllib.parse.parse_qsl(query))
            self.asked.append(asked)
            after = int(asked.get('marker', 0))
            rows = [row for row in LISTS[path] if int(row['id']) > after]
            found = {collection: rows[:3]}
            if rows[3:]:
                found[f'{collection}_links'] = [
                    {'rel': 'next', 'href': f'{root}{collection}/detail'}
                ]
        elif path == '/v3/snapshots/5':
            found = {'snapshot': SNAPSHOTS[4]}
        elif path.startswith('/v2.1/servers/'):
            found = {'server': {'status': STATUSES.get(path[-1])}}
        self._answer(404 if path[-1] == '6' else 200, found)

    def do_DELETE(self) -> None:
        self.asked.append({'gone': self.path})
        self._answer(202, {})

    def do_POST(self) -> None:
        length = int(self.headers['Content-Length'])
        self.asked.append({self.path: self.rfile.read(length).decode()})
        self._answer(202, {})

    def _answer(self, status: int, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


Cloud = Callable[[str], ProjectResources]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """The client of a service by the version of its API."""
    _Services.asked.clear()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Services)
    where: Any = SimpleNamespace(interface='public', region_name=None)
    with listening(server):
        url = f'http://127.0.0.1:{server.server_port}'

        def client(version: str) -> ProjectResources:
            auth = token_endpoint.Token(f'{url}/{version}/', 'a-token')
            return ProjectResources(QuietSession(auth=auth), where)

        yield client


def test_shares_of_a_cluster_are_found_by_their_metadata(cloud: Cloud) -> None:
    found = cloud('v2').shares('demo', SHARE_CLUSTER_KEY, 'mine')
    assert found == [Share('1', 'pvc-1'), Share('5', 'pvc-5')]
    first, second = _Services.asked
    assert first == {
        'all_tenants': '1', 'project_id': 'demo', 'metadata': f"{{'{SHARE_CLUSTER_KEY}': 'mine'}}",
    }
    assert second == {**first, 'marker': '3'}


def test_snapshots_of_a_share_are_found(cloud: Cloud) -> None:
    assert cloud('v2').share_snapshots('1') == [ShareSnapshot(id_, '') for id_ in '135']
    first, second = _Services.asked
    assert first == {'all_tenants': '1', 'share_id': '1'}
    assert second == {**first, 'marker': '3'}


def test_snapshots_of_a_cluster_are_found_by_their_metadata(cloud: Cloud) -> None:
    found = cloud('v3').marked_snapshots('demo', CLUSTER_KEY, 'mine')
    assert found == [
        Snapshot(id_, f'snapshot-{id_}', 'v', 'demo', 'available', {CLUSTER_KEY: 'mine'})
        for id_ in '15'
    ]
    first, second = _Services.asked
    assert first == {
        'all_tenants': '1', 'project_id': 'demo', 'metadata': f"{{'{CLUSTER_KEY}': 'mine'}}",
    }
    assert second == {**first, 'marker': '3'}


def test_a_snapshot_is_found_by_its_id_and_goes(cloud: Cloud) -> None:
    client = cloud('v3')
    found = client.snapshot('5')
    assert found
    assert (found.id, found.volume_id, found.status) == ('5', 'v', 'available')
    assert client.snapshot('6') is None
    client.delete_snapshot('5')
    assert _Services.asked == [{'gone': '/v3/snapshots/5'}]


def test_a_server_is_looked_at_and_goes(cloud: Cloud) -> None:
    client = cloud('v2.1')
    assert [client.server_status(id_) for id_ in '5678'] == ['ACTIVE', None, None, SOFT_DELETED]
    client.delete_server('5')
    client.delete_server('8', is_forced=True)
    assert _Services.asked == [
        {'gone': '/v2.1/servers/5'}, {'/v2.1/servers/8/action': '{"forceDelete": null}'},
    ]
