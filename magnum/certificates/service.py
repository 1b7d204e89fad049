"""What the steps of operations and the API ask of certificates."""

import datetime
from collections.abc import Collection
from typing import Final

from oslo_config import cfg
from sqlalchemy.orm import Session

from magnum.certificates import (
    keys,
    node_requests,
    renewal,
    requests,
    rotation,
    user_requests,
)
from magnum.certificates.authority import (
    Authority,
    IssuedCertificate,
    PrivatePair,
    create_authority,
)
from magnum.certificates.bootstrap import ROLES, BootstrapTokens
from magnum.certificates.errors import AuthorityMissing
from magnum.certificates.rotation import Rotation
from magnum.certificates.sealing import Sealer
from magnum.certificates.stores import CertificateStore
from magnum.certificates.stores.database import DatabaseStore
from magnum.certificates.subjects import CallerName, SubjectPolicy
from magnum.db.repositories import issued_certificates, node_trust, nodes, tokens
from magnum.db.statements import database_now
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate

AUTHORITY: Final = rotation.CURRENT
#: Purpose in the store of the key that masters encrypt with; it has no certificate.
ENCRYPTION: Final = rotation.ENCRYPTION


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
        self.sealer = sealer
        self._store: CertificateStore = DatabaseStore(sealer)
        self._rotation = Rotation(conf, self._store)
        self._policy = SubjectPolicy.from_config(conf)
        self._extension_rules = user_requests.ExtensionRules.from_config(conf)
        self.tokens = BootstrapTokens(sealer)

    def ensure_authority(
        self,
        session: Session,
        bay_uuid: str,
        bay_name: str | None,
        with_encryption_key: bool = False,
    ) -> None:
        """Make a bay's authority, once.

        :param with_encryption_key: and with it a key that masters encrypt with. A bay that
            has an authority gets none: its masters may be running without.
        """
        if AUTHORITY not in self._store.load_certificates(session, bay_uuid):
            pair = create_authority(self._conf, bay_uuid, bay_name)
            self._store.save(session, bay_uuid, AUTHORITY, pair)
            if with_encryption_key:
                pair = PrivatePair('', rotation.new_encryption_key())
                self._store.save(session, bay_uuid, ENCRYPTION, pair)

    def encryption_key(self, session: Session, bay_uuid: str) -> str | None:
        """The key that masters encrypt with, base64 of 32 bytes.

        In a rotation, and after one: lines of names and keys, the one that writes first.

        :returns: None: this bay has none.
        """
        return self._rotation.encryption_keys(session, bay_uuid)

    def rewrites(self, session: Session, bay_uuid: str) -> bool:
        """Whether what masters have encrypted is to be written anew, by another key."""
        return self._rotation.rewrites(session, bay_uuid)

    def trusted(self, session: Session, bay_uuid: str) -> str | None:
        """What the bay trusts, PEM: the authority, and in a rotation another one after it.

        :returns: None before there is one.
        """
        return self._rotation.trusted(session, bay_uuid)

    def introduce_authority(
        self, session: Session, bay_uuid: str, bay_name: str | None,
        with_encryption_key: bool = False,
    ) -> bool:
        """Have the next authority trusted; a rotation that stopped is continued.

        :param with_encryption_key: masters get another key to encrypt with, if they have one.
        :returns: whether one was begun.
        """
        return self._rotation.introduce(session, bay_uuid, bay_name, with_encryption_key)

    def switch_authority(self, session: Session, bay_uuid: str) -> None:
        """Sign with the next authority from now on; once."""
        self._rotation.switch(session, bay_uuid)

    def retire_authority(self, session: Session, bay_uuid: str) -> None:
        """Have the former authority trusted no longer."""
        self._rotation.retire(session, bay_uuid)

    def nodes_to_follow(self, session: Session, bay_uuid: str) -> list[str]:
        """The nodes, by name, that have not said that they trust what the bay trusts."""
        trusted = self.trusted(session, bay_uuid) or ''
        return node_trust.missing(session, bay_uuid, node_trust.fingerprint(trusted))

    def groups(self, roles: Collection[str], caller: CallerName) -> tuple[str, ...]:
        """The groups of ``[x509] token_groups`` that a user is in who shows a token."""
        return tuple(
            group for group in self._conf.x509.token_groups
            if self._policy.allows_group(group, roles, caller)
        )

    def sign_user_csr(
        self,
        session: Session,
        bay_uuid: str,
        coe: str,
        csr_pem: str,
        roles: Collection[str],
        issued_to: str,
        user_name: str | None = None,
    ) -> IssuedCertificate:
        """Sign a user's request and write it down.

        :param roles: the caller's; they bound the subject.
        :param issued_to: the caller's user id.
        :param user_name: the caller's, that subjects may be bound to.
        :raises InvalidCSR: malformed, or asking for what nobody may have.
        :raises SubjectRefused: asking for more than the roles allow.
        :raises AuthorityMissing: the bay has no authority yet.
        :raises AuthorityExpired: its authority signs no more.
        """
        request = requests.read(csr_pem)
        caller = CallerName(issued_to, user_name)
        rule = self._policy.check(request.subject, roles, coe, caller)
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
        addresses: NodeAddresses,
        csr_pem: str,
        renews: bool = False,
    ) -> IssuedCertificate:
        """Sign a node's request and write it down.

        Whether the node may have it is the caller's question.

        :param node_certificate: what the driver says of ``purpose``.
        :param addresses: the node's, as the cloud knows them.
        :param renews: the node will ask for another one before this one ends.
        :raises InvalidCSR: malformed, or asking for a name of another.
        :raises AuthorityMissing: the bay has no authority yet.
        :raises AuthorityExpired: its authority signs no more.
        """
        request = requests.read(csr_pem)
        issued = self._authority(session, bay_uuid).issue(
            node_requests.subject(node_certificate, node_name),
            request.public_key,
            node_requests.extensions(node_certificate, node_name, addresses, request),
            datetime.timedelta(days=self._conf.x509.node_term_of_validity) if renews else None,
        )
        public_key = keys.fingerprint(request.public_key)
        _record(session, bay_uuid, issued, nodes.issued_to(role, node_name, purpose), public_key)
        return issued

    def is_renewable(
        self, session: Session, bay_uuid: str, role: str, node_name: str, purpose: str
    ) -> bool:
        """Whether a certificate of a node is old enough to be renewed, or has ended."""
        now = database_now(session)
        first = issued_certificates.first_to_end(
            session, bay_uuid, nodes.issued_to(role, node_name, purpose), now
        )
        return first is None or renewal.is_due(first.not_before, first.not_after, now)

    def role_of_node(
        self, session: Session, bay_uuid: str, node_name: str, purpose: str, csr_pem: str
    ) -> str | None:
        """The role of the node whose key made this request, or None.

        The key is the first one that a node of this role and name showed for
        the purpose, since its server was made. It is enough only for a node that
        has never signed otherwise: whoever has stolen it is not that node.

        :raises InvalidCSR: malformed, so that it proves nothing.
        """
        shown = public_key_of(csr_pem)
        known = {
            role: nodes.known_keys(session, bay_uuid, role, node_name) for role in ROLES
        }
        has_shown = {
            role: nodes.has_shown(keys, purpose, shown) and not nodes.signs(keys)
            for role, keys in known.items()
        }
        return next((role for role in ROLES if has_shown[role]), None)

    def discard_authority(self, session: Session, bay_uuid: str) -> None:
        """Throw the bay's authority away: what it signed is worth nothing to the next one."""
        self._store.delete(session, bay_uuid)
        nodes.forget(session, bay_uuid)
        # What was issued stays on record; nobody is known by it any more.
        issued_certificates.forget_keys(session, bay_uuid)
        node_trust.forget(session, bay_uuid)

    def forget(self, session: Session, bay_uuid: str) -> None:
        """Drop a bay's keys and tokens; what was issued stays on record."""
        self.discard_authority(session, bay_uuid)
        tokens.delete_all(session, bay_uuid)

    def _authority(self, session: Session, bay_uuid: str) -> Authority:
        pair = self._store.load(session, bay_uuid, AUTHORITY)
        if pair is None:
            raise AuthorityMissing(bay_uuid)
        return Authority(self._conf, pair)


def public_key_of(csr_pem: str) -> str:
    """The fingerprint of the key that a request was made with.

    :raises InvalidCSR: malformed, so that it proves nothing.
    """
    return keys.fingerprint(requests.read(csr_pem).public_key)


def _record(
    session: Session,
    bay_uuid: str,
    issued: IssuedCertificate,
    issued_to: str,
    public_key: str | None = None,
) -> None:
    issued_certificates.insert(
        session, bay_uuid, issued.serial, issued.subject, issued.fingerprint,
        issued.not_before, issued.not_after, issued_to, public_key,
    )
