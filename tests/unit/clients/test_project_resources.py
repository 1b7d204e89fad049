"""Shares of Manila, which no cloud of the tests has, by a server that says what it documents."""

import http.server
import json
import urllib.parse
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from keystoneauth1 import token_endpoint

from magnum.clients.project_resources import ProjectResources, Share
from magnum.clients.sessions import QuietSession
from magnum.domain.bay_resources import SHARE_CLUSTER_KEY
from tests.fakes.listening import listening


def _row(number: int, cluster: str, project: str = 'demo') -> dict[str, Any]:
    return {
        'id': str(number), 'name': f'pvc-{number}', 'project_id': project,
        'metadata': {SHARE_CLUSTER_KEY: cluster} if cluster else {},
    }


ROWS = [_row(1, 'mine'), _row(2, 'other'), _row(3, 'mine', 'foreign'), _row(4, ''), _row(5, 'mine')]


class _Manila(http.server.BaseHTTPRequestHandler):
    """With pages of three shares, and a filter that does nothing."""

    asked: list[dict[str, str]] = []

    def do_GET(self) -> None:
        path, _, query = self.path.partition('?')
        root = f'http://{self.headers["Host"]}/v2/'
        found: dict[str, Any] = {'versions': [{
            'id': 'v2.0', 'status': 'CURRENT', 'version': '2.78', 'min_version': '2.0',
            'links': [{'rel': 'self', 'href': root}],
        }]}
        if path == '/v2/shares/detail':
            asked = dict(urllib.parse.parse_qsl(query))
            self.asked.append(asked)
            after = int(asked.get('marker', 0))
            rows = [row for row in ROWS if int(row['id']) > after]
            found = {'shares': rows[:3]}
            if rows[3:]:
                found['shares_links'] = [{'rel': 'next', 'href': f'{root}shares/detail'}]
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    _Manila.asked.clear()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Manila)
    with listening(server):
        yield f'http://127.0.0.1:{server.server_port}/v2/'


def test_shares_of_a_cluster_are_found_by_their_metadata(url: str) -> None:
    session = QuietSession(auth=token_endpoint.Token(url, 'a-token'))
    where: Any = SimpleNamespace(interface='public', region_name=None)
    found = ProjectResources(session, where).shares('demo', SHARE_CLUSTER_KEY, 'mine')
    assert found == [Share('1', 'pvc-1'), Share('5', 'pvc-5')]
    first, second = _Manila.asked
    assert first == {
        'all_tenants': '1', 'project_id': 'demo', 'metadata': f"{{'{SHARE_CLUSTER_KEY}': 'mine'}}",
    }
    assert second == {**first, 'marker': '3'}
