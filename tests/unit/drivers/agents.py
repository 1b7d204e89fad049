"""A node's agent below a folder, and a service that takes what it says."""

import base64
import contextlib
import dataclasses
import email.utils
import errno
import hashlib
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from magnum.drivers import settings
from magnum.drivers.common.node.agent import certificates, conditions
from magnum.drivers.common.node.agent.channel import Channel
from magnum.drivers.common.node.agent.node import Node
from tests.fakes.listening import listening
from tests.unit.drivers import node_files
from tests.unit.node_service import BAY, Authority

NAME = 'bay-node-0'
INPUT = re.compile(
    r'magnum=\("@method" "content-digest"\);created=(?P<created>\d+);nonce="(?P<nonce>[^"]{16,})"'
    r';keyid="(?P<keyid>[^"]+)";alg="ecdsa-p256-sha256";tag="(?P<tag>[^"]+)"'
)


@dataclasses.dataclass
class Answer:
    """What the service says: a status with a document, an error's code or other headers."""

    status: int = 200
    document: Any = None
    code: str = ''
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Said:
    """A request of a node, of which the signature has been verified, if it had one."""

    path: str
    body: Any
    headers: Mapping[str, str]
    tag: str = ''
    nonce: str = ''
    created: int = 0


class Service:
    """Verifies what nodes send, and answers as told.

    :ivar answers: to the next requests; when there are none, ``next`` in 30 s.
    :ivar strayed: headers of requests that no node makes.
    :ivar ahead: seconds that its clock is ahead; it refuses more than 300.
    """

    def __init__(self) -> None:
        self.authority = Authority()
        self.key: Any = None
        self.answers: list[Answer] = []
        self.said: list[Said] = []
        self.strayed: list[Mapping[str, str]] = []
        self.ahead = 0.0
        self.url = ''

    def reports(self) -> list[Any]:
        return [said.body for said in self.said if said.path.endswith('/report')]

    def answer(self, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        said = Said(path.partition('?')[0], json.loads(content), headers)
        self.said.append(said)
        more = '&renews=true&signs=true' if said.path.endswith('/register') else ''
        assert path.endswith(f'?node={NAME}{more}')
        if 'Signature' in headers:
            self._verify(said, content)
            if abs(said.created - time.time() - self.ahead) > 300:
                return Answer(401, code='magnum.bootstrap.clock')
        if self.answers:
            return self.answers.pop(0)
        if said.path.endswith('/register'):
            return Answer(document=self.registered(said.body))
        return Answer(document={'next': 30, 'directives': []})

    def registered(self, body: Any) -> Any:
        self.key = serialization.load_pem_public_key(body['public_key'].encode())
        return {
            'authorities': self.authority.pem,
            'certificates': {
                purpose: self.authority.issue(x509.load_pem_x509_csr(pem.encode()).public_key())
                for purpose, pem in body['requests'].items()
            },
            'next': 5,
        }

    def _verify(self, said: Said, content: bytes) -> None:
        """Hold a request to RFC 9421; the base of the signature is section 2.5's."""
        parameters = said.headers['Signature-Input'].removeprefix('magnum=')
        found = INPUT.fullmatch(said.headers['Signature-Input'])
        assert found, parameters
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert said.headers['Content-Digest'] == f'sha-256=:{digest}:'
        base = (
            f'"@method": POST\n"content-digest": sha-256=:{digest}:\n'
            f'"@signature-params": {parameters}'
        )
        signature = base64.b64decode(
            said.headers['Signature'].removeprefix('magnum=:').removesuffix(':'), validate=True
        )
        assert len(signature) == 64
        der = utils.encode_dss_signature(
            int.from_bytes(signature[:32], 'big'), int.from_bytes(signature[32:], 'big')
        )
        self.key.verify(der, base.encode(), ec.ECDSA(hashes.SHA256()))
        assert found['keyid'] == f'{BAY}/worker/{NAME}'
        said.tag, said.nonce, said.created = found['tag'], found['nonce'], int(found['created'])


@contextlib.contextmanager
def serve(context: ssl.SSLContext | None = None) -> Iterator[Service]:
    """Such a service on a port of its own."""
    service = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get('Content-Length', 0)))
            try:
                answer = service.answer(self.path, dict(self.headers.items()), content)
            except Exception as fault:
                answer = Answer(500, code=f'{type(fault).__name__}: {fault}')
            document = answer.document
            if answer.code:
                error = {'code': answer.code, 'detail': f'because of {answer.code}'}
                document = {'errors': [error]}
            text = json.dumps(document).encode()
            self.send_response_only(answer.status)
            date = email.utils.formatdate(time.time() + service.ahead, usegmt=True)
            for name, value in {'Date': date, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            service.strayed.append(dict(self.headers.items()))
            self.send_error(404)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    scheme = 'http'
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = 'https'
    service.url = f'{scheme}://localhost:{server.server_port}/v1/bootstrap'
    with listening(server):
        yield service


def make_node(root: pathlib.Path, url: str, **changes: str) -> Node:
    """A node with its settings, below the folder."""
    told = {
        'MAGNUM_BAY_UUID': BAY,
        'MAGNUM_NODE_NAME': NAME,
        'MAGNUM_NODE_ROLE': 'worker',
        'MAGNUM_NODE_ADDRESS': '10.0.0.5',
        'MAGNUM_NODE_PUBLIC_ADDRESS': '',
        'MAGNUM_API_ADDRESS': '10.0.0.9',
        'MAGNUM_BOOTSTRAP_URL': url,
        'MAGNUM_BOOTSTRAP_TOKEN': 'the-token',
        'MAGNUM_CERTIFICATES': 'server',
        'MAGNUM_VERIFY_CA': 'true',
        'MAGNUM_HTTP_PROXY': '',
        'MAGNUM_HTTPS_PROXY': '',
        'MAGNUM_NO_PROXY': '',
        **changes,
    }
    file = root / 'etc/magnum/node.env'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(settings.shell(told))
    return Node(root)


def registered(
    root: pathlib.Path, service: Service, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> Node:
    """A node that has registered, and whose conditions count at once."""
    monkeypatch.setattr(conditions, 'SETTLING', 0)
    made = make_node(root, service.url, **settings)
    certificates.register(made, Channel(made))
    service.said.clear()
    return made


def refuse_writes(
    node: Node, monkeypatch: pytest.MonkeyPatch, but: str = '', number: int = errno.ENOSPC
) -> None:
    """Let no file of a node be written from now on.

    :param but: the folder or file that can be.
    :param number: of the error.
    """
    real = os.open

    def refuse(path: str, flags: int, *more: Any, **named: Any) -> int:
        is_spared = but and path.startswith(str(node.path(but)))
        if flags & os.O_WRONLY and path.startswith(str(node.root)) and not is_spared:
            raise OSError(number, os.strerror(number), path)
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, 'open', refuse)


def script(node: Node, name: str, text: str) -> None:
    """Give a node a script that its agent runs."""
    file = node.path(f'/opt/magnum/{name}')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('#!/bin/bash\n' + text)
    file.chmod(0o755)


class Program:
    """The agent as nodes run it."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        node_files.place_agent(root)

    def run(
        self, *arguments: str, text: str = '', within: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*within, sys.executable, '-m', 'agent', '--root', str(self.root), *arguments],
            cwd=self.root / 'opt/magnum', input=text, capture_output=True, text=True,
            timeout=60, check=False,
            env={'PATH': f'{self.root}/bin:{os.environ["PATH"]}'},
        )
