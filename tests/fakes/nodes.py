"""Nodes that hold certificates and follow their bay's authorities."""

import hashlib

import webob
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from oslo_config import cfg

from magnum.certificates.service import CertificateService, public_key_of
from magnum.db.engine import Database
from magnum.db.repositories import nodes
from magnum.domain.node_certificates import NodeAddresses
from tests.fakes import bootstrap
from tests.fakes.driver import FakeDriver
from tests.fakes.servers import FakeServers, NoWakeUp
from tests.fakes.tokens import FakeTokens
from tests.unit.certificates import csr

PURPOSE = 'node'


class Bootstrap:
    """The service as nodes see it."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, certificates: CertificateService):
        self.database = database
        self.certificates = certificates
        self.servers = FakeServers()
        self._app = bootstrap.make_app(
            conf, database.writing, database.reading, database.at_once, certificates,
            lambda *_: FakeDriver(), self.servers, NoWakeUp(), FakeTokens(),
        )

    def post(self, path: str, body: str) -> webob.Response:
        request = bootstrap.request(path)
        request.body = body.encode()
        return request.get_response(self._app)


class FakeNode:
    """A node that has booted: one key, its certificate, and what it trusts."""

    def __init__(self, service: Bootstrap, bay_uuid: str, name: str, role: str = 'worker'):
        self.service = service
        self.bay_uuid = bay_uuid
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        kind = FakeDriver().node_certificates(role)[PURPOSE]
        with service.database.writing() as session:
            self.trusted = service.certificates.trusted(session, bay_uuid) or ''
            nodes.register(
                session, bay_uuid, role, name, None, 'server', NodeAddresses(),
                {PURPOSE: public_key_of(self.csr())},
            )
            issued = service.certificates.sign_node_csr(
                session, bay_uuid, role, name, PURPOSE, kind, NodeAddresses(), self.csr()
            )
        self.certificate = issued.pem

    def csr(self) -> str:
        return csr.make(csr.name(CN=self.name), key=self.key)

    def ask(self) -> webob.Response:
        """What the bay trusts, of which the node says what it does."""
        told = hashlib.sha256(self.trusted.encode()).hexdigest()
        arguments = f'node={self.name}&purpose={PURPOSE}&trusts={told}'
        return self.service.post(f'/{self.bay_uuid}/trust?{arguments}', self.csr())

    def reissue(self) -> webob.Response:
        return self.service.post(
            f'/{self.bay_uuid}/reissue/{PURPOSE}?node={self.name}', self.csr()
        )

    def follow(self) -> bool:
        """One round of the node's; whether there was something new."""
        answer = self.ask()
        if answer.status_int == 204:
            return False
        assert answer.status_int == 200, answer.text
        certificate = self.reissue()
        assert certificate.status_int == 200, certificate.text
        self.certificate, self.trusted = certificate.text, answer.text
        assert self.ask().status_int == 204
        return True

    def accepts(self, other: 'FakeNode') -> bool:
        """Whether it would take the other's certificate."""
        certificate = x509.load_pem_x509_certificate(other.certificate.encode())
        return any(
            _is_by(certificate, authority)
            for authority in x509.load_pem_x509_certificates(self.trusted.encode())
        )


def _is_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:
        return False
    return True
