"""What the agent of a node sends, verified by what the RFC says."""

import ast
import http.server
import pathlib
import ssl
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import utils

from magnum.drivers.common.node.agent import certificates, channel, opener
from magnum.drivers.common.node.agent.channel import Away, Channel, Gone, Refused
from magnum.drivers.common.node.agent.node import Node, ProgramFailed, openssl
from tests.fakes.listening import listening
from tests.unit.drivers import agents, node_files, test_join_service
from tests.unit.drivers.agents import Answer, Service

TAG = 'magnum/report'


@pytest.fixture
def node(tmp_path: pathlib.Path, service: Service) -> Node:
    return agents.make_node(tmp_path, service.url)


@pytest.fixture
def registered(node: Node) -> Node:
    certificates.register(node, Channel(node))
    return node


def test_it_registers_with_its_token_and_keeps_what_it_is_given(
    node: Node, service: Service
) -> None:
    assert certificates.register(node, Channel(node)) == ['server']
    (said,) = service.said
    assert said.headers['X-Bootstrap-Token'] == 'the-token'
    assert said.body.keys() == {'public_key', 'requests'}
    request = x509.load_pem_x509_csr(said.body['requests']['server'].encode())
    assert request.is_signature_valid
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == [
        agents.NAME, 'localhost', '127.0.0.1', '10.0.0.5'
    ]
    folder = node.path('/etc/magnum/certificates')
    assert (folder / 'ca.pem').read_text() == service.authority.pem
    certificate = x509.load_pem_x509_certificate((folder / 'server.pem').read_bytes())
    assert certificate.public_key() == request.public_key()
    assert (folder / 'server.key').stat().st_mode & 0o777 == 0o600
    assert node.path('/etc/magnum/agent.key').stat().st_mode & 0o777 == 0o600


def test_a_living_node_asks_for_nothing(registered: Node, service: Service) -> None:
    before = registered.path('/etc/magnum/agent.key').read_bytes()
    assert certificates.register(registered, Channel(registered)) == []
    assert len(service.said) == 1
    assert registered.path('/etc/magnum/agent.key').read_bytes() == before


def test_a_lost_answer_is_asked_for_again_with_the_same_keys(node: Node, service: Service) -> None:
    service.answers = [Answer(503, headers={'Retry-After': '0'}), Answer(429), Answer(document=[])]
    certificates.register(node, Channel(node), pause=0)
    bodies = [said.body['public_key'] for said in service.said]
    assert len(bodies) == 4
    assert len(set(bodies)) == 1


@pytest.mark.parametrize('status', [400, 401, 403, 404, 409])
def test_a_refusal_is_final(node: Node, service: Service, status: int) -> None:
    service.answers = [Answer(status, code='magnum.bootstrap.refused')]
    with pytest.raises(Refused, match=r'because of magnum.bootstrap.refused'):
        certificates.register(node, Channel(node), pause=0)
    assert len(service.said) == 1


@pytest.mark.parametrize(
    'answer',
    [
        {'authorities': None, 'certificates': {}},
        {'authorities': 'nonsense', 'certificates': {}},
        {'certificates': {'server': ''}},
    ],
)
def test_nothing_is_kept_of_an_answer_with_a_fault(
    node: Node, service: Service, answer: Any
) -> None:
    service.answers = [Answer(document=answer)]
    with pytest.raises(ProgramFailed):
        certificates.register(node, Channel(node))
    assert not node.certificate('ca').exists()
    assert certificates.register(node, Channel(node)) == ['server']


