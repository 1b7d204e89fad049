"""What living nodes sign: which authorities they trust, and requests for certificates."""

import datetime
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
import webob
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from oslo_config import cfg
from sqlalchemy import orm

from magnum.api.bootstrap.signed import SignedRequests
from magnum.certificates.service import CertificateService, public_key_of
from magnum.db import models
from magnum.db.repositories import node_trust
from magnum.db.repositories import nodes as registry
from magnum.domain import states
from magnum.domain.node_certificates import NodeAddresses
from tests.unit.certificates import csr
from tests.unit.certificates.nodes import APISERVER, KUBELET, PROJECT, Nodes
from tests.unit.certificates.reporting import (
    NODE,
    REFUSED,
    Reporting,
    delete_bay,
    error_of,
    finish,
    pem,
    row,
    source_of,
)

KINDS = {'kubelet': KUBELET, 'apiserver': APISERVER}
NOBODY = hashlib.sha256(b'').hexdigest()


class Living(Reporting):
    """A node that has booted: a key for each purpose, and one to sign with.

    :param app: the application of nodes.
    """

    def __init__(self, nodes: Nodes, bay: models.Bay, role: str = 'worker', name: str = NODE):
        super().__init__(nodes.app, bay.uuid, name, role)
        self.nodes = nodes
        purposes = ('kubelet', 'apiserver') if role == 'master' else ('kubelet',)
        self.keys = {purpose: ec.generate_private_key(ec.SECP256R1()) for purpose in purposes}
        server = nodes.servers.boot(name, PROJECT)
        with nodes.session_maker.begin() as session:
            self.admit(session, 'operation', server)
            known = registry.find(session, bay.uuid, role, name)
            assert known is not None
            known.addresses = ['10.0.0.5']
            for purpose in purposes:
                registry.bind(session, known, purpose, public_key_of(self.csr(purpose)))
                nodes.service.sign_node_csr(
                    session, bay.uuid, role, name, purpose, KINDS[purpose],
                    NodeAddresses(('10.0.0.5',)), self.csr(purpose),
                )

    def csr(self, purpose: str = 'kubelet') -> str:
        return csr.make(csr.name(CN='x'), key=self.keys[purpose])

    def requests(self) -> dict[str, str]:
        return {purpose: self.csr(purpose) for purpose in self.keys}

    def ask(self, path: str, document: Any, **signature: Any) -> webob.Response:
        body = json.dumps(document).encode()
        headers = self.headers(body, **{'tag': f'magnum/{path}', **signature})
        return self.send(path, body, headers)

    def authorities(self, trusts: str = NOBODY, **signature: Any) -> webob.Response:
        return self.ask('authorities', {'trusts': trusts}, **signature)

    def reissue(
        self, requests: Mapping[str, str] | None = None, **signature: Any
    ) -> webob.Response:
        asked = self.requests() if requests is None else requests
        return self.ask('certificates', {'requests': asked}, **signature)

    def unsigned(self, trusts: str = '', purpose: str = 'kubelet') -> list[webob.Response]:
        """What who has the key of a certificate asks as nodes of earlier releases do."""
        return [
            self.nodes.send(f'/{self.bay_uuid}/{path}', None, self.csr())
            for path in (
                f'trust?node={self.name}&purpose={purpose}&trusts={trusts}',
                f'reissue/{purpose}?node={self.name}',
            )
        ]


@pytest.fixture
def with_authority(
    session: orm.Session, service: CertificateService, bay: models.Bay
) -> models.Bay:
    service.ensure_authority(session, bay.uuid, bay.name)
    session.commit()
    return bay


@pytest.fixture
def living(nodes: Nodes, with_authority: models.Bay) -> Living:
    return Living(nodes, with_authority)


@pytest.fixture
def master(nodes: Nodes, with_authority: models.Bay) -> Living:
    return Living(nodes, with_authority, 'master')


@pytest.fixture
def rotating(session: orm.Session, bay: models.Bay) -> None:
    """The bay's authority is being rotated, and the node is expected to follow."""
    rotate(session, bay, ('worker', NODE), ('master', NODE))


def rotate(session: orm.Session, bay: models.Bay, *expected: tuple[str, str]) -> None:
    node_trust.expect(session, bay.uuid, expected)
    session.add(models.Operation(
        uuid='rotation', bay_uuid=bay.uuid, bay_name=bay.name, verb=states.ROTATE_CA,
        phase=states.START, state=states.QUEUED, active_for=bay.uuid, parameters={}, roles=[],
        deadline=bay.created_at,
    ))
    session.commit()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def age(session: orm.Session, left: float, purpose: str = '') -> None:
    """Let this part of the term of certificates be left."""
    term = datetime.timedelta(days=100)
    end = datetime.datetime.now(datetime.UTC) + term * left
    session.execute(
        sa.update(models.IssuedCertificate)
        .where(models.IssuedCertificate.issued_to.endswith(purpose))
        .values(not_before=end - term, not_after=end)
    )
    session.commit()


