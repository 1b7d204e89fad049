import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from magnum.certificates import node_requests, requests
from magnum.certificates.authority import key_usage
from magnum.certificates.errors import InvalidCSR
from magnum.domain.node_certificates import NodeAddresses, NodeCertificate
from tests.unit.certificates import csr

KUBELET = NodeCertificate(
    common_name='system:node:{node}',
    organization='system:nodes',
    server=True,
    client=True,
    dns_names=('kubernetes', 'kubernetes.default'),
)
ADDRESS = x509.IPAddress(ipaddress.ip_address('10.0.0.5'))
ADDRESS6 = x509.IPAddress(ipaddress.ip_address('fd00::5'))
ADDRESSES = NodeAddresses(('10.0.0.5', 'fd00::5'), ('10.0.0.9', '10.254.0.1'))


def asked(*names: x509.GeneralName) -> requests.SigningRequest:
    wanted = [(x509.SubjectAlternativeName(names), False)] if names else []
    return requests.read(csr.make(csr.name(CN='admin', O='system:masters'), wanted))


def granted_names(
    *names: x509.GeneralName,
    certificate: NodeCertificate = KUBELET,
    addresses: NodeAddresses = ADDRESSES,
) -> list[x509.GeneralName]:
    for value, _critical in node_requests.extensions(
        certificate, 'node-1', addresses, asked(*names)
    ):
        if isinstance(value, x509.SubjectAlternativeName):
            return list(value)
    return []


def test_the_subject_is_the_drivers_word() -> None:
    assert node_requests.subject(KUBELET, 'node-1') == csr.name(
        O='system:nodes', CN='system:node:node-1'
    )


def test_a_subject_without_an_organization() -> None:
    certificate = NodeCertificate(common_name='kube-proxy')
    assert node_requests.subject(certificate, 'node-1') == csr.name(CN='kube-proxy')


def test_a_name_that_makes_the_common_name_too_long_is_refused() -> None:
    limit = 64 - len('system:node:')
    node_requests.subject(KUBELET, 'n' * limit)
    with pytest.raises(InvalidCSR, match='longer than 64'):
        node_requests.subject(KUBELET, 'n' * (limit + 1))


@pytest.mark.parametrize(
    ('server', 'client', 'purposes'),
    [
        (True, True, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        (True, False, [ExtendedKeyUsageOID.SERVER_AUTH]),
        (False, True, [ExtendedKeyUsageOID.CLIENT_AUTH]),
        (False, False, None),
    ],
)
def test_purposes_are_the_drivers_word(
    server: bool, client: bool, purposes: list[x509.ObjectIdentifier] | None
) -> None:
    certificate = NodeCertificate(common_name='x', server=server, client=client)
    granted = node_requests.extensions(certificate, 'node-1', ADDRESSES, asked())
    found = [list(v) for v, _critical in granted if isinstance(v, x509.ExtendedKeyUsage)]
    assert found == ([purposes] if purposes else [])


def test_a_node_is_no_authority_whatever_it_asks_for() -> None:
    request = requests.read(
        csr.make(
            csr.name(CN='x'),
            [
                (x509.BasicConstraints(ca=True, path_length=None), True),
                (key_usage('key_cert_sign'), True),
                (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), True),
            ],
        )
    )
    granted = node_requests.extensions(NodeCertificate('x'), 'node-1', ADDRESSES, request)
    assert granted == [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage('digital_signature'), True),
    ]


def test_an_rsa_key_may_encipher_keys_too() -> None:
    key = rsa.generate_private_key(65537, 2048)
    request = requests.read(csr.make(csr.name(CN='x'), key=key))
    granted = node_requests.extensions(KUBELET, 'node-1', ADDRESSES, request)
    assert (key_usage('digital_signature', 'key_encipherment'), True) in granted


def test_purposes_and_names_are_not_critical() -> None:
    granted = node_requests.extensions(KUBELET, 'node-1', ADDRESSES, asked(ADDRESS))
    assert {type(value): critical for value, critical in granted} == {
        x509.BasicConstraints: True, x509.KeyUsage: True,
        x509.ExtendedKeyUsage: False, x509.SubjectAlternativeName: False,
    }


def test_no_names_asked_none_given() -> None:
    assert granted_names() == []


@pytest.mark.parametrize(
    'name',
    [
        ADDRESS,
        ADDRESS6,
        x509.DNSName('node-1'),
        x509.DNSName('localhost'),
        x509.DNSName('kubernetes'),
        x509.DNSName('kubernetes.default'),
    ],
)
def test_own_names_are_given(name: x509.GeneralName) -> None:
    assert granted_names(name, ADDRESS) == list(dict.fromkeys([name, ADDRESS]))


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        (x509.DNSName('node-2'), 'DNS name node-2'),
        (x509.DNSName('*'), r'DNS name \*'),
        (x509.DNSName('*.node-1'), r'DNS name \*\.node-1'),
        (x509.DNSName('node-1..'), r'DNS name node-1\.\.'),
        (x509.DNSName('*.svc.cluster.local'), r'DNS name \*\.svc'),
        (x509.DNSName('node-1.example.org'), r'node-1\.example\.org'),
        (x509.DNSName('kubernetes.default.svc'), r'kubernetes\.default\.svc'),
        (x509.DNSName(''), 'DNS name '),
        (x509.RFC822Name('root@example.org'), 'root@example.org'),
        (x509.UniformResourceIdentifier('spiffe://x/'), 'spiffe://x/'),
        (x509.DirectoryName(csr.name(CN='admin')), 'CN=admin'),
        (x509.RegisteredID(x509.ObjectIdentifier('1.2.3')), r'1\.2\.3'),
    ],
)
def test_other_names_are_refused_by_name(name: x509.GeneralName, said: str) -> None:
    with pytest.raises(InvalidCSR, match=said):
        granted_names(ADDRESS, name)


@pytest.mark.parametrize('name', ['NODE-1', 'node-1.', 'Node-1.', 'KUBERNETES.default.'])
def test_names_are_compared_and_given_in_one_form(name: str) -> None:
    """A resolver takes them for the same."""
    plain = name.lower().removesuffix('.')
    assert granted_names(x509.DNSName(name), x509.DNSName(plain)) == [x509.DNSName(plain)]


@pytest.mark.parametrize('address', ['10.0.0.6', '10.0.0.9', '10.254.0.1', '10.0.0.50', '::'])
def test_addresses_of_others_are_left_out(address: str) -> None:
    """Also the API's, which only what serves it may have."""
    other = x509.IPAddress(ipaddress.ip_address(address))
    loopback = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
    assert granted_names(other, ADDRESS, loopback) == [ADDRESS, loopback]


@pytest.mark.parametrize(('addresses', 'said'), [
    (('10.0.0.6', '10.0.0.5', 'fd00::6'), ['10.0.0.6, fd00::6']),
    (('10.0.0.9', '10.254.0.1', '10.0.0.5'), []),     # the API's: nodes ask for these always
])
def test_strange_addresses_are_logged(
    addresses: tuple[str, ...], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level('INFO'):
        granted_names(*(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses))
    assert caplog.messages == [
        f'The certificate of node-1 is without addresses that are not its own: {one}'
        for one in said
    ]


def test_what_serves_the_api_may_have_its_addresses() -> None:
    api = [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES.api]
    server = NodeCertificate('kube-apiserver', server=True, api=True)
    assert granted_names(*api, ADDRESS, certificate=server) == [*api, ADDRESS]
    assert granted_names(*api, ADDRESS, certificate=server, addresses=NodeAddresses()) == []
