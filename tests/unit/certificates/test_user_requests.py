import itertools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from oslo_config import cfg

from magnum.certificates import user_requests
from magnum.certificates.authority import KEY_USAGES, Extension, key_usage
from magnum.certificates.errors import ExtensionRefused
from magnum.certificates.user_requests import ExtensionRules
from magnum.conf.x509 import EXTENSION_NAMES, KEY_USAGE_NAMES

_URL = x509.UniformResourceIdentifier('http://example.org/')
_KEY_ID = x509.SubjectKeyIdentifier(b'mine')
SAN = x509.SubjectAlternativeName([x509.DNSName('example.org')])
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CA_TRUE = x509.BasicConstraints(ca=True, path_length=0)
CA_FALSE = x509.BasicConstraints(ca=False, path_length=None)

#: One value of every extension that an operator may allow.
VALUES: dict[str, x509.ExtensionType] = {
    'authorityKeyIdentifier': x509.AuthorityKeyIdentifier(b'theirs', None, None),
    'subjectKeyIdentifier': _KEY_ID,
    'authorityInfoAccess': x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _URL)]
    ),
    'basicConstraints': CA_FALSE,
    'cRLDistributionPoints': x509.CRLDistributionPoints(
        [x509.DistributionPoint([_URL], None, None, None)]
    ),
    'certificatePolicies': x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier('1.2.3'), None)]
    ),
    'extendedKeyUsage': SERVER,
    'OCSPNoCheck': x509.OCSPNoCheck(),
    'inhibitAnyPolicy': x509.InhibitAnyPolicy(0),
    'keyUsage': key_usage('digital_signature'),
    'nameConstraints': x509.NameConstraints([x509.DNSName('example.org')], None),
    'subjectAltName': SAN,
    'issuerAltName': x509.IssuerAlternativeName([_URL]),
}
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier('1.2.3.4.5'), b'\x05\x00')
ALLOWED_BY_DEFAULT = {
    'keyUsage',
    'extendedKeyUsage',
    'subjectAltName',
    'basicConstraints',
    'subjectKeyIdentifier',
}


def extensions(*wanted: Extension) -> x509.Extensions:
    return x509.Extensions([x509.Extension(v.oid, critical, v) for v, critical in wanted])


@pytest.fixture
def rules(conf: cfg.ConfigOpts) -> ExtensionRules:
    return ExtensionRules.from_config(conf)


def rules_with(conf: cfg.ConfigOpts, **options: object) -> ExtensionRules:
    for option, value in options.items():
        conf.set_override(option, value, 'x509')
    return ExtensionRules.from_config(conf)


def test_every_configurable_name_has_a_value_here() -> None:
    assert VALUES.keys() == set(EXTENSION_NAMES)


def test_no_extensions_asked_none_given(rules: ExtensionRules) -> None:
    assert rules.apply(extensions()) == []


@pytest.mark.parametrize('critical', [False, True])
@pytest.mark.parametrize('name', sorted(ALLOWED_BY_DEFAULT))
def test_an_allowed_extension_is_copied(rules: ExtensionRules, name: str, critical: bool) -> None:
    assert rules.apply(extensions((VALUES[name], critical))) == [(VALUES[name], critical)]


@pytest.mark.parametrize('name', sorted(VALUES.keys() - ALLOWED_BY_DEFAULT))
def test_another_extension_is_left_out_or_refused_when_critical(
    rules: ExtensionRules, name: str
) -> None:
    assert rules.apply(extensions((VALUES[name], False), (SAN, False))) == [(SAN, False)]
    with pytest.raises(ExtensionRefused, match=f"^Extension '{name}' not allowed$"):
        rules.apply(extensions((VALUES[name], True)))


def test_an_unknown_extension_is_left_out_or_refused_when_critical(
    rules: ExtensionRules,
) -> None:
    assert rules.apply(extensions((UNKNOWN, False))) == []
    with pytest.raises(ExtensionRefused, match=r"Extension '1\.2\.3\.4\.5' not allowed"):
        rules.apply(extensions((UNKNOWN, True)))


@pytest.mark.parametrize('name', sorted(VALUES.keys() - {'authorityKeyIdentifier'}))
def test_operators_may_allow_each_extension(conf: cfg.ConfigOpts, name: str) -> None:
    rules = rules_with(conf, allowed_extensions=[name])
    assert rules.apply(extensions((VALUES[name], True))) == [(VALUES[name], True)]


@pytest.mark.parametrize('name', sorted(ALLOWED_BY_DEFAULT))
def test_operators_may_forbid_each_extension(conf: cfg.ConfigOpts, name: str) -> None:
    rules = rules_with(conf, allowed_extensions=[])
    assert rules.apply(extensions((VALUES[name], False))) == []
    with pytest.raises(ExtensionRefused):
        rules.apply(extensions((VALUES[name], True)))


def test_the_authoritys_key_identifier_is_never_the_requesters(conf: cfg.ConfigOpts) -> None:
    rules = rules_with(conf, allowed_extensions=['authorityKeyIdentifier'])
    assert rules.apply(extensions((VALUES['authorityKeyIdentifier'], True))) == []