def test_a_node_hears_what_to_trust(
    living: Living, service: CertificateService, session: orm.Session
) -> None:
    trusted = service.trusted(session, living.bay_uuid)
    assert trusted
    answer = living.authorities()
    assert (answer.status_int, answer.json) == (200, {'authorities': trusted})
    assert answer.headers['Cache-Control'] == 'no-store'
    again = living.authorities(sha(trusted))
    assert (again.status_int, again.json) == (200, {'authorities': None})


def test_its_word_is_written_down(
    living: Living, session: orm.Session, rotating: None
) -> None:
    trusted = living.authorities().json['authorities']
    assert node_trust.told(session, living.bay_uuid, 'worker', NODE) == ''
    session.commit()
    assert living.authorities(sha(trusted)).status_int == 200
    assert node_trust.told(session, living.bay_uuid, 'worker', NODE) == sha(trusted)


def test_masters_take_over_one_at_a_time(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay
) -> None:
    service.ensure_authority(session, bay.uuid, bay.name)
    session.commit()
    first, second = (Living(nodes, bay, 'master', f'node-{index}') for index in range(2))
    rotate(session, bay, *(('master', one.name) for one in (first, second)))
    trusted = first.authorities().json['authorities']
    refused = second.authorities()
    assert error_of(refused) == (425, 'magnum.bootstrap.not_yet')
    assert refused.headers['Retry-After'] == '5'
    # One whose answer was lost, or that began anew, keeps its turn.
    assert first.authorities().status_int == 200
    assert first.authorities(sha(trusted)).json == {'authorities': None}
    assert second.authorities().json == {'authorities': trusted}


def test_all_certificates_come_in_one_answer(master: Living, rotating: None) -> None:
    answer = master.reissue()
    assert answer.status_int == 200, answer.text
    assert answer.json.keys() == {'certificates'}
    given = {
        purpose: x509.load_pem_x509_certificate(pem.encode())
        for purpose, pem in answer.json['certificates'].items()
    }
    assert given.keys() == {'kubelet', 'apiserver'}
    subjects = {purpose: one.subject.rfc4514_string() for purpose, one in given.items()}
    assert subjects == {
        'kubelet': 'CN=system:node:node-1,O=system:nodes', 'apiserver': 'CN=kube-apiserver'
    }
    for purpose, certificate in given.items():
        assert certificate.public_key() == master.keys[purpose].public_key()


@pytest.mark.parametrize(
    ('left', 'status'), [(0.5, 401), (0.42, 401), (0.38, 200), (0.01, 200), (-1.0, 200)]
)
def test_certificates_are_renewed_when_they_will_end(
    living: Living, session: orm.Session, conf: cfg.ConfigOpts, left: float, status: int
) -> None:
    age(session, left)
    answer = living.reissue()
    assert answer.status_int == status
    if status == 200:
        pem = answer.json['certificates']['kubelet']
        certificate = x509.load_pem_x509_certificate(pem.encode())
        term = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        assert round(term / datetime.timedelta(days=1)) == conf.x509.node_term_of_validity
        # Whose answer was lost may ask again while the former one is valid.
        assert living.reissue().status_int == (200 if left > 0 else 401)


def test_one_that_may_not_be_had_yet_keeps_all_from_being_issued(
    master: Living, session: orm.Session
) -> None:
    age(session, 0.8)
    age(session, 0.1, '/kubelet')
    before = session.query(models.IssuedCertificate).count()
    assert error_of(master.reissue()) == REFUSED
    assert session.query(models.IssuedCertificate).count() == before
    assert master.reissue({'kubelet': master.csr()}).status_int == 200


@pytest.mark.parametrize('is_replaced', [False, True])
def test_a_node_that_is_gone_renews_nothing(
    living: Living, session: orm.Session, is_replaced: bool
) -> None:
    living.nodes.servers.servers.clear()
    if is_replaced:
        living.nodes.servers.boot(NODE, PROJECT)
    age(session, 0.1)
    assert error_of(living.reissue()) == (403, 'magnum.bootstrap.node_refused')


def test_not_while_nothing_rotates(
    living: Living, session: orm.Session, bay: models.Bay
) -> None:
    node_trust.expect(session, bay.uuid, [('worker', NODE)])    # by a rotation that failed
    session.commit()
    assert error_of(living.reissue()) == REFUSED


