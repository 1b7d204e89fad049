"""Who is taken into a swarm: real TLS, made-up Docker engines."""

import datetime
import http.client
import http.server
import importlib.util
import ipaddress
import json
import pathlib
import ssl
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import magnum.drivers
from magnum.certificates.authority import key_usage

SCRIPT = pathlib.Path(magnum.drivers.__file__).parent / 'swarm/node/join_service.py'
TOKENS = {'Worker': 'SWMTKN-worker', 'Manager': 'SWMTKN-manager'}


class Authority:
    """A certificate authority that writes what it issues to a folder.

    With the extensions that Python 3.13 wants by default; Magnum's own have them.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'bay')])
        certificate = (
            self._builder(self.name, self.key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(key_usage('key_cert_sign'), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self._write('ca.pem', certificate)

    def issue(self, file: str, organization: str) -> None:
        """<file>.pem and <file>.key, for 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)])
        address = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self._write(f'{file}.pem', certificate)
        (self.folder / f'{file}.key').write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )

    def _write(self, file: str, certificate: x509.Certificate) -> None:
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        (self.folder / file).write_bytes(pem)


class Engine(http.server.ThreadingHTTPServer):
    """A Docker engine: tells a manager's tokens, remembers what it should join."""

    def __init__(self, context: ssl.SSLContext | None = None):
        super().__init__(('127.0.0.1', 0), EngineHandler)
        self.joined: list[dict[str, Any]] = []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05})
        self.thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Refused handshakes are what some tests want."""

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class EngineHandler(http.server.BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        self._answer({'JoinTokens': TOKENS})

    def do_POST(self) -> None:
        length = int(self.headers['Content-Length'])
        self.server.joined.append(json.loads(self.rfile.read(length)))
        self._answer(None)

    def _answer(self, body: Any) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'' if body is None else json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    bay = Authority(tmp_path)
    bay.issue('client', 'magnum:masters')
    return bay


@pytest.fixture
def manager() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture
def service(
    authority: Authority, manager: Engine, monkeypatch: pytest.MonkeyPatch
) -> types.ModuleType:
    monkeypatch.setenv('MAGNUM_DOCKER_PORT', '0')
    monkeypatch.setenv('MAGNUM_JOIN_PORT', '0')
    monkeypatch.setenv('MAGNUM_NODE_ADDRESS', '10.0.0.5')
    specification = importlib.util.spec_from_file_location('join_service', SCRIPT)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, 'CERTIFICATES', f'{authority.folder}/')
    monkeypatch.setattr(
        module,
        'UnixConnection',
        lambda host: http.client.HTTPConnection('127.0.0.1', manager.server_address[1]),
    )
    return module


def _node(
    authority: Authority, organization: str, service: types.ModuleType, trusts: pathlib.Path
) -> Engine:
    authority.issue('node', organization)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(trusts / 'ca.pem'))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(authority.folder / 'node.pem', authority.folder / 'node.key')
    engine = Engine(context)
    vars(service)['DOCKER_PORT'] = engine.server_address[1]
    return engine


@pytest.mark.parametrize(
    ('organization', 'role'), [('magnum:masters', 'Manager'), ('magnum:workers', 'Worker')]
)
def test_nodes_join_as_what_their_certificate_says(
    service: types.ModuleType, authority: Authority, organization: str, role: str
) -> None:
    node = _node(authority, organization, service, authority.folder)
    try:
        service.take_in('127.0.0.1')
    finally:
        node.stop()
    (joined,) = node.joined
    assert joined['JoinToken'] == TOKENS[role]
    assert joined['RemoteAddrs'] == ['10.0.0.5:2377']
    assert joined['AdvertiseAddr'] == '127.0.0.1'


def test_others_of_the_bay_are_not_taken_in(
    service: types.ModuleType, authority: Authority
) -> None:
    node = _node(authority, 'system:masters', service, authority.folder)
    try:
        with pytest.raises(RuntimeError, match='no node'):
            service.take_in('127.0.0.1')
    finally:
        node.stop()
    assert node.joined == []


def test_strangers_are_not_taken_in(
    service: types.ModuleType, authority: Authority, tmp_path: pathlib.Path
) -> None:
    (tmp_path / 'other').mkdir()
    stranger = Authority(tmp_path / 'other')
    node = _node(stranger, 'magnum:workers', service, authority.folder)
    try:
        with pytest.raises(ssl.SSLCertVerificationError):
            service.take_in('127.0.0.1')
    finally:
        node.stop()
    assert node.joined == []