@pytest.mark.parametrize(('told', 'kept'), [
    ({'encryption_key': 'a-key='}, 'a-key='), ({'encryption_key': None}, ''), ({}, None),
])
def test_a_master_keeps_what_it_encrypts_with(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any],
    kept: str | None,
) -> None:
    """One that was told nothing has no file, and goes no further."""
    registered = service.registered
    monkeypatch.setattr(service, 'registered', lambda body: {**registered(body), **told})
    certificates.register(node, Channel(node))
    file = node.path('/etc/magnum/encryption-key')
    if kept is None:
        assert not file.exists()
        return
    assert file.read_text() == kept
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_certificate_for_another_key_is_not_kept(node: Node, service: Service) -> None:
    other = service.authority.issue(service.authority.key.public_key())
    service.answers = [
        Answer(document={'authorities': service.authority.pem, 'certificates': {'server': other}})
    ]
    with pytest.raises(ProgramFailed, match='another key'):
        certificates.register(node, Channel(node))
    assert not node.certificate('server').exists()


def test_a_node_without_certificates_registers_its_key(
    tmp_path: pathlib.Path, service: Service
) -> None:
    node = agents.make_node(tmp_path, service.url, MAGNUM_CERTIFICATES='')
    service.answers = [Answer(document={'authorities': None, 'certificates': {}, 'next': 5})]
    certificates.register(node, Channel(node))
    assert service.said[0].body['requests'] == {}
    assert not node.certificate('ca').exists()


def test_every_signature_holds_and_has_a_nonce_of_its_own(
    registered: Node, service: Service
) -> None:
    sender = Channel(registered)
    for number in range(40):    # some have numbers of fewer bytes
        sender.signed('report', TAG, {'number': number})
    said = service.said[1:]
    assert [one.body for one in said] == [{'number': number} for number in range(40)]
    assert len({one.nonce for one in said}) == 40
    assert {one.tag for one in said} == {TAG}
    assert 'X-Bootstrap-Token' not in said[0].headers


@pytest.mark.parametrize('numbers', [(1, 2), (2 ** 255, 2 ** 256 - 1), (2 ** 247, 127)])
def test_numbers_of_a_signature_have_their_places(numbers: tuple[int, int]) -> None:
    raw = channel.raw_signature(utils.encode_dss_signature(*numbers))
    assert raw == b''.join(number.to_bytes(32, 'big') for number in numbers)


@pytest.mark.parametrize('ahead', [-3600, 3600])
def test_a_clock_that_is_off_is_made_up_for(
    registered: Node, service: Service, ahead: float
) -> None:
    service.ahead = ahead
    sender = Channel(registered)
    for _ in range(2):
        assert sender.signed('report', TAG, {})['next'] == 30
    created = [said.created for said in service.said[1:]]
    assert len(created) == 3, 'refused once'
    assert abs(created[0] - time.time()) < 60
    assert all(abs(moment - time.time() - ahead) < 60 for moment in created[1:])
    assert abs(sender.apart - ahead) < 60
    service.ahead = 0
    sender.signed('report', TAG, {})
    assert abs(service.said[-1].created - time.time()) < 60


def test_a_bay_that_is_gone(registered: Node, service: Service) -> None:
    service.answers = [
        Answer(410, code='magnum.bootstrap.gone'), Answer(410, document='of a proxy'),
        Answer(410, code='magnum.other'),
    ]
    sender = Channel(registered)
    with pytest.raises(Gone):
        sender.signed('report', TAG, {})
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            sender.signed('report', TAG, {})
        assert not isinstance(refusal.value, Gone)


def test_a_service_that_is_busy_says_for_how_long(registered: Node, service: Service) -> None:
    service.answers = [Answer(503, headers={'Retry-After': '17'}), Answer(500), Answer(302)]
    sender = Channel(registered)
    with pytest.raises(Away) as busy:
        sender.signed('report', TAG, {})
    assert busy.value.seconds == 17
    with pytest.raises(Away) as broken:
        sender.signed('report', TAG, {})
    assert broken.value.seconds == 0


@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_what_is_secret_goes_nowhere_else(node: Node, service: Service, status: int) -> None:
    """Python goes after redirections with all headers, the token among them."""
    with agents.serve() as other:
        service.answers = [Answer(status, headers={'Location': f'{other.url}/x/register'})]
        with pytest.raises(Away):
            certificates.register(node, Channel(node), attempts=1)
        assert (other.said, other.strayed) == ([], [])


