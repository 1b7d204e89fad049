"""What living nodes ask for: what to trust, and their certificates anew."""

import datetime
import hashlib
import logging
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from oslo_config import cfg
from sqlalchemy import orm

from magnum.certificates.service import CertificateService, public_key_of
from magnum.db import models
from magnum.db.repositories import node_trust
from magnum.db.repositories import nodes as registry
from magnum.domain import states
from magnum.domain.node_certificates import NodeAddresses
from tests.unit.certificates import csr
from tests.unit.certificates.nodes import KUBELET, PROJECT, Nodes, error_of

NODE = 'node-1'


class Node:
    """A node that has booted."""

    def __init__(
        self,
        nodes: Nodes,
        session: orm.Session,
        service: CertificateService,
        bay: models.Bay,
        role: str = 'worker',
        name: str = NODE,
    ):
        self.nodes, self.bay = nodes, bay
        self.key = ec.generate_private_key(ec.SECP256R1())
        service.ensure_authority(session, bay.uuid, bay.name)
        addresses = NodeAddresses(('10.0.0.5',))
        server = nodes.servers.boot(name, PROJECT)
        registry.register(
            session, bay.uuid, role, name, 'operation', server, addresses,
            {'kubelet': public_key_of(self.csr())},
        )
        service.sign_node_csr(
            session, bay.uuid, role, name, 'kubelet', KUBELET, addresses, self.csr()
        )
        session.commit()

    def csr(self, key: ec.EllipticCurvePrivateKey | None = None) -> str:
        return csr.make(csr.name(CN='x'), key=key or self.key)

    def trust_path(self, **changes: str) -> str:
        said = {'bay': self.bay.uuid, 'node': NODE, 'purpose': 'kubelet', 'trusts': ''} | changes
        return '/{bay}/trust?node={node}&purpose={purpose}&trusts={trusts}'.format(**said)

    def reissue_path(self, **changes: str) -> str:
        said = {'bay': self.bay.uuid, 'node': NODE, 'purpose': 'kubelet'} | changes
        return '/{bay}/reissue/{purpose}?node={node}'.format(**said)


@pytest.fixture
def node(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay
) -> Node:
    return Node(nodes, session, service, bay)


@pytest.fixture
def rotating(session: orm.Session, bay: models.Bay) -> None:
    """The bay's authority is being rotated, and the node is expected to follow."""
    node_trust.expect(session, bay.uuid, [('worker', NODE)])
    session.add(_operation(bay, states.ROTATE_CA))
    session.commit()


def _operation(bay: models.Bay, verb: str) -> models.Operation:
    return models.Operation(
        bay_uuid=bay.uuid, bay_name=bay.name, verb=verb, phase=states.START,
        state=states.QUEUED, active_for=bay.uuid, parameters={}, roles=[],
        deadline=bay.created_at,
    )


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_node_hears_what_to_trust(
    node: Node, service: CertificateService, session: orm.Session
) -> None:
    answer = node.nodes.send(node.trust_path(), None, node.csr())
    assert (answer.status_int, answer.content_type) == (200, 'application/x-pem-file')
    assert answer.text == service.trusted(session, node.bay.uuid)
    again = node.nodes.send(node.trust_path(trusts=_sha(answer.text)), None, node.csr())
    assert (again.status_int, again.body) == (204, b'')


def test_two_are_trusted_in_a_rotation(
    node: Node, service: CertificateService, session: orm.Session
) -> None:
    before = service.trusted(session, node.bay.uuid) or ''
    service.introduce_authority(session, node.bay.uuid, node.bay.name)
    session.commit()
    answer = node.nodes.send(node.trust_path(trusts=_sha(before)), None, node.csr())
    assert answer.status_int == 200
    assert answer.text.startswith(before)
    assert len(x509.load_pem_x509_certificates(answer.body)) == 2


