"""What the steps of operations and the API ask of certificates."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.certificates import authority, node_requests, requests, user_requests
from magnum.certificates.authority import Authority, IssuedCertificate, PrivatePair
from magnum.certificates.bootstrap import BootstrapTokens
from magnum.certificates.errors import AuthorityMissing
from magnum.certificates.sealing import Sealer
from magnum.certificates.stores import CertificateStore
from magnum.certificates.stores.database import DatabaseStore
from magnum.certificates.subjects import SubjectPolicy
from magnum.db import models
from magnum.domain.node_certificates import NodeCertificate

AUTHORITY = 'ca'
SERVICE = 'service'

_ISSUED_TO_LENGTH = 255
_ISSUED: Final[sa.Table] = models.IssuedCertificate.__table__  # type: ignore[assignment]
_RECORD: Final = sa.insert(_ISSUED)


class CertificateService:
    """Everything about the certificates of bays.

    Every method works in the transaction of the session it is given, and
    commits nothing itself.

    :param sealer: made from the configuration when left out.
    :raises SealingError: the operator's keys are missing or malformed.
    :raises SubjectRuleInvalid: ``[x509] subject_rule`` is malformed.
    """

    def __init__(self, conf: cfg.ConfigOpts, sealer: Sealer | None = None):
        sealer = sealer or Sealer.from_config(conf)
        self._conf = conf
        self._store: CertificateStore = DatabaseStore(sealer)
        self._policy = SubjectPolicy.from_config(conf)
        self._extension_rules = user_requests.ExtensionRules.from_config(conf)
        self.tokens = BootstrapTokens(sealer)

    def ensure_authority(self, session: Session, bay_uuid: str, bay_name: str | None) -> None:
        """Make a bay's authority and the service's own certificate, once."""
        if self._store.load_certificate(session, bay_uuid, AUTHORITY) is None:
            pair = authority.create_authority(self._conf, bay_uuid, bay_name)
            self._store.save(session, bay_uuid, AUTHORITY, pair)
        if self._store.load_certificate(session, bay_uuid, SERVICE) is None:
            pair = self._authority(session, bay_uuid).create_service_pair()
            self._store.save(session, bay_uuid, SERVICE, pair)

    def authority_certificate(self, session: Session, bay_uuid: str) -> str | None:
        """The authority's certificate, PEM; None before there is one."""
        return self._store.load_certificate(session, bay_uuid, AUTHORITY)

    def service_pair(self, session: Session, bay_uuid: str) -> PrivatePair | None:
        """What the service itself shows to a bay; None before there is one."""
        return self._store.load(session, bay_uuid, SERVICE)

    def sign_user_csr(
        self,
        session: Session,
        bay_uuid: str,
        coe: str,
        csr_pem: str,
        roles: Collection[str],
        issued_to: str,
    ) -> IssuedCertificate:
        """Sign a user's request and write it down.

        :param roles: the caller's; they bound the subject.
        :param issued_to: the caller's user id.
        :raises InvalidCSR: malformed, or asking for what nobody may have.
        :raises SubjectRefused: asking for more than the roles allow.
        :raises AuthorityMissing: the bay has no authority yet.
        :raises AuthorityExpired: its authority signs no more.
        """
        request = requests.read(csr_pem)
        rule = self._policy.check(request.subject, roles, coe)
        extensions = self._extension_rules.apply(request.extensions)
        if rule.is_bounding:
            extensions = user_requests.client_only(extensions)
        issued = self._authority(session, bay_uuid).issue(
            request.subject, request.public_key, extensions
        )
        _record(session, bay_uuid, issued, issued_to)
        return issued

    def sign_node_csr(
        self,
        session: Session,
        bay_uuid: str,
        role: str,
        node_name: str,
        purpose: str,
        node_certificate: NodeCertificate,
        csr_pem: str,
    ) -> IssuedCertificate:
        """Sign a node's request and write it down.

        :param node_certificate: what the driver says of ``purpose``.
        :raises InvalidCSR: malformed, or asking for a name of another.
        :raises AuthorityMissing: the bay has no authority yet.
        :raises AuthorityExpired: its authority signs no more.
        """
        request = requests.read(csr_pem)
        issued = self._authority(session, bay_uuid).issue(
            node_requests.subject(node_certificate, node_name),
            request.public_key,
            node_requests.extensions(node_certificate, node_name, request),
        )
        _record(session, bay_uuid, issued, f'{role}/{node_name}/{purpose}')
        return issued

    def forget(self, session: Session, bay_uuid: str) -> None:
        """Drop a bay's keys and tokens; what was issued stays on record."""
        self._store.delete(session, bay_uuid)
        self.tokens.forget(session, bay_uuid)

    def _authority(self, session: Session, bay_uuid: str) -> Authority:
        pair = self._store.load(session, bay_uuid, AUTHORITY)
        if pair is None:
            raise AuthorityMissing(bay_uuid)
        return Authority(self._conf, pair)


def _record(session: Session, bay_uuid: str, issued: IssuedCertificate, issued_to: str) -> None:
    # A statement, for an object that nobody reads costs more than all the signing.
    session.execute(_RECORD, {
        'bay_uuid': bay_uuid,
        'serial': issued.serial,
        'subject': issued.subject,
        'fingerprint': issued.fingerprint,
        'not_before': issued.not_before,
        'not_after': issued.not_after,
        'issued_to': issued_to[:_ISSUED_TO_LENGTH],
    })