@pytest.mark.parametrize('name', ['nonsense', 'keyusage'])
def test_misspelt_configuration_is_refused(conf: cfg.ConfigOpts, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        conf.set_override('allowed_extensions', [name], 'x509')
    with pytest.raises(ValueError, match=name):
        conf.set_override('allowed_key_usage', [name], 'x509')


# Key usage ----------------------------------------------------------------
ALLOWED_USAGES = ('digital_signature', 'content_commitment', 'key_encipherment')
AUTHORITY_USAGES = ('key_cert_sign', 'crl_sign')
_NAMES = {
    'content_commitment': 'Non Repudiation',
    'key_cert_sign': 'Certificate Sign',
    'crl_sign': 'CRL Sign',
}


def usage_name(usage: str) -> str:
    return _NAMES.get(usage) or usage.replace('_', ' ').title()


@pytest.mark.parametrize('critical', [False, True])
@pytest.mark.parametrize('count', [1, 2, 3])
def test_allowed_usages_are_copied(rules: ExtensionRules, count: int, critical: bool) -> None:
    for usages in itertools.combinations(ALLOWED_USAGES, count):
        asked = key_usage(*usages)
        assert rules.apply(extensions((asked, critical))) == [(asked, critical)]


def _with_agreement(usage: str) -> tuple[str, ...]:
    return (usage, 'key_agreement') if usage.endswith('_only') else (usage,)


@pytest.mark.parametrize('usage', sorted(set(KEY_USAGES) - set(ALLOWED_USAGES)))
def test_another_usage_is_cleared_or_refused_when_critical(
    rules: ExtensionRules, usage: str
) -> None:
    asked = key_usage('digital_signature', *_with_agreement(usage))
    assert rules.apply(extensions((asked, False))) == [(key_usage('digital_signature'), False)]
    refused = usage_name(min(_with_agreement(usage), key=KEY_USAGES.index))
    with pytest.raises(ExtensionRefused, match=f"'keyUsage' not allowed to have {refused}$"):
        rules.apply(extensions((asked, True)))


@pytest.mark.parametrize('usage', KEY_USAGES)
def test_operators_may_allow_each_usage(conf: cfg.ConfigOpts, usage: str) -> None:
    allowed = [usage_name(one) for one in _with_agreement(usage)]
    assert set(allowed) <= set(KEY_USAGE_NAMES)
    rules = rules_with(conf, allowed_key_usage=allowed, allow_ca=True)
    asked = key_usage(*_with_agreement(usage))
    assert rules.apply(extensions((asked, True))) == [(asked, True)]


def test_a_key_usage_with_nothing_left_is_left_out(rules: ExtensionRules) -> None:
    assert rules.apply(extensions((key_usage('data_encipherment'), False))) == []


def test_what_qualifies_key_agreement_goes_with_it(conf: cfg.ConfigOpts) -> None:
    rules = rules_with(conf, allowed_key_usage=['Encipher Only', 'Digital Signature'])
    asked = key_usage('key_agreement', 'encipher_only', 'digital_signature')
    assert rules.apply(extensions((asked, False))) == [(key_usage('digital_signature'), False)]


@pytest.mark.parametrize('usage', AUTHORITY_USAGES)
def test_usages_of_authorities_need_allow_ca_besides(conf: cfg.ConfigOpts, usage: str) -> None:
    asked = key_usage('digital_signature', usage)
    options = {'allowed_key_usage': ['Digital Signature', 'Certificate Sign', 'CRL Sign']}
    without = rules_with(conf, **options)
    assert without.apply(extensions((asked, False))) == [(key_usage('digital_signature'), False)]
    with pytest.raises(ExtensionRefused):
        without.apply(extensions((asked, True)))
    allowing = rules_with(conf, **options, allow_ca=True)
    assert allowing.apply(extensions((asked, True))) == [(asked, True)]


# Basic constraints --------------------------------------------------------
def test_ca_true_becomes_false_or_is_refused_when_critical(rules: ExtensionRules) -> None:
    assert rules.apply(extensions((CA_TRUE, False))) == [(CA_FALSE, False)]
    with pytest.raises(ExtensionRefused, match=r"'basicConstraints' not allowed to say CA:TRUE$"):
        rules.apply(extensions((CA_TRUE, True)))


def test_ca_true_is_copied_where_operators_allow_it(conf: cfg.ConfigOpts) -> None:
    rules = rules_with(conf, allow_ca=True)
    assert rules.apply(extensions((CA_TRUE, True))) == [(CA_TRUE, True)]


# Clients only -------------------------------------------------------------
def test_a_clients_certificate_says_that_it_is_one() -> None:
    assert user_requests.client_only([]) == [(CLIENT, False)]
    assert user_requests.client_only([(CLIENT, True)]) == [(CLIENT, True)]


NO_NAMES = "Extension 'subjectAltName' not allowed in a client's certificate"
ONE_PURPOSE = "Extension 'extendedKeyUsage' limited to clientAuth"


@pytest.mark.parametrize(
    ('value', 'said'),
    [
        (SAN, NO_NAMES),
        (SERVER, ONE_PURPOSE),
        (x509.ExtendedKeyUsage([*CLIENT, *SERVER]), ONE_PURPOSE),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), ONE_PURPOSE),
    ],
)
def test_a_clients_certificate_has_no_names_and_no_other_purpose(
    value: x509.ExtensionType, said: str
) -> None:
    with pytest.raises(ExtensionRefused, match=f'^{said}$'):
        user_requests.client_only([(value, False)])


def test_a_key_identifier_of_the_request_stays(rules: ExtensionRules) -> None:
    own = x509.SubjectKeyIdentifier.from_public_key(
        ec.generate_private_key(ec.SECP256R1()).public_key()
    )
    assert rules.apply(extensions((own, False))) == [(own, False)]