def test_its_word_is_written_down(node: Node, session: orm.Session, rotating: None) -> None:
    answer = node.nodes.send(node.trust_path(), None, node.csr())
    assert node_trust.told(session, node.bay.uuid, 'worker', NODE) == ''
    session.commit()
    node.nodes.send(node.trust_path(trusts=_sha(answer.text)), None, node.csr())
    assert node_trust.told(session, node.bay.uuid, 'worker', NODE) == _sha(answer.text)


def test_nobody_expects_it_and_nothing_is_written(node: Node, session: orm.Session) -> None:
    answer = node.nodes.send(node.trust_path(), None, node.csr())
    node.nodes.send(node.trust_path(trusts=_sha(answer.text)), None, node.csr())
    assert session.query(models.NodeTrust).count() == 0


def test_masters_take_over_one_at_a_time(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay
) -> None:
    names = ('master-0', 'master-1')
    masters = {
        name: Node(nodes, session, service, bay, role='master', name=name) for name in names
    }
    node_trust.expect(session, bay.uuid, [('master', name) for name in names])
    session.add(_operation(bay, states.ROTATE_CA))
    session.commit()

    def ask(name: str, trusts: str = '', turns: str = '&turns=true') -> Any:
        master = masters[name]
        return nodes.send(master.trust_path(node=name, trusts=trusts) + turns, None, master.csr())

    offered = ask('master-1')
    assert offered.status_int == 200
    refused = ask('master-0')
    assert (refused.status_int, refused.headers['Retry-After']) == (425, '5')
    assert refused.json['errors'][0]['code'] == 'magnum.bootstrap.not_yet'
    # One whose answer was lost, or that began anew, keeps its turn.
    assert ask('master-1').status_int == 200
    # Those of earlier releases give up when they are told to wait.
    assert ask('master-0', turns='').status_int == 200
    assert ask('master-1', _sha(offered.text)).status_int == 204
    assert ask('master-0').status_int == 200
    # The next change of the authorities is another turn for each.
    service.introduce_authority(session, bay.uuid, bay.name)
    session.commit()
    assert ask('master-0').status_int == 200
    assert ask('master-1').status_int == 425


def test_a_certificate_anew(node: Node, session: orm.Session, rotating: None) -> None:
    answer = node.nodes.send(node.reissue_path(), None, node.csr())
    assert answer.status_int == 200
    certificate = x509.load_pem_x509_certificate(answer.body)
    assert certificate.subject.rfc4514_string() == 'CN=system:node:node-1,O=system:nodes'
    assert certificate.public_key() == node.key.public_key()


@pytest.mark.parametrize(
    ('left', 'status'), [(0.5, 401), (0.42, 401), (0.38, 200), (0.01, 200), (-1.0, 200)]
)
def test_a_certificate_is_renewed_when_it_will_end(
    node: Node, session: orm.Session, conf: cfg.ConfigOpts, left: float, status: int
) -> None:
    _age(session, node.bay, left)
    answer = node.nodes.send(node.reissue_path() + '&renews=true', None, node.csr())
    assert answer.status_int == status
    if status == 200:
        certificate = x509.load_pem_x509_certificate(answer.body)
        term = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        assert round(term / datetime.timedelta(days=1)) == conf.x509.node_term_of_validity
        # Whose answer was lost may ask again while the former one is valid.
        again = node.nodes.send(node.reissue_path(), None, node.csr())
        assert again.status_int == (200 if left > 0 else 401)


@pytest.mark.parametrize('is_replaced', [False, True])
def test_a_node_that_is_gone_renews_nothing(
    node: Node, session: orm.Session, is_replaced: bool
) -> None:
    node.nodes.servers.servers.clear()
    if is_replaced:
        node.nodes.servers.boot(NODE, PROJECT)
    _age(session, node.bay, 0.1)
    answer = node.nodes.send(node.reissue_path(), None, node.csr())
    assert error_of(answer) == (403, 'magnum.bootstrap.node_refused')


def _age(session: orm.Session, bay: models.Bay, left: float) -> None:
    """Let this part of the term of every certificate be left."""
    term = datetime.timedelta(days=100)
    end = datetime.datetime.now(datetime.UTC) + term * left
    session.execute(
        sa.update(models.IssuedCertificate).values(not_before=end - term, not_after=end)
    )
    session.commit()


