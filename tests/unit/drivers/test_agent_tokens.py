"""The cluster autoscaler gets tokens on a master, as it asks for them: with a password."""

import configparser
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from magnum.drivers.common.node.agent import tokens
from magnum.drivers.common.node.agent.channel import KEY
from magnum.drivers.common.node.agent.node import CLOUD, CLOUD_OF_PURPOSES, Node
from magnum.drivers.contract import CloudAccess
from magnum.drivers.kubernetes import addons
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.fakes.listening import listening
from tests.unit.drivers import agents, plans

DRIVER = KubernetesDriver()


class Keystone:
    """Takes one application credential; what it was asked is kept."""

    def __init__(self) -> None:
        self.secret = 'first'
        self.asked: list[tuple[str, Any]] = []

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((path, body))
        shown = body['auth']['identity'].get('application_credential')
        if shown != {'id': '4ba7', 'secret': self.secret}:
            return 401, {'error': {'code': 401}}
        return 201, {'token': {'catalog': []}}


@contextlib.contextmanager
def serve(keystone: Keystone) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            status, document = keystone.answer(self.path, body)
            self.send_response(status)
            if status == 201:
                self.send_header('X-Subject-Token', f'token-of-{keystone.secret}')
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

    server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
    with listening(server):
        yield f'http://127.0.0.1:{server.server_port}/identity'


def put(node: Node, url: str, secret: str, **changes: Any) -> None:
    """The cloud's file, as the service writes it."""
    access = CloudAccess('4ba7', secret, url, 'Region One', 'ad5e', 'e1f0a9b8')
    plan = plans.plan(DRIVER, **changes)
    node.write(node.path(CLOUD), DRIVER.cloud_configuration(plan, access))


@pytest.fixture
def node(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(tokens, 'GROUP', os.getgid())
    made = agents.make_node(tmp_path, 'http://127.0.0.1:1/v1/bootstrap')
    made.write(made.path(KEY), 'a private key')
    return made


@pytest.fixture
def service(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the autoscaler asks."""
    monkeypatch.setattr(tokens.Tokens, 'node', node, raising=False)
    server = http.server.ThreadingHTTPServer((tokens.HOST, 0), tokens.Tokens)
    with listening(server):
        yield f'http://{tokens.HOST}:{server.server_port}/v3'


def read(node: Node) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(node.path(tokens.CONFIGURATION).read_text())
    assert parser.sections() == ['Global']
    return dict(parser['Global'])


def ask(url: str, password: str) -> tuple[int, str | None, Any]:
    """As gophercloud does with a user's id and password."""
    body: dict[str, Any] = {'auth': {'identity': {
        'methods': ['password'], 'password': {'user': {'id': 'magnum', 'password': password}},
    }}}
    answer = requests.post(f'{url}/auth/tokens', json=body, timeout=20)
    said = answer.json() if answer.status_code == 201 else answer.text
    return answer.status_code, answer.headers.get('X-Subject-Token'), said


def test_the_configuration_has_what_the_autoscaler_knows_and_no_credential(node: Node) -> None:
    put(node, 'https://keystone:5000/v3', 's3cr3t', openstack_ca='PEM')
    tokens.write_configuration(node)
    assert read(node) == {
        'auth-url': 'http://127.0.0.1:10980/v3',
        'user-id': 'magnum',
        'password': hmac.new(b'a private key', b'autoscaler', hashlib.sha256).hexdigest(),
        'region': '"Region One"',
        'ca-file': '/etc/magnum/openstack-ca.pem',
    }
    put(node, 'https://keystone:5000/v3', 's3cr3t')
    file = node.path(tokens.CONFIGURATION)
    before = file.stat()
    tokens.write_configuration(node)
    after = file.stat()
    assert 'ca-file' not in read(node)
    assert after.st_ino == before.st_ino, 'the pod that runs has this very file'
    assert after.st_mode & 0o777 == 0o640


def test_the_group_that_may_read_it_is_that_of_the_pod() -> None:
    values = addons.table()['autoscaler']['values']
    assert values['securityContext']['runAsGroup'] == tokens.GROUP
    assert values['cloudConfigPath'] == tokens.CONFIGURATION
    assert values['hostNetwork'] is True


@pytest.mark.parametrize('suffix', ['', '/', '/v3'])
def test_a_token_is_of_the_credential_that_there_is(
    node: Node, service: str, suffix: str
) -> None:
    keystone = Keystone()
    with serve(keystone) as url:
        put(node, url + suffix, 'first')
        tokens.write_configuration(node)
        password = read(node)['password']
        assert ask(service, password) == (201, 'token-of-first', {'token': {'catalog': []}})
        ((path, body),) = keystone.asked
        assert path == '/identity/v3/auth/tokens'
        # Its scope is the credential's own: Keystone takes no other.
        assert body['auth'].keys() == {'identity'}
        keystone.secret = 'second'
        assert ask(service, password)[0] == 401
        put(node, url + suffix, 'second')
        assert ask(service, password)[:2] == (201, 'token-of-second')


def test_its_own_credential_goes_before_that_of_all(node: Node, service: str) -> None:
    keystone = Keystone()
    with serve(keystone) as url:
        put(node, url, 'first')
        file = node.path(CLOUD)
        node.write(node.path(CLOUD_OF_PURPOSES) / 'autoscaler.conf', file.read_text())
        node.write(node.path(CLOUD_OF_PURPOSES) / 'manila-csi.conf', 'another')
        node.write(file, '[Global]\n')
        tokens.write_configuration(node)
        assert read(node)['region'] == '"Region One"'
        assert ask(service, read(node)['password'])[:2] == (201, 'token-of-first')


def test_nobody_else_gets_one(node: Node, service: str) -> None:
    keystone = Keystone()
    with serve(keystone) as url:
        put(node, url, 'first')
        for password in ('', 'first', 'magnum'):
            status, token, said = ask(service, password)
            assert (status, token) == (401, None)
            assert 'first' not in str(said)
    assert keystone.asked == []


def test_keystone_is_away_for_a_while(
    node: Node, service: str, capfd: pytest.CaptureFixture[str]
) -> None:
    put(node, 'http://127.0.0.1:1/v3', 'first')
    tokens.write_configuration(node)
    password = read(node)['password']
    with pytest.raises(requests.ConnectionError):
        ask(service, password)
    keystone = Keystone()
    with serve(keystone) as url:
        put(node, url, 'first')
        assert ask(service, password)[0] == 201
    # What it says goes into the journal.
    said = capfd.readouterr().err
    assert 'refused' in said
    assert password not in said
    assert 'first' not in said
