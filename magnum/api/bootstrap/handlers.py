"""What nodes ask for that are built: the bay's authority, and their certificates.

A node that is being built shows the token in the header X-Bootstrap-Token.
Whoever has no good token or key learns nothing: whatever is wrong with it or
with the bay, the answer is the same. Which node may have a certificate is the
question of :mod:`magnum.api.bootstrap.admission`, what it asks for later that of
:mod:`magnum.api.bootstrap.following`. What the layers below refuse,
:mod:`magnum.api.requests.refusals` tells.
"""

import functools
import logging

import webob
from sqlalchemy.orm import Session

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.api.bootstrap.access import Parts, argument, body
from magnum.api.bootstrap.admission import Applicant, Confirmed, Standing
from magnum.certificates.bootstrap import ROLES
from magnum.certificates.errors import AuthorityMissing
from magnum.certificates.requests import MAX_PEM_LENGTH
from magnum.certificates.service import CertificateService, public_key_of
from magnum.db import models
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate
from magnum.drivers.contract import Driver

LOG = logging.getLogger(__name__)


class BootstrapController:
    """What nodes are given: authorities and certificates."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._certificates = parts.certificates

    def authority(self, request: webob.Request, request_id: str, bay: str) -> str:
        """POST of a node that is built: the certificate of the bay's authority."""
        with self._parts.reading() as session:
            node = self._parts.by_token(session, bay, request)
            pem = self._certificates.trusted(session, node.bay.uuid)
        if pem is None:
            raise AuthorityMissing(node.bay.uuid)
        LOG.info('%s: authority given to a %s of bay %s', request_id, node.role, node.bay.uuid)
        return pem

    def certificate(
        self, request: webob.Request, request_id: str, bay: str, purpose: str
    ) -> str:
        """POST of a node that is built: a certificate, for its signing request."""
        # The body can be read once, and the transaction may be repeated.
        read = functools.cache(lambda: read_csr(request))

        def attempt(
            session: Session,
            applicant: Applicant,
            operation: models.Operation,
            confirmed: Confirmed | None,
        ) -> str | Standing:
            certificate = node_certificate(applicant.driver, applicant.role, purpose)
            csr = read()
            standing, addresses = admission.judge(
                session, applicant, operation, purpose, public_key_of(csr), confirmed
            )
            if standing is not Standing.ADMITTED:
                return standing
            return sign(
                self._certificates, session, applicant, purpose, certificate, addresses, csr,
                request_id, bool(argument(request, 'renews')),
            )

        return self._parts.admit(request, bay, attempt)


def node_certificate(driver: Driver, role: str, purpose: str) -> NodeCertificate:
    """What the driver says of a purpose, for nodes of this role."""
    certificate = driver.node_certificates(role).get(purpose)
    if certificate is not None:
        return certificate
    if any(purpose in driver.node_certificates(other) for other in ROLES):
        raise errors.APIError(
            errors.bootstrap.PURPOSE_REFUSED, f'A {role} may not have this certificate.'
        )
    raise errors.APIError(
        errors.bootstrap.UNKNOWN_PURPOSE, 'No node has a certificate of this purpose.'
    )


def sign(
    certificates: CertificateService,
    session: Session,
    applicant: Applicant,
    purpose: str,
    certificate: NodeCertificate,
    addresses: NodeAddresses,
    csr: str,
    request_id: str,
    renews: bool,
) -> str:
    """Have a certificate of a node that may have it signed, in PEM."""
    bay = applicant.bay
    issued = certificates.sign_node_csr(
        session, bay.uuid, applicant.role, applicant.name, purpose, certificate, addresses,
        csr, renews,
    )
    LOG.info(
        '%s: certificate %s (%s) given to the %s %s of bay %s',
        request_id, issued.serial, purpose, applicant.role, applicant.name, bay.uuid,
    )
    return issued.pem


def read_csr(request: webob.Request) -> str:
    """The signing request that a body is, if it is one."""
    # PEM is ASCII; what is not makes the text no PEM, and is refused as such.
    return body(request, MAX_PEM_LENGTH).decode('ascii', 'replace')
