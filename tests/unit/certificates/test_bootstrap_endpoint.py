import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from oslo_config import cfg
from sqlalchemy import orm

from magnum.api.bootstrap.rate_limits import RateLimiter, address_key
from magnum.certificates.bootstrap import ROLES
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.db.repositories import tokens as repository
from magnum.domain.node_certificates import NodeCertificate
from tests.fakes import bootstrap
from tests.fakes.servers import FakeServers, NoWakeUp
from tests.fakes.tokens import FakeTokens
from tests.unit.certificates import conftest, csr
from tests.unit.certificates.nodes import FakeDriver, Nodes, error_of

CSR = csr.make(csr.name(CN='x'))


def kubelet_path(bay: models.Bay, node: str = 'node-1') -> str:
    return f'/{bay.uuid}/certificates/kubelet?node={node}'


def count(session: orm.Session) -> int | None:
    return session.scalar(sa.select(sa.func.count(models.IssuedCertificate.id)))


@pytest.mark.parametrize('role', ['master', 'worker'])
def test_every_node_gets_the_authority(
    nodes: Nodes,
    session: orm.Session,
    service: CertificateService,
    bay: models.Bay,
    tokens: dict[str, str],
    role: str,
) -> None:
    response = nodes.send(f'/{bay.uuid}/ca', tokens[role])
    assert response.status_int == 200
    assert response.content_type == 'application/x-pem-file'
    assert response.headers['Cache-Control'] == 'no-store'
    assert response.text == service.trusted(session, bay.uuid)