@pytest.mark.parametrize('verb', [None, states.RESIZE])
def test_not_while_nothing_rotates(
    node: Node, session: orm.Session, verb: str | None
) -> None:
    node_trust.expect(session, node.bay.uuid, [('worker', NODE)])   # by a rotation that failed
    if verb:
        session.add(_operation(node.bay, verb))
    session.commit()
    answer = node.nodes.send(node.reissue_path(), None, node.csr())
    assert error_of(answer) == (401, 'magnum.bootstrap.refused')


def test_whatever_is_wrong_the_answer_is_the_same(node: Node, rotating: None) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    unknown = '00000000-1111-4222-8333-444444444444'
    wrong = [
        ({}, other),
        ({'bay': unknown}, None),
        ({'bay': 'first'}, None),
        ({'node': 'node-2'}, None),
        ({'node': ''}, None),
        ({'node': '%ff'}, None),
        ({'node': 'NODE-1%00'}, None),
        ({'purpose': 'apiserver'}, None),
        ({'purpose': 'nothing'}, None),
    ]
    answers = [
        node.nodes.send(path(**changes), None, node.csr(key))
        for changes, key in wrong
        for path in (node.trust_path, node.reissue_path)
    ]
    assert {error_of(answer) for answer in answers} == {(401, 'magnum.bootstrap.refused')}
    assert len({answer.body for answer in answers}) == 1


def test_a_user_is_no_node(
    node: Node, session: orm.Session, service: CertificateService, rotating: None
) -> None:
    """Whatever it is called."""
    key = ec.generate_private_key(ec.SECP256R1())
    service.sign_user_csr(
        session, node.bay.uuid, 'kubernetes', csr.make(csr.name(CN='x'), key=key), ['member'],
        'worker/node-1/kubelet',
    )
    session.commit()
    for path in (node.trust_path(), node.reissue_path()):
        assert node.nodes.send(path, None, node.csr(key)).status_int == 401
        assert node.nodes.send(path, None, node.csr()).status_int == 200


@pytest.mark.parametrize('body', ['', 'no request', 'x' * 20_000])
def test_what_is_no_request_proves_nothing(node: Node, rotating: None, body: str) -> None:
    for path in (node.trust_path(), node.reissue_path()):
        answer = node.nodes.send(path, None, body)
        assert answer.status_int == (413 if len(body) > 16384 else 400)
        assert not body or body not in answer.text


@pytest.fixture
def few_requests(conf: cfg.ConfigOpts) -> int:
    """So few requests a minute that a slow machine allows no further one meanwhile."""
    most = 6
    conf.set_override('requests_per_minute', most, 'bootstrap')
    return most


@pytest.mark.parametrize('body', ['no request', 'x' * 20_000])
def test_who_sends_no_request_is_held_up_as_who_guesses(
    few_requests: int, node: Node, rotating: None, body: str
) -> None:
    """Reading a signing request costs the service, and proves nothing."""
    for path in (node.trust_path(), node.reissue_path()):
        statuses = [node.nodes.send(path, None, body).status_int for _ in range(few_requests + 4)]
        assert 429 in statuses
    # A node behind the same address is served.
    assert node.nodes.send(node.trust_path(), None, node.csr()).status_int == 200


def test_a_signature_that_is_not_its_own(node: Node, rotating: None) -> None:
    forged = csr.with_another_key(node.csr())
    assert node.nodes.send(node.trust_path(), None, forged).status_int == 400


def test_nothing_of_it_is_logged(
    node: Node, rotating: None, caplog: pytest.LogCaptureFixture
) -> None:
    request = node.csr()
    with caplog.at_level(logging.DEBUG):
        node.nodes.send(node.trust_path(), None, request)
        node.nodes.send(node.reissue_path(), None, request)
    assert NODE in caplog.text
    for line in request.splitlines():
        assert line not in caplog.text
