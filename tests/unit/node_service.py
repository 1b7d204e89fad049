"""The endpoint of nodes as nodes see it, small, for tests of what nodes do."""

import contextlib
import datetime
import hashlib
import http.server
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from magnum.api.bootstrap import signatures
from tests.fakes.listening import listening

BAY = '5f0e7d52-9a3c-4f5e-8f7e-0a1b2c3d4e5f'


class Authority:
    """One with the extensions that Magnum's own have."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'bay')])
        self.certificate = self._sign(
            self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=0)
        )
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, public_key: Any, minutes: int = 60) -> str:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'some node')])
        kind = x509.BasicConstraints(ca=False, path_length=None)
        leaf = self._sign(subject, public_key, kind, minutes)
        return leaf.public_bytes(serialization.Encoding.PEM).decode()

    def _sign(
        self, subject: x509.Name, key: Any, kind: x509.ExtensionType, minutes: int = 60
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(minutes=minutes))
            .add_extension(kind, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )


class Service:
    """The endpoint of nodes, of one bay that trusts ``authorities``; the first issues.

    :ivar foreign: an authority that issues instead.
    :ivar foreign_key: what it is issued for instead.
    :ivar refuses: purposes that are not issued again.
    :ivar keys: by node and purpose.
    :ivar names: alternative names, by node and purpose.
    :ivar minutes: that its certificates are valid from now on; an hour has passed before.
    :ivar denied: status and code of what it answers instead, by route.
    :ivar others: how many more times a master has to wait for others.
    :ivar agents: public keys of agents, in PEM, by node.
    :ivar reissued: purposes of the certificates that were given anew, by request.
    :ivar reported: states, by node.
    :ivar asked: paths of requests.
    :ivar confirmed: by node, the fingerprint of what it said it trusts.
    :ivar encryption_key: that masters encrypt with; without one there is no such route.
    :ivar failures: what nodes said that failed before they were registered.
    """

    def __init__(self) -> None:
        self.authorities = [Authority()]
        self.foreign: Authority | None = None
        self.foreign_key: Any = None
        self.refuses: set[str] = set()
        self.denied: dict[str, tuple[int, str]] = {}
        self.minutes = 60
        self.others = 0
        self.keys: dict[tuple[str, str], Any] = {}
        self.names: dict[tuple[str, str], Any] = {}
        self.agents: dict[str, str] = {}
        self.reissued: list[list[str]] = []
        self.reported: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.confirmed: dict[str, str] = {}
        self.failures: dict[str, dict[str, Any]] = {}
        self.encryption_key = ''
        self.url = ''

    @property
    def bundle(self) -> str:
        return ''.join(authority.pem for authority in self.authorities)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.bundle.encode()).hexdigest()

    @property
    def ended(self) -> set[str]:
        """Nodes whose boot has ended, well or not."""
        return {node for node, said in self.reported.items() if said[-1] != 'building'}

    def answer(
        self, path: str, query: dict[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        bay, what, *rest = path.removeprefix('/v1/bootstrap/').split('/')
        assert bay == BAY
        self.asked.append('/'.join([what, *rest]))
        if what in self.denied:
            status, code = self.denied[what]
            return status, json.dumps({'errors': [{'code': code, 'detail': 'denied'}]})
        if what == 'ca':
            return 200, self.bundle
        if what == 'report':
            self.reported.setdefault(query['node'], []).append(json.loads(body)['state'])
            return 200, json.dumps({'next': 3600, 'directives': []})
        if what == 'encryption':
            return (404, '') if not self.encryption_key else (
                200, json.dumps({'encryption_key': self.encryption_key})
            )
        if what == 'failure':
            self.failures[query['node']] = json.loads(body)
            return 200, '{}'
        if what == 'register':
            return 200, json.dumps(self.register(query['node'], json.loads(body)))
        if not self._is_signed(what, query['node'], headers, body):
            return 401, ''
        document = json.loads(body)
        if what == 'authorities':
            return self._news(query['node'], document['trusts'])
        assert what == 'certificates'
        return self._reissue(query['node'], document['requests'])

    def _is_signed(self, what: str, node: str, headers: Mapping[str, str], body: bytes) -> bool:
        claim = signatures.claim(headers, 'POST', body)
        return claim is not None and node in self.agents and (
            (claim.bay, claim.node, claim.tag) == (BAY, node, f'magnum/{what}')
            and claim.is_by(signatures.public_key(self.agents[node]))
        )

    def _news(self, node: str, trusts: str) -> tuple[int, str]:
        if trusts == self.fingerprint:
            self.confirmed[node] = self.fingerprint
            return 200, json.dumps({'authorities': None})
        if self.others:
            self.others -= 1
            return 425, ''
        return 200, json.dumps({'authorities': self.bundle})

    def _reissue(self, node: str, requests: dict[str, str]) -> tuple[int, str]:
        given = {}
        for purpose, pem in requests.items():
            request = x509.load_pem_x509_csr(pem.encode())
            assert request.is_signature_valid
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            bound = self.keys.get((node, purpose)), self.names.get((node, purpose))
            if (request.public_key(), names) != bound or purpose in self.refuses:
                return 401, ''
            issuer = self.foreign or self.authorities[0]
            given[purpose] = issuer.issue(
                self.foreign_key or request.public_key(), self.minutes
            )
        self.reissued.append(sorted(given))
        return 200, json.dumps({'certificates': given})

    def register(self, node: str, body: dict[str, Any]) -> dict[str, Any]:
        """Bind the keys of a node; the service's own tests are about who may."""
        certificates = {}
        for purpose, pem in body['requests'].items():
            request = x509.load_pem_x509_csr(pem.encode())
            assert request.is_signature_valid
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.keys[node, purpose], self.names[node, purpose] = request.public_key(), names
            certificates[purpose] = self.authorities[0].issue(request.public_key(), self.minutes)
        self.agents[node] = body['public_key']
        return {'authorities': self.bundle, 'certificates': certificates, 'next': 5}


@contextlib.contextmanager
def serve() -> Iterator[Service]:
    """Such a service."""
    made_up = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            headers = {name.title(): text for name, text in self.headers.items()}
            self._say(*made_up.answer(url.path, query, headers, self._body()))

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get('Content-Length', 0)))

        def _say(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header('Content-Length', str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 100

    server = Server(('127.0.0.1', 0), Handler)
    made_up.url = f'http://127.0.0.1:{server.server_port}'
    with listening(server):
        yield made_up
