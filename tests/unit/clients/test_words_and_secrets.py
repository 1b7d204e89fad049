"""What Heat, Nova and Keystone are told and say does not come to the log."""

import http.server
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from keystoneauth1 import session as keystone_session
from keystoneauth1 import token_endpoint
from novaclient import client as nova_client

from magnum.clients.errors import CloudRefused, calling
from magnum.clients.heat import HeatClient
from magnum.clients.sessions import QuietSession
from tests.fakes.listening import listening

TOKEN = 'the-token-of-the-bay'
SECRETS = ('bootstrap-token-1', 'the-password', 'https://heat/signed?Signature=abc', TOKEN)
WORDS = 'failed\n<b>really</b>\x1b[31m\x00'


class _Cloud(http.server.BaseHTTPRequestHandler):
    """Says everything that it was told, and a signed URL."""

    def do_GET(self) -> None:
        self._answer(200, {
            'stack': {
                'id': '1', 'stack_name': 's', 'stack_status': 'CREATE_FAILED',
                'stack_status_reason': WORDS,
                'outputs': [{'output_key': 'url', 'output_value': SECRETS[2]}],
            },
            'resources': [{
                'resource_name': 'wait', 'resource_type': 'OS::Heat::WaitCondition',
                'resource_status': 'CREATE_FAILED', 'resource_status_reason': WORDS,
                'physical_resource_id': '', 'links': [],
            }],
            'servers': [],
        })

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if 'octavia' in told:
            said = 'Invalid state PENDING_UPDATE of loadbalancer'
            self._answer(409, {'faultcode': 'Client', 'faultstring': said, 'debuginfo': None})
        elif 'user_data' in str(told):
            self._answer(400, {'badRequest': {'message': WORDS, 'code': 400}})
        else:
            self._answer(201, {'stack': {'id': '1', 'told': told, 'url': SECRETS[2]}})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('X-Subject-Token', TOKEN)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope='module')
def url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Cloud)
    with listening(server):
        yield f'http://127.0.0.1:{server.server_port}/v1/project'


def _heat(kind: type[keystone_session.Session], url: str) -> HeatClient:
    session = kind(auth=token_endpoint.Token(url, TOKEN))
    where: Any = SimpleNamespace(interface='public', region_name=None)
    return HeatClient(session, where)


def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever an operator sets in default_log_levels."""
    caplog.set_level(logging.DEBUG)
    for name in ('keystoneauth', 'heatclient', 'novaclient', 'urllib3', 'requests', 'magnum'):
        caplog.set_level(logging.DEBUG, name)


def _use(kind: type[keystone_session.Session], url: str) -> None:
    heat = _heat(kind, url)
    parameters = {'worker_bootstrap_token': SECRETS[0], 'password': SECRETS[1]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_endpoint.Token, 'invalidate', lambda self: True)
        heat.create('s', 'heat_template_version: 2021-04-16', {}, parameters, 5, ['t'])
    heat.get('1', outputs=True)
    nova = nova_client.Client(
        '2.1', session=kind(auth=token_endpoint.Token(url, TOKEN)), endpoint_override=url
    )
    nova.servers.list()


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture, url: str) -> None:
    _everything_is_logged(caplog)
    _use(QuietSession, url)
    assert 'orchestration.create_stack' in caplog.text
    for secret in SECRETS:
        assert secret not in caplog.text


def test_a_session_of_the_library_would_log_them(
    caplog: pytest.LogCaptureFixture, url: str
) -> None:
    """So the test above can fail."""
    _everything_is_logged(caplog)
    _use(keystone_session.Session, url)
    for secret in SECRETS[:3]:
        assert secret in caplog.text


def test_words_of_nodes_are_on_one_line(url: str) -> None:
    heat = _heat(QuietSession, url)
    (resource,) = heat.failed_resources('1')
    stack = heat.get('1')
    assert stack is not None
    assert resource.reason == stack.reason == 'failed (b)really(/b)'


def test_words_of_the_cloud_are_on_one_line(url: str) -> None:
    session = QuietSession(auth=token_endpoint.Token(url, TOKEN))
    with pytest.raises(CloudRefused) as caught, calling('compute', 'create_server'):
        session.post(url, json={'user_data': ''})
    assert '\n' not in str(caught.value)
    assert '<' not in str(caught.value)


def test_words_of_octavia_are_kept(url: str) -> None:
    """Its errors have a form of their own."""
    session = QuietSession(auth=token_endpoint.Token(url, TOKEN))
    with pytest.raises(CloudRefused) as caught, calling('load-balancer', 'delete'):
        session.post(url, json={'octavia': 'user_data'})
    assert 'Invalid state PENDING_UPDATE' in caught.value.reason