# Who is not the node ---------------------------------------------------------------------
def _as_signed_by(key: Callable[[Living], ec.EllipticCurvePrivateKey]) -> Callable[..., Any]:
    def put(living: Living) -> None:
        living.key = key(living)

    return put


STRANGERS: dict[str, Callable[[Living], Any]] = {
    'a stranger': _as_signed_by(lambda living: ec.generate_private_key(ec.SECP256R1())),
    'the key of a certificate': _as_signed_by(lambda living: living.keys['kubelet']),
    'another role': lambda living: setattr(living, 'role', 'master'),
    'another node': lambda living: setattr(living, 'name', 'node-2'),
    'another bay': lambda living: setattr(
        living, 'bay_uuid', '00000000-1111-4222-8333-444444444444'
    ),
}


@pytest.mark.parametrize('who', STRANGERS)
def test_whoever_is_not_the_node_learns_nothing(
    living: Living, session: orm.Session, rotating: None, who: str
) -> None:
    trusted = living.authorities().json['authorities']
    STRANGERS[who](living)
    answers = [living.authorities(), living.authorities(sha(trusted)), living.reissue()]
    assert {error_of(answer) for answer in answers} == {REFUSED}
    assert session.scalars(sa.select(models.NodeTrust.bundle)).all() == ['', '']


@pytest.mark.parametrize(('path', 'tag'), [
    ('authorities', 'magnum/certificates'), ('certificates', 'magnum/authorities'),
    ('authorities', 'magnum/report'), ('certificates', 'magnum/encryption'),
])
def test_a_signature_is_for_one_route(
    living: Living, rotating: None, path: str, tag: str
) -> None:
    document = {'trusts': NOBODY} if path == 'authorities' else {'requests': living.requests()}
    assert error_of(living.ask(path, document, tag=tag)) == REFUSED


@pytest.mark.parametrize('seconds', [-310, 330])
def test_an_old_signature_is_refused(living: Living, rotating: None, seconds: int) -> None:
    created = time.time() + seconds
    for answer in (living.authorities(created=created), living.reissue(created=created)):
        assert error_of(answer) == (401, 'magnum.bootstrap.clock')


def test_the_bay_is_gone(living: Living, session: orm.Session, bay: models.Bay) -> None:
    delete_bay(session, bay)
    for answer in (living.authorities(), living.reissue()):
        assert error_of(answer) == (410, 'magnum.bootstrap.gone')


def test_another_key_of_a_purpose_is_not_signed(living: Living, rotating: None) -> None:
    """Not even for the node: its first keys count."""
    of_another = csr.make(csr.name(CN='x'), key=ec.generate_private_key(ec.SECP256R1()))
    of_agent = csr.make(csr.name(CN='x'), key=living.key)
    for requests in (
        {'kubelet': of_another}, {'kubelet': of_agent}, {'apiserver': living.csr()},
        {'nothing': living.csr()}, {'agent': of_agent}, {registry.SIGNS: of_agent},
    ):
        answer = living.reissue(requests)
        assert error_of(answer) in (REFUSED, (400, 'magnum.bootstrap.unknown_purpose')), requests


def test_another_server_has_taken_the_name(
    living: Living, nodes: Nodes, session: orm.Session, bay: models.Bay, rotating: None
) -> None:
    assert living.authorities().status_int == 200
    living.nodes.servers.servers.clear()
    other = Living(nodes, bay)
    assert error_of(living.authorities()) == error_of(living.reissue()) == REFUSED
    assert not registry.signs(row(session).public_keys), 'it is of another release, perhaps'
    assert other.reissue().status_int == 200


