"""Which extensions of a user's request go into the certificate.

The rules are the operator's (``[x509]``). What is not allowed is left out,
or, when the request marks it critical, makes the request refused.
"""

import dataclasses

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from oslo_config import cfg

from magnum.certificates.authority import Extension, key_usage
from magnum.certificates.errors import ExtensionRefused

#: The extensions' names in the configuration.
_NAMES = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: 'authorityKeyIdentifier',
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: 'subjectKeyIdentifier',
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: 'authorityInfoAccess',
    ExtensionOID.BASIC_CONSTRAINTS: 'basicConstraints',
    ExtensionOID.CRL_DISTRIBUTION_POINTS: 'cRLDistributionPoints',
    ExtensionOID.CERTIFICATE_POLICIES: 'certificatePolicies',
    ExtensionOID.EXTENDED_KEY_USAGE: 'extendedKeyUsage',
    ExtensionOID.OCSP_NO_CHECK: 'OCSPNoCheck',
    ExtensionOID.INHIBIT_ANY_POLICY: 'inhibitAnyPolicy',
    ExtensionOID.KEY_USAGE: 'keyUsage',
    ExtensionOID.NAME_CONSTRAINTS: 'nameConstraints',
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME: 'subjectAltName',
    ExtensionOID.ISSUER_ALTERNATIVE_NAME: 'issuerAltName',
}

#: The key usages' names in the configuration.
_USAGE_NAMES = {
    'digital_signature': 'Digital Signature',
    'content_commitment': 'Non Repudiation',
    'key_encipherment': 'Key Encipherment',
    'data_encipherment': 'Data Encipherment',
    'key_agreement': 'Key Agreement',
    'key_cert_sign': 'Certificate Sign',
    'crl_sign': 'CRL Sign',
    'encipher_only': 'Encipher Only',
    'decipher_only': 'Decipher Only',
}
_AUTHORITY_USAGES = frozenset({'Certificate Sign', 'CRL Sign'})
# These two say something about key agreement, and nothing without it.
_AGREEMENT_USAGES = ('encipher_only', 'decipher_only')


@dataclasses.dataclass(frozen=True)
class ExtensionRules:
    """What users may ask for, in the words of the configuration."""

    allowed_extensions: frozenset[str]
    allowed_key_usage: frozenset[str]
    allow_ca: bool

    @classmethod
    def from_config(cls, conf: cfg.ConfigOpts) -> 'ExtensionRules':
        """The rules of ``[x509]``."""
        usages = frozenset(conf.x509.allowed_key_usage)
        return cls(
            allowed_extensions=frozenset(conf.x509.allowed_extensions),
            allowed_key_usage=usages if conf.x509.allow_ca else usages - _AUTHORITY_USAGES,
            allow_ca=conf.x509.allow_ca,
        )

    def apply(self, requested: x509.Extensions) -> list[Extension]:
        """The extensions to sign.

        The authority's key identifier is never the requester's word: it is
        left out here, for the authority to add its own.

        :raises ExtensionRefused: something critical is not allowed.
        """
        granted = [self._apply_one(extension) for extension in requested]
        return [extension for extension in granted if extension is not None]

    def _apply_one(self, extension: x509.Extension[x509.ExtensionType]) -> Extension | None:
        name = _NAMES.get(extension.oid, extension.oid.dotted_string)
        if name not in self.allowed_extensions:
            if extension.critical:
                raise ExtensionRefused(name)
            return None
        value = self._limit(extension.value, extension.critical)
        return None if value is None else (value, extension.critical)

    def _limit(self, value: x509.ExtensionType, critical: bool) -> x509.ExtensionType | None:
        match value:
            case x509.KeyUsage():
                return self._limit_key_usage(value, critical)
            case x509.BasicConstraints():
                return self._limit_basic_constraints(value, critical)
            case x509.AuthorityKeyIdentifier():
                return None
            case _:
                return value

    def _limit_key_usage(self, value: x509.KeyUsage, critical: bool) -> x509.KeyUsage | None:
        requested = _set_usages(value)
        allowed = [use for use in requested if _USAGE_NAMES[use] in self.allowed_key_usage]
        if critical and len(allowed) < len(requested):
            refused = next(use for use in requested if use not in allowed)
            raise ExtensionRefused('keyUsage', f'not allowed to have {_USAGE_NAMES[refused]}')
        if 'key_agreement' not in allowed:
            allowed = [use for use in allowed if use not in _AGREEMENT_USAGES]
        # An empty key usage is malformed (RFC 5280, 4.2.1.3).
        return key_usage(*allowed) if allowed else None

    def _limit_basic_constraints(
        self, value: x509.BasicConstraints, critical: bool
    ) -> x509.BasicConstraints:
        if self.allow_ca or not value.ca:
            return value
        if critical:
            raise ExtensionRefused('basicConstraints', 'not allowed to say CA:TRUE')
        return x509.BasicConstraints(ca=False, path_length=None)


def client_only(extensions: list[Extension]) -> list[Extension]:
    """The same, for a certificate that proves a client's identity only.

    :raises ExtensionRefused: it is asked for names, or for another purpose.
    """
    client_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    purposes = []
    for value, _critical in extensions:
        if isinstance(value, x509.SubjectAlternativeName):
            raise ExtensionRefused('subjectAltName', "not allowed in a client's certificate")
        if isinstance(value, x509.ExtendedKeyUsage):
            purposes.append(value)
    if any(purpose != client_auth for purpose in purposes):
        raise ExtensionRefused('extendedKeyUsage', 'limited to clientAuth')
    return extensions if purposes else [*extensions, (client_auth, False)]


def _set_usages(value: x509.KeyUsage) -> list[str]:
    # The value answers for the agreement usages only when there is agreement.
    absent = () if value.key_agreement else _AGREEMENT_USAGES
    return [use for use in _USAGE_NAMES if use not in absent and getattr(value, use)]
