"""Nodes that hold certificates and follow their bay's authorities."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import webob
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from oslo_config import cfg
from sqlalchemy import orm

from magnum.api.bootstrap import signatures
from magnum.certificates.service import CertificateService, public_key_of
from magnum.db import models
from magnum.db.engine import Database
from magnum.db.repositories import nodes
from magnum.domain.node_certificates import NodeAddresses
from tests.fakes import bootstrap
from tests.fakes.driver import FakeDriver
from tests.fakes.servers import FakeServers, NoWakeUp
from tests.fakes.tokens import FakeTokens
from tests.unit.certificates import csr
from tests.unit.certificates.reporting import pem
from tools.common.node_signatures import signed

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

    def post(
        self, path: str, body: str, headers: Mapping[str, str] | None = None
    ) -> webob.Response:
        request = bootstrap.request(path)
        request.body = body.encode()
        request.headers.update(headers or {})
        return request.get_response(self._app)


class FakeNode:
    """A node that has booted: one key, its certificate, and what it trusts.

    Its scripts are of an earlier release, which asked with signing requests.
    """

    def __init__(self, service: Bootstrap, bay_uuid: str, name: str, role: str = 'worker'):
        self.service = service
        self.bay_uuid = bay_uuid
        self.name = name
        self.role = role
        self.key = ec.generate_private_key(ec.SECP256R1())
        kind = FakeDriver().node_certificates(role)[PURPOSE]
        with service.database.writing() as session:
            self.trusted = service.certificates.trusted(session, bay_uuid) or ''
            row = nodes.register(
                session, bay_uuid, role, name, None, 'server', NodeAddresses(),
                {PURPOSE: public_key_of(self.csr())},
            )
            self.introduce(session, row)
            issued = service.certificates.sign_node_csr(
                session, bay_uuid, role, name, PURPOSE, kind, NodeAddresses(), self.csr()
            )
        self.certificate = issued.pem

    def introduce(self, session: orm.Session, row: models.Node) -> None:
        """What else it shows when it is registered."""

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

    def news(self) -> str | None:
        """What the bay trusts, unless the node does."""
        answer = self.ask()
        if answer.status_int == 204:
            return None
        assert answer.status_int == 200, answer.text
        return str(answer.text)

    def given(self, answer: webob.Response) -> str:
        """The certificate of an answer."""
        assert answer.status_int == 200, answer.text
        return str(answer.text)

    def follow(self) -> bool:
        """One round of the node's; whether there was something new."""
        news = self.news()
        if news is None:
            return False
        self.certificate, self.trusted = self.given(self.reissue()), news
        assert self.news() is None
        return True

    def accepts(self, other: 'FakeNode') -> bool:
        """Whether it would take the other's certificate."""
        certificate = x509.load_pem_x509_certificate(other.certificate.encode())
        return any(
            _is_by(certificate, authority)
            for authority in x509.load_pem_x509_certificates(self.trusted.encode())
        )


class SigningNode(FakeNode):
    """One that signs what it asks for, with a key of its own."""

    def introduce(self, session: orm.Session, row: models.Node) -> None:
        self.own_key = ec.generate_private_key(ec.SECP256R1())
        key = signatures.public_key(pem(self.own_key))
        nodes.bind(session, row, signatures.PURPOSE, signatures.fingerprint(key))
        nodes.let_report(session, row, key)

    def ask(self) -> webob.Response:
        told = hashlib.sha256(self.trusted.encode()).hexdigest()
        return self._post('authorities', {'trusts': told})

    def reissue(self) -> webob.Response:
        return self._post('certificates', {'requests': {PURPOSE: self.csr()}})

    def news(self) -> str | None:
        answer = self.ask()
        assert answer.status_int == 200, answer.text
        found: str | None = answer.json['authorities']
        return found

    def given(self, answer: webob.Response) -> str:
        assert answer.status_int == 200, answer.text
        ((purpose, certificate),) = answer.json['certificates'].items()
        assert purpose == PURPOSE
        return str(certificate)

    def _post(self, path: str, document: Any) -> webob.Response:
        body = json.dumps(document)
        headers = signed(
            self.own_key, body.encode(), f'{self.bay_uuid}/{self.role}/{self.name}',
            f'magnum/{path}',
        )
        return self.service.post(f'/{self.bay_uuid}/{path}?node={self.name}', body, headers)


def _is_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:
        return False
    return True