def test_another_server_takes_the_name_meanwhile(
    living: Living, nodes: Nodes, session: orm.Session, bay: models.Bay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be of a release that does not sign: it would be locked out."""
    verify = SignedRequests.document

    def slowly(self: SignedRequests, *arguments: Any) -> Any:
        verified = verify(self, *arguments)
        Living(nodes, bay)
        return verified

    monkeypatch.setattr(SignedRequests, 'document', slowly)
    assert error_of(living.authorities()) == REFUSED
    assert not registry.signs(row(session).public_keys)


# Nodes that do not sign, and who says to be one ------------------------------------------
@pytest.mark.parametrize('first', ['authorities', 'reissue'])
def test_who_has_signed_once_is_taken_at_no_other_word(
    living: Living, session: orm.Session, service: CertificateService, rotating: None, first: str
) -> None:
    """The attack: the key of a certificate was stolen, and not the agent's."""
    assert [answer.status_int for answer in living.unsigned()] == [200, 200]
    assert getattr(living, first)().status_int == 200
    trusted = service.trusted(session, living.bay_uuid) or ''
    session.commit()
    issued = session.query(models.IssuedCertificate).count()
    for answer in (*living.unsigned(), *living.unsigned(sha(trusted))):
        assert error_of(answer) == REFUSED
    assert node_trust.told(session, living.bay_uuid, 'worker', NODE) == ''
    assert session.query(models.IssuedCertificate).count() == issued
    age(session, 0.1)
    finish(session)
    assert [error_of(answer) for answer in living.unsigned()] == [REFUSED] * 2
    assert living.reissue().status_int == 200


@pytest.mark.parametrize('signs', [True, False])
def test_a_node_says_at_its_registration_that_it_signs(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    tokens: dict[str, str], signs: bool,
) -> None:
    """Nobody is faster than its first question then."""
    made = Living.__new__(Living)
    Reporting.__init__(made, nodes.app, bay.uuid, NODE)
    made.nodes, made.keys = nodes, {'kubelet': made.key}
    document = {'public_key': pem(made.key), 'requests': made.requests()}
    path = f'/{bay.uuid}/register?node={NODE}&renews=true{"&signs=true" if signs else ""}'
    for _ in range(2):      # the first answer was lost
        answer = nodes.send(path, tokens['worker'], json.dumps(document))
        assert answer.status_int == 200, answer.text
    finish(session)
    rotate(session, bay, ('worker', NODE))
    assert {answer.status_int for answer in made.unsigned()} == ({401} if signs else {200})
    assert made.authorities().status_int == made.reissue().status_int == 200
    assert {answer.status_int for answer in made.unsigned()} == {401}


def test_the_purpose_that_says_so_is_no_purpose(
    living: Living, tokens: dict[str, str], nodes: Nodes, bay: models.Bay
) -> None:
    assert living.authorities().status_int == 200
    for purpose in ('agent', registry.SIGNS):
        for answer in living.unsigned(purpose=purpose):
            assert answer.status_int in (401, 404)
    stranger = Reporting(nodes.app, bay.uuid, 'node-2')
    assert error_of(stranger.register(tokens['worker'], registry.SIGNS)) == (
        400, 'magnum.bootstrap.unknown_purpose'
    )


# What is asked ---------------------------------------------------------------------------
@pytest.mark.parametrize(('document', 'pointer'), [
    ({}, '/trusts'), ({'trusts': None}, '/trusts'), ({'trusts': 7}, '/trusts'),
    ({'trusts': 'A' * 64}, '/trusts'), ({'trusts': ''}, '/trusts'),
    ({'trusts': NOBODY, 'more': 1}, '/more'),
])
def test_what_is_no_question(
    living: Living, session: orm.Session, document: Any, pointer: str
) -> None:
    assert source_of(living.ask('authorities', document)) == pointer
    assert not registry.signs(row(session).public_keys)


@pytest.mark.parametrize(('document', 'pointer'), [
    ({}, '/requests'), ({'requests': None}, '/requests'), ({'requests': []}, '/requests'),
    ({'requests': {}}, '/requests'), ({'requests': {str(n): '' for n in range(21)}}, '/requests'),
    ({'requests': {'kubelet': 'x'}, 'more': 1}, '/more'),
])
def test_what_is_no_request(
    living: Living, rotating: None, document: Any, pointer: str
) -> None:
    assert source_of(living.ask('certificates', document)) == pointer


@pytest.mark.parametrize('text', ['', 'no request', 7, None, '-----BEGIN'])
def test_a_signing_request_that_is_none_is_named(
    master: Living, session: orm.Session, rotating: None, text: Any
) -> None:
    issued = session.query(models.IssuedCertificate).count()
    answer = master.reissue({'kubelet': master.csr(), 'apiserver': text})
    (error,) = answer.json['errors']
    assert (answer.status_int, error['code']) == (400, 'magnum.certificate.invalid_csr')
    assert error['source']['pointer'] == '/requests/apiserver'
    assert session.query(models.IssuedCertificate).count() == issued


@pytest.mark.parametrize('path', ['authorities', 'certificates'])
def test_a_node_may_not_ask_too_often(
    conf: cfg.ConfigOpts, nodes: Nodes, session: orm.Session, service: CertificateService,
    bay: models.Bay, path: str,
) -> None:
    conf.set_override('requests_per_minute', 5, 'nodes')
    service.ensure_authority(session, bay.uuid, bay.name)
    session.commit()
    few = Nodes(conf, nodes.session_maker, service)
    one = Living(few, bay)
    rotate(session, bay, ('worker', NODE))
    ask = one.authorities if path == 'authorities' else one.reissue
    assert [ask().status_int for _ in range(6)] == [200] * 5 + [429]
