"""A bay's certificate authority: made once, signs for users and nodes."""

import dataclasses
import datetime
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from oslo_config import cfg

from magnum.certificates import keys
from magnum.certificates.errors import AuthorityExpired

#: An extension and whether it is critical.
Extension = tuple[x509.ExtensionType, bool]

# X.520's upper bound of a common name, in characters.
MAX_COMMON_NAME = 64
# Certificates begin in the past: clocks of nodes and users are not exact.
_BACKDATED = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class IssuedCertificate:
    """A signed certificate.

    ``serial`` and ``fingerprint`` (SHA-256) are lower-case hexadecimal,
    ``subject`` is RFC 4514 text, the times are aware.
    """

    pem: str
    serial: str
    subject: str
    fingerprint: str
    not_before: datetime.datetime
    not_after: datetime.datetime


@dataclasses.dataclass(frozen=True)
class PrivatePair:
    """A certificate and its private key (PKCS 8), both PEM."""

    certificate_pem: str
    private_key_pem: bytes = dataclasses.field(repr=False)


def create_authority(conf: cfg.ConfigOpts, bay_uuid: str, bay_name: str | None) -> PrivatePair:
    """A new self-signed authority, called like its bay if the name fits.

    A bay without a name, or with one longer than a common name may be, lends
    its uuid.
    """
    common_name = bay_name if bay_name and len(bay_name) <= MAX_COMMON_NAME else bay_uuid
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    key = keys.new_private_key(conf)
    not_before, not_after = _validity(conf)
    builder = _builder(
        name,
        name,
        key.public_key(),
        not_before,
        not_after,
        (
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (key_usage('key_cert_sign'), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        ),
    )
    certificate = builder.sign(key, hashes.SHA256())
    return PrivatePair(_pem(certificate), keys.to_pem(key))


class Authority:
    """Signs with an authority's pair."""

    def __init__(self, conf: cfg.ConfigOpts, pair: PrivatePair):
        self._conf = conf
        self._certificate = x509.load_pem_x509_certificate(pair.certificate_pem.encode())
        self._key = keys.from_pem(pair.private_key_pem)

    def issue(
        self,
        subject: x509.Name,
        public_key: keys.PublicKey,
        extensions: Iterable[Extension],
        term: datetime.timedelta | None = None,
    ) -> IssuedCertificate:
        """Sign a certificate; both key identifiers are added to the extensions.

        A subject key identifier among ``extensions`` stays as it is.

        :param term: how long it is valid, if that is less than the configured term.
        :raises AuthorityExpired: the authority itself is valid no longer.
        """
        extensions = list(extensions)
        if not any(isinstance(value, x509.SubjectKeyIdentifier) for value, _ in extensions):
            extensions.append((x509.SubjectKeyIdentifier.from_public_key(public_key), False))
        extensions.append((self._key_identifier(), False))
        not_before, not_after = self._leaf_validity(term)
        builder = _builder(
            subject, self._certificate.subject, public_key, not_before, not_after, extensions
        )
        return describe(builder.sign(self._key, hashes.SHA256()))

    def _leaf_validity(
        self, term: datetime.timedelta | None
    ) -> tuple[datetime.datetime, datetime.datetime]:
        """The configured term, cut to the authority's own and to the one given."""
        not_before, not_after = _validity(self._conf)
        if term is not None:
            # Of a short term the back-dating must not be the greater part: nodes
            # renew by what is left of the whole.
            not_before = max(not_before, _now() - term)
            not_after = min(not_after, _now() + term)
        authority_ends = self._certificate.not_valid_after_utc
        if authority_ends <= _now():
            raise AuthorityExpired()
        return (
            max(not_before, self._certificate.not_valid_before_utc),
            min(not_after, authority_ends),
        )

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        own = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def describe(certificate: x509.Certificate) -> IssuedCertificate:
    """A certificate in the words of the ledger."""
    return IssuedCertificate(
        pem=_pem(certificate),
        serial=f'{certificate.serial_number:x}',
        subject=certificate.subject.rfc4514_string(),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


#: Arguments of x509.KeyUsage.
KEY_USAGES = (
    'digital_signature',
    'content_commitment',
    'key_encipherment',
    'data_encipherment',
    'key_agreement',
    'key_cert_sign',
    'crl_sign',
    'encipher_only',
    'decipher_only',
)


def key_usage(*usages: str) -> x509.KeyUsage:
    """The key usage extension with these of KEY_USAGES set."""
    return x509.KeyUsage(**{usage: usage in usages for usage in KEY_USAGES})


def tls_key_usage(public_key: keys.PublicKey) -> x509.KeyUsage:
    """What TLS does with a key: only RSA keys encipher others (RFC 8813)."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return key_usage('digital_signature', 'key_encipherment')
    return key_usage('digital_signature')


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: keys.PublicKey,
    not_before: datetime.datetime,
    not_after: datetime.datetime,
    extensions: Iterable[Extension],
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=not_before,
        not_valid_after=not_after,
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder


def _validity(conf: cfg.ConfigOpts) -> tuple[datetime.datetime, datetime.datetime]:
    now = _now()
    return now - _BACKDATED, now + datetime.timedelta(days=conf.x509.term_of_validity)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