def test_a_node_gets_its_certificate(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    response = nodes.send(kubelet_path(bay), tokens['worker'], CSR)
    assert response.status_int == 200
    certificate = x509.load_pem_x509_certificate(response.body)
    ca = x509.load_pem_x509_certificate(nodes.send(f'/{bay.uuid}/ca', tokens['worker']).body)
    certificate.verify_directly_issued_by(ca)
    assert certificate.subject == csr.name(O='system:nodes', CN='system:node:node-1')
    assert count(session) == 1
    assert set(nodes.bays) == {(bay.uuid, bay.baymodel_id)}


def test_whatever_is_wrong_with_the_token_the_answer_is_the_same(
    nodes: Nodes,
    session: orm.Session,
    service: CertificateService,
    bay: models.Bay,
    tokens: dict[str, str],
) -> None:
    other = conftest.add_bay(session, name='other')
    foreign = service.tokens.arm(session, other.uuid, 'foreign operation', ROLES)['worker']
    late = service.tokens.arm(session, bay.uuid, 'late operation', ROLES)['worker']
    repository.disarm(session, 'late operation')
    orphaned = service.tokens.arm(
        session, '8a1c0a36-9f4b-4a53-9f50-8f9a1f3f6a10', 'orphaned operation', ROLES
    )['worker']
    session.commit()
    good = tokens['worker']
    attempts = [
        (bay.uuid, 'wrong'),
        (bay.uuid, ''),
        (bay.uuid, None),
        (bay.uuid, late),
        (bay.uuid, foreign),
        (bay.uuid, good + ' x'),
        (bay.uuid.upper(), good),
        (bay.uuid + '%0A', good),
        ('8a1c0a36-9f4b-4a53-9f50-8f9a1f3f6a11', good),
        ('8a1c0a36-9f4b-4a53-9f50-8f9a1f3f6a10', orphaned),
        ('00000000-0000-0000-0000-000000000000', good),
        ('no-uuid', good),
        ('%FF%00', good),
        ('', good),
        ("' or 1=1 --", good),
    ]
    answers = set()
    for bay_uuid, token in attempts:
        for rest in ('ca', 'certificates/kubelet?node=node-1', 'certificates/x'):
            response = nodes.send(f'/{bay_uuid}/{rest}', token, CSR)
            assert error_of(response) == (401, 'magnum.bootstrap.refused')
            answers.add((response.status, tuple(response.headerlist), response.body))
    assert len(answers) == 1
    assert count(session) == 0


def test_a_purpose_of_another_role_is_refused(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    path = f'/{bay.uuid}/certificates/apiserver?node=node-1'
    assert error_of(nodes.send(path, tokens['worker'], CSR)) == (
        403,
        'magnum.bootstrap.purpose_refused',
    )
    assert count(session) == 0
    assert nodes.send(path, tokens['master'], CSR).status_int == 200


@pytest.mark.parametrize(
    ('path', 'body', 'code'),
    [
        ('certificates/none?node=node-1', CSR, 'magnum.bootstrap.unknown_purpose'),
        ('certificates/kubelet', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=-n', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=N', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=a_b', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=a/b', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=n%0A', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=%FF', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=node-1.', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=*.svc', CSR, 'magnum.bootstrap.invalid_node'),
        (f'certificates/kubelet?node={"n" * 254}', CSR, 'magnum.bootstrap.invalid_node'),
        ('certificates/kubelet?node=node-1', '', 'magnum.certificate.invalid_csr'),
        ('certificates/kubelet?node=node-1', 'nonsense', 'magnum.certificate.invalid_csr'),
        ('certificates/kubelet?node=node-1', b'\xff\xfe', 'magnum.certificate.invalid_csr'),
        (
            'certificates/kubelet?node=node-1',
            csr.with_another_key(CSR),
            'magnum.certificate.invalid_csr',
        ),
    ],
)
def test_a_bad_request_with_a_good_token_changes_nothing(
    nodes: Nodes,
    session: orm.Session,
    bay: models.Bay,
    tokens: dict[str, str],
    path: str,
    body: str | bytes,
    code: str,
) -> None:
    response = nodes.send(f'/{bay.uuid}/{path}', tokens['worker'], body)
    assert error_of(response) == (400, code)
    assert count(session) == 0


def test_a_long_body_is_refused(nodes: Nodes, bay: models.Bay, tokens: dict[str, str]) -> None:
    longest = CSR + '\n' * (16 * 1024 - len(CSR))
    assert nodes.send(kubelet_path(bay), tokens['worker'], longest).status_int == 200
    response = nodes.send(kubelet_path(bay), tokens['worker'], longest + '\n')
    assert error_of(response) == (413, 'magnum.request.too_large')


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
def test_only_post_is_served(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], method: str
) -> None:
    for path in (f'/{bay.uuid}/ca', kubelet_path(bay)):
        response = nodes.send(path, tokens['worker'], method=method)
        assert response.status_int == 405
        assert response.headers['Allow'] == 'POST'


@pytest.mark.parametrize('path', ['/', '/x', '/x/ca/', '/x/y', '/x/certificates/', '/x/y/z/ca'])
def test_other_paths_are_unknown(nodes: Nodes, path: str) -> None:
    assert error_of(nodes.send(path, None)) == (404, 'magnum.request.no_such_path')


def test_a_bay_without_an_authority_says_so(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay
) -> None:
    token = conftest.build(session, service, bay)['worker']
    for path in (f'/{bay.uuid}/ca', kubelet_path(bay)):
        assert error_of(nodes.send(path, token, CSR)) == (409, 'magnum.certificate.not_ready')


def test_it_can_be_switched_off(
    conf: cfg.ConfigOpts,
    session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService,
    bay: models.Bay,
    tokens: dict[str, str],
) -> None:
    conf.set_override('enabled', False, 'bootstrap')
    nodes = Nodes(conf, session_maker, service)
    assert nodes.send(f'/{bay.uuid}/ca', tokens['worker']).status_int == 404


class BrokenDriver:
    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        raise RuntimeError('a fault of the driver')


def test_a_fault_of_ours_tells_nothing_and_changes_nothing(
    conf: cfg.ConfigOpts,
    session_maker: orm.sessionmaker[orm.Session],
    session: orm.Session,
    service: CertificateService,
    bay: models.Bay,
    tokens: dict[str, str],
) -> None:
    nodes = Nodes(conf, session_maker, service, BrokenDriver())
    response = nodes.send(kubelet_path(bay), tokens['worker'], CSR)
    assert error_of(response) == (500, 'magnum.internal')
    assert 'fault of the driver' not in response.text
    assert count(session) == 0


def test_a_commit_that_fails_hands_no_certificate_out(
    conf: cfg.ConfigOpts,
    session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService,
    bay: models.Bay,
    tokens: dict[str, str],
) -> None:
    @contextlib.contextmanager
    def failing() -> Iterator[orm.Session]:
        with session_maker() as session:
            yield session
            raise RuntimeError('the database is gone')

    app = bootstrap.make_app(
        conf, failing, session_maker, session_maker.kw['bind'].begin, service,
        lambda *_: FakeDriver(), FakeServers(), NoWakeUp(), FakeTokens(),
    )
    request = bootstrap.request(kubelet_path(bay))
    request.body = CSR.encode()
    request.headers['X-Bootstrap-Token'] = tokens['worker']
    response = request.get_response(app)
    assert response.status_int == 500
    assert 'CERTIFICATE' not in response.text


def test_neither_tokens_nor_requests_are_logged(
    nodes: Nodes,
    bay: models.Bay,
    tokens: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        nodes.send(f'/{bay.uuid}/ca', tokens['worker'])
        nodes.send(kubelet_path(bay), tokens['worker'], CSR)
        nodes.send(kubelet_path(bay), tokens['worker'], csr.with_another_key(CSR))
        nodes.send(kubelet_path(bay), 'a-wrong-token', CSR)
    for secret in (*tokens.values(), 'a-wrong-token', *CSR.splitlines()):
        assert secret not in caplog.text
    for word in ('req-1', bay.uuid, 'node-1', 'kubelet', '192.0.2.1', '401'):
        assert word in caplog.text


# Rates --------------------------------------------------------------------
class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once_then_evenly() -> None:
    clock = Clock()
    limiter = RateLimiter(6, clock)
    assert [limiter.seconds_to_wait('a') for _ in range(6)] == [0.0] * 6
    assert limiter.seconds_to_wait('a') == pytest.approx(10)
    assert limiter.seconds_to_wait('b') == 0.0
    clock.now += 9.5
    assert limiter.seconds_to_wait('a') == pytest.approx(0.5)
    clock.now += 0.5
    assert limiter.seconds_to_wait('a') == 0.0
    assert limiter.seconds_to_wait('a') == pytest.approx(10)
    clock.now += 3600
    assert [limiter.seconds_to_wait('a') for _ in range(6)] == [0.0] * 6
    assert limiter.seconds_to_wait('a') > 0


def test_no_limit() -> None:
    limiter = RateLimiter(0)
    assert not any(limiter.seconds_to_wait('a') for _ in range(1000))


def test_memory_is_bounded() -> None:
    limiter = RateLimiter(1, Clock(), max_keys=3)
    for key in 'abcd':
        limiter.seconds_to_wait(key)
    assert len(limiter._due) == 3
    assert limiter.seconds_to_wait('d') > 0


@pytest.mark.parametrize(('address', 'key'), [
    ('192.0.2.1', '192.0.2.1'), ('192.0.2.1:4711', '192.0.2.1'), ('"192.0.2.1"', '192.0.2.1'),
    ('2001:db8:1:2:3::4', '2001:db8:1:2::/64'), ('2001:db8:1:2::5', '2001:db8:1:2::/64'),
    ('"[2001:db8:1:2::5]:80"', '2001:db8:1:2::/64'), ('::ffff:192.0.2.1', '192.0.2.1'),
    ('', 'unknown'), ('_secret', 'unknown'), ('1' * 100_000, 'unknown'), ('999.1.1.1', 'unknown'),
    ('192.0.2.1, 192.0.2.2', 'unknown'), ('fe80::1%eth0', 'fe80::/64'),
])
def test_keys_of_addresses(address: str, key: str) -> None:
    assert address_key(address) == key


@pytest.fixture
def limited(
    conf: cfg.ConfigOpts,
    session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService,
) -> Callable[[int], Nodes]:
    """Makes nodes whose service takes so many requests a minute."""

    def make(requests: int) -> Nodes:
        conf.set_override('requests_per_minute', requests, 'bootstrap')
        return Nodes(conf, session_maker, service)

    return make


def test_failures_of_an_address_are_limited(
    limited: Callable[[int], Nodes], bay: models.Bay, tokens: dict[str, str]
) -> None:
    nodes = limited(2)
    path = f'/{bay.uuid}/ca'
    assert [nodes.send(path, 'wrong').status_int for _ in range(2)] == [401, 401]
    response = nodes.send(path, 'wrong')
    assert error_of(response) == (429, 'magnum.bootstrap.too_many_requests')
    assert 1 <= int(response.headers['Retry-After']) <= 30
    # Strangers at the address of the nodes' router do not lock the nodes out.
    assert nodes.send(path, tokens['worker']).status_int == 200
    assert nodes.send(path, 'wrong').status_int == 429
    assert nodes.send(path, 'wrong', address='192.0.2.2').status_int == 401


def test_good_tokens_are_not_counted_against_an_address(
    limited: Callable[[int], Nodes], bay: models.Bay, tokens: dict[str, str]
) -> None:
    nodes = limited(4)
    path = f'/{bay.uuid}/ca'
    # A whole cloud behind one address; the limit of one bay is another one.
    assert [nodes.send(path, tokens['worker']).status_int for _ in range(4)] == [200] * 4
    assert [nodes.send(path, 'wrong').status_int for _ in range(5)] == [401] * 4 + [429]


def test_one_at_a_time_from_an_address_with_many_failures(
    limited: Callable[[int], Nodes],
    service: CertificateService,
    bay: models.Bay,
    tokens: dict[str, str],
) -> None:
    nodes = limited(3)
    path = f'/{bay.uuid}/ca'
    assert [nodes.send(path, 'wrong').status_int for _ in range(3)] == [401] * 3
    answers = []
    verify = service.tokens.verify

    def meanwhile(*arguments: Any) -> Any:
        service.tokens.verify = verify  # type: ignore[method-assign]
        answers.append(nodes.send(path, 'wrong'))
        answers.append(nodes.send(path, tokens['worker'], address='192.0.2.2'))
        return verify(*arguments)

    service.tokens.verify = meanwhile  # type: ignore[method-assign, assignment]
    assert nodes.send(path, tokens['worker']).status_int == 200
    assert [answer.status_int for answer in answers] == [429, 200]
    assert answers[0].headers['Retry-After'] == '1'
    # And it is free again.
    assert nodes.send(path, tokens['worker']).status_int == 200


def test_a_bay_that_asks_too_often_is_limited_over_all_addresses(
    limited: Callable[[int], Nodes], session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    nodes = limited(2)
    statuses = [
        nodes.send(kubelet_path(bay), tokens['worker'], CSR, address=f'192.0.2.{number}').status_int
        for number in range(3)
    ]
    assert statuses == [200, 200, 429]
    assert count(session) == 2