@pytest.mark.parametrize(
    ('exceptions', 'by_proxy'),
    [
        ('', True), ('example.org', True), ('ocalhost', True), ('10.0.0.0/24', True),
        ('*', False), ('localhost', False), ('a.org, LocalHost', False),
    ],
)
def test_the_bays_proxy_and_its_exceptions(
    tmp_path: pathlib.Path, service: Service, exceptions: str, by_proxy: bool
) -> None:
    asked = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{}')

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(('127.0.0.1', 0), Proxy)
    with listening(server):
        node = agents.make_node(
            tmp_path, service.url, MAGNUM_NO_PROXY=exceptions,
            MAGNUM_HTTP_PROXY=f'http://127.0.0.1:{server.server_port}',
        )
        Channel(node).register({'public_key': '', 'requests': {}} if by_proxy else _body(node))
    assert bool(asked) is by_proxy
    assert bool(service.said) is not by_proxy


def _body(node: Node) -> dict[str, object]:
    node.path('/etc/magnum/key').write_bytes(
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout')
    )
    return {
        'public_key': certificates.public_key(node.path('/etc/magnum/key')), 'requests': {},
    }


@pytest.mark.parametrize(
    ('address', 'exception', 'is_one'),
    [
        ('10.1.2.3', '10.1.0.0/16', True), ('10.1.2.3', '10.2.0.0/16', False),
        ('10.1.2.3', '10.1.2.3', True), ('fd00::1', 'fd00::/64', True),
        ('magnum.example.org', '.example.org', True), ('magnum.example.org', 'example.org', True),
        ('anexample.org', 'example.org', False), ('magnum.example.org', '10.0.0.0/8', False),
    ],
)
def test_exceptions_are_hosts_domains_and_networks(
    tmp_path: pathlib.Path, address: str, exception: str, is_one: bool
) -> None:
    node = agents.make_node(
        tmp_path, '', MAGNUM_HTTPS_PROXY='http://proxy:3128', MAGNUM_NO_PROXY=exception
    )
    host = f'[{address}]' if ':' in address else address
    assert (opener._proxies(node.settings, f'https://{host}:9511/v1') == {}) is is_one


@pytest.mark.parametrize(
    ('changes', 'knows_authority', 'is_answered'),
    [({}, True, True), ({}, False, False), ({'MAGNUM_VERIFY_CA': 'false'}, False, True)],
)
def test_the_clouds_own_authority_is_trusted(
    tmp_path: pathlib.Path, changes: dict[str, str], knows_authority: bool, is_answered: bool
) -> None:
    folder = tmp_path / 'tls'
    folder.mkdir()
    authority = test_join_service.Authority(folder)
    authority.issue('service', 'cloud')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / 'service.pem', folder / 'service.key')
    with agents.serve(context) as service:
        url = service.url.replace('localhost', '127.0.0.1')
        node = agents.make_node(tmp_path, url, **changes)
        given = node.path('/etc/magnum/openstack-ca.pem')
        given.write_bytes((folder / 'ca.pem').read_bytes() if knows_authority else b'')
        if is_answered:
            certificates.register(node, Channel(node), attempts=1)
        else:
            with pytest.raises(Away, match='CERTIFICATE_VERIFY_FAILED'):
                certificates.register(node, Channel(node), attempts=1)


def test_python_asks_no_more_of_authorities_than_curl(tmp_path: pathlib.Path) -> None:
    """Python 3.13 does by default."""
    node = agents.make_node(tmp_path, '')
    context = opener._context(node.settings, tmp_path / 'none')
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_guests_of_old_understand_it() -> None:
    for file in (node_files.FOLDER / 'common/node/agent').glob('*.py'):
        ast.parse(file.read_text(), feature_version=(3, 7))
