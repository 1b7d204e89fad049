"""Registration, reports and results, as nodes send them."""

import base64
import datetime
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from oslo_config import cfg
from sqlalchemy import orm

from magnum.api.bootstrap import heard
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.db.repositories import directives, reports
from magnum.domain import states
from tests.unit.certificates import conftest, csr
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import WELL, Reporting, pem

NODE = 'node-1'
REFUSED = (401, 'magnum.bootstrap.refused')


@pytest.fixture
def tokens(session: orm.Session, service: CertificateService, bay: models.Bay) -> dict[str, str]:
    service.ensure_authority(session, bay.uuid, bay.name)
    return conftest.build(session, service, bay)


@pytest.fixture
def node(nodes: Nodes, bay: models.Bay, tokens: dict[str, str]) -> Reporting:
    """One that is registered."""
    made = Reporting(nodes.app, bay.uuid, NODE)
    assert made.register(tokens['worker']).status_int == 200
    return made


def error_of(response: Any) -> tuple[int, str]:
    (error,) = json.loads(response.body)['errors']
    return response.status_int, error['code']


def source_of(response: Any) -> str:
    (error,) = json.loads(response.body)['errors']
    assert (response.status_int, error['code']) == (400, 'magnum.request.invalid_value'), error
    return str(error['source']['pointer'])


def row(session: orm.Session, name: str = NODE) -> models.Node:
    session.expire_all()
    return session.scalars(sa.select(models.Node).filter_by(name=name)).one()


def operation(session: orm.Session, uuid: str = 'operation') -> models.Operation:
    session.expire_all()
    return session.scalars(sa.select(models.Operation).filter_by(uuid=uuid)).one()


def finish(session: orm.Session) -> None:
    session.execute(sa.update(models.Operation).values(active_for=None, state=states.SUCCEEDED))
    session.commit()


# Registration -------------------------------------------------------------
def test_a_registration_gives_what_the_node_needs(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session,
    service: CertificateService,
) -> None:
    made = Reporting(nodes.app, bay.uuid, NODE, 'master')
    answer = made.register(tokens['master'], 'kubelet', 'apiserver')
    assert answer.status_int == 200, answer.text
    assert answer.json['authorities'] == service.trusted(session, bay.uuid)
    assert answer.json['next'] == 5
    assert answer.json['certificates'].keys() == {'kubelet', 'apiserver'}
    for text in answer.json['certificates'].values():
        certificate = x509.load_pem_x509_certificate(text.encode())
        assert certificate.public_key() == made.key.public_key()
    assert row(session).public_keys.keys() == {'agent', 'kubelet', 'apiserver'}
    assert nodes.servers.asked == [NODE]


def test_a_registration_can_be_repeated(
    node: Reporting, nodes: Nodes, tokens: dict[str, str]
) -> None:
    assert node.report().status_int == 200
    assert node.register(tokens['worker'], 'kubelet').status_int == 200
    assert node.report().status_int == 200
    assert nodes.servers.asked == [NODE]


@pytest.mark.parametrize('other', ['signing key', 'certificate'])
def test_another_key_fails_the_operation(
    node: Reporting, nodes: Nodes, session: orm.Session, tokens: dict[str, str], other: str
) -> None:
    assert node.register(tokens['worker'], 'kubelet').status_int == 200
    second = Reporting(nodes.app, node.bay_uuid, NODE)
    members = {} if other == 'signing key' else {'public_key': pem(node.key)}
    answer = second.register(tokens['worker'], 'kubelet', **members)
    assert error_of(answer) == (409, 'magnum.bootstrap.identity_conflict')
    assert (operation(session).found_failure or {})['code'] == 'node_identity_conflict'
    assert nodes.wake_up.sent == 1
    # Either may be the stranger: neither is heard any more.
    assert error_of(node.report()) == error_of(second.report()) == REFUSED


def test_who_may_not_register(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session
) -> None:
    for token in (None, '', 'wrong'):
        assert error_of(Reporting(nodes.app, bay.uuid, NODE).register(token)) == REFUSED
    beyond = Reporting(nodes.app, bay.uuid, 'node-4')
    assert error_of(beyond.register(tokens['worker'])) == (403, 'magnum.bootstrap.node_refused')
    worker = Reporting(nodes.app, bay.uuid, NODE)
    assert error_of(worker.register(tokens['worker'], 'apiserver')) == (
        403, 'magnum.bootstrap.purpose_refused'
    )
    assert error_of(worker.register(tokens['worker'], 'agent')) == (
        400, 'magnum.bootstrap.unknown_purpose'
    )
    assert session.scalars(sa.select(models.Node)).all() == []


def _rsa() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.mark.parametrize(
    ('members', 'pointer'),
    [
        ({'public_key': 'nonsense'}, '/public_key'),
        ({'public_key': None}, '/public_key'),
        ({'public_key': _rsa()}, '/public_key'),
        ({'public_key': pem(ec.generate_private_key(ec.SECP384R1()))}, '/public_key'),
        ({'requests': []}, '/requests'),
        ({'requests': {f'p{number}': '' for number in range(21)}}, '/requests'),
        ({'more': 1}, '/more'),
    ],
)
def test_a_registration_of_another_form(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], members: dict[str, Any], pointer: str
) -> None:
    made = Reporting(nodes.app, bay.uuid, NODE)
    assert source_of(made.register(tokens['worker'], **members)) == pointer


def test_a_registration_with_a_bad_request_names_it(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    for bad in ('nonsense', None, 7):
        answer = Reporting(nodes.app, bay.uuid, NODE).register(
            tokens['worker'], requests={'kubelet': bad}
        )
        assert error_of(answer) == (400, 'magnum.certificate.invalid_csr')
        assert answer.json['errors'][0]['source'] == {'pointer': '/requests/kubelet'}
    for text in (b'', b'[]', b'{"', b'\xff', b'7'):
        answer = Reporting(nodes.app, bay.uuid, NODE).send(
            'register', text, {'X-Bootstrap-Token': tokens['worker']}
        )
        assert error_of(answer) == (400, 'magnum.request.invalid')
    answer = Reporting(nodes.app, bay.uuid, NODE).send(
        'register', b'x' * 65537, {'X-Bootstrap-Token': tokens['worker']}
    )
    assert answer.status_int == 413


# Signatures ---------------------------------------------------------------
def test_a_good_signature(node: Reporting) -> None:
    assert node.report().status_int == 200


def _another_key(headers: dict[str, str], node: Reporting, body: bytes) -> dict[str, str]:
    stranger = Reporting(node.app, node.bay_uuid, node.name)
    return stranger.headers(body, 'magnum/report')


def _keyid(which: Callable[[Reporting], str]) -> Callable[..., dict[str, str]]:
    return lambda headers, node, body: node.headers(body, 'magnum/report', keyid=which(node))


def _put(name: str, old: str, new: str) -> Callable[..., dict[str, str]]:
    def put(headers: dict[str, str], node: Reporting, body: bytes) -> dict[str, str]:
        assert old in headers[name]
        return {**headers, name: headers[name].replace(old, new)}

    return put


def _without(name: str) -> Callable[..., dict[str, str]]:
    return lambda headers, node, body: {key: value for key, value in headers.items()
                                        if key != name}


def _random_signature(headers: dict[str, str], node: Reporting, body: bytes) -> dict[str, str]:
    noise = base64.b64encode(random.randbytes(64)).decode()
    return {**headers, 'Signature': f'magnum=:{noise}:'}


WRONG: dict[str, Callable[..., dict[str, str]]] = {
    'no digest': _without('Content-Digest'),
    'no input': _without('Signature-Input'),
    'no signature': _without('Signature'),
    'another key': _another_key,
    'another signature': _random_signature,
    'a signature of zeros': lambda headers, node, body: {
        **headers, 'Signature': f'magnum=:{base64.b64encode(bytes(64)).decode()}:'
    },
    'a short signature': lambda headers, node, body: {**headers, 'Signature': 'magnum=:AAAA:'},
    'another body': lambda headers, node, body: node.headers(body + b' ', 'magnum/report'),
    'another digest': _put('Content-Digest', 'sha-256', 'sha-512'),
    'another label': _put('Signature', 'magnum', 'sig1'),
    'another label of the input': _put('Signature-Input', 'magnum=', 'sig1='),
    'two signatures': _put('Signature-Input', 'magnum=', 'a=("@method");created=1, magnum='),
    'the method alone': _put('Signature-Input', ' "content-digest"', ''),
    'more components': _put('Signature-Input', '"@method"', '"@method" "@path"'),
    'another order': _put(
        'Signature-Input', '"@method" "content-digest"', '"content-digest" "@method"'
    ),
    'another algorithm': _put('Signature-Input', 'ecdsa-p256-sha256', 'hmac-sha256'),
    'no algorithm': _put('Signature-Input', ';alg="ecdsa-p256-sha256"', ''),
    'another time than is signed': _put('Signature-Input', 'created=1', 'created=2'),
    'a parameter more': _put('Signature-Input', ';alg=', ';expires=9999999999;alg='),
    'another tag': lambda headers, node, body: node.headers(body, 'magnum/result/x'),
    'a tag of others': lambda headers, node, body: node.headers(body, 'web-bot-auth'),
    'no nonce': lambda headers, node, body: {
        **headers, 'Signature-Input': headers['Signature-Input'].replace('nonce', 'once')
    },
    'another method': lambda headers, node, body: node.headers(
        body, 'magnum/report', method='PUT'
    ),
    'another bay': _keyid(lambda node: f'{"0" * 8}-0000-4000-8000-{"0" * 12}/worker/{NODE}'),
    'another role': _keyid(lambda node: f'{node.bay_uuid}/master/{NODE}'),
    'a role that is none': _keyid(lambda node: f'{node.bay_uuid}/admin/{NODE}'),
    'another node': _keyid(lambda node: f'{node.bay_uuid}/worker/node-2'),
}


@pytest.mark.parametrize('what', sorted(WRONG))
def test_every_wrong_part_is_refused(node: Reporting, session: orm.Session, what: str) -> None:
    body = json.dumps(node.said()).encode()
    headers = WRONG[what](node.headers(body, 'magnum/report'), node, body)
    assert error_of(node.send('report', body, headers)) == REFUSED
    assert row(session).heard_at is None


def test_who_is_not_known_is_refused_in_the_same_words(
    node: Reporting, nodes: Nodes, bay: models.Bay
) -> None:
    strangers = (
        Reporting(nodes.app, bay.uuid, 'node-2'), Reporting(nodes.app, bay.uuid, NODE),
        Reporting(nodes.app, '00000000-0000-4000-8000-000000000000', NODE),
        Reporting(nodes.app, 'no-uuid', NODE),
    )
    answers = {stranger.report().text for stranger in strangers}
    assert len(answers) == 1
    assert json.loads(answers.pop())['errors'][0]['code'] == REFUSED[1]


@pytest.mark.parametrize('seconds', [-301, 330])
def test_a_clock_that_is_off_is_told_to_who_has_the_key(
    node: Reporting, nodes: Nodes, session: orm.Session, seconds: int
) -> None:
    answer = node.report_as(node.said(), created=time.time() + seconds)
    assert error_of(answer) == (401, 'magnum.bootstrap.clock')
    assert answer.date is not None
    assert abs(answer.date.timestamp() - time.time()) < 5
    assert row(session).heard_at is None
    stranger = Reporting(nodes.app, node.bay_uuid, NODE)
    assert error_of(
        stranger.report_as(node.said(), created=time.time() + seconds)
    ) == REFUSED


@pytest.mark.parametrize('seconds', [-270, 299])
def test_clocks_may_be_a_little_apart(node: Reporting, seconds: int) -> None:
    assert node.report_as(node.said(), created=time.time() + seconds).status_int == 200


def test_the_bay_is_gone(
    node: Reporting, nodes: Nodes, session: orm.Session, bay: models.Bay
) -> None:
    finish(session)
    session.add(models.Operation(
        bay_uuid=bay.uuid, bay_name=bay.name, verb=states.DELETE, phase=states.FINISH,
        state=states.SUCCEEDED, roles=[], deadline=bay.created_at, parameters={},
    ))
    session.execute(sa.delete(models.Bay).filter_by(uuid=bay.uuid))
    session.commit()
    assert error_of(node.report()) == (410, 'magnum.bootstrap.gone')


def test_strangers_are_bounded(conf: cfg.ConfigOpts, nodes: Nodes, bay: models.Bay) -> None:
    conf.set_override('requests_per_minute', 3, 'bootstrap')
    few = Nodes(conf, nodes.session_maker, nodes.service)
    stranger = Reporting(few.app, bay.uuid, NODE)
    assert {stranger.report().status_int for _ in range(3)} == {401}
    assert stranger.report().status_int == 429


def test_reports_do_not_use_up_what_the_bay_has(
    conf: cfg.ConfigOpts, nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    conf.set_override('requests_per_minute', 2, 'bootstrap')
    conf.set_override('requests_per_minute', 5, 'nodes')
    few = Nodes(conf, nodes.session_maker, nodes.service)
    both = [Reporting(few.app, bay.uuid, f'node-{number}') for number in (1, 2)]
    for one in both:
        assert one.register(tokens['worker']).status_int == 200
    for one in both:
        assert {one.report().status_int for _ in range(5)} == {200}
        assert one.report().status_int == 429


# Reports ------------------------------------------------------------------
def test_a_report_is_kept(node: Reporting, session: orm.Session) -> None:
    conditions = {
        'Disk': {'status': 'False', 'reason': 'Full', 'message': '</b>\x1b[1m/var 2 %'},
        'Later': WELL,
    }
    answer = node.report(
        state='building', step='40-docker', position=5, steps=11, lines=['a'],
        conditions=conditions, versions={'docker': '20.10.24'}, trusts='0' * 64,
    )
    assert answer.status_int == 200
    assert answer.json == {'next': 5, 'directives': []}
    found = row(session)
    assert (found.state, found.step, found.position, found.steps) == (
        'building', '40-docker', 5, 11
    )
    assert found.lines == ['a']
    assert found.conditions == {
        'Disk': {'status': 'False', 'reason': 'Full', 'message': '(/b)/var 2 %'}, 'Later': WELL,
    }
    assert (found.versions, found.trusts) == ({'docker': '20.10.24'}, '0' * 64)
    assert (found.sequence, found.is_changed) == (1, True)
    assert found.heard_at is not None


def test_reports_are_wanted_soon_while_an_operation_is_active_only(
    node: Reporting, session: orm.Session
) -> None:
    assert node.report().json['next'] == 5
    finish(session)
    waits = [node.report().json['next'] for _ in range(30)]
    assert 48 <= min(waits) < max(waits) <= 72


def test_an_older_report_changes_nothing(node: Reporting, session: orm.Session) -> None:
    older = node.said(state='building', step='10-first')
    assert node.report().status_int == 200
    assert node.report_as(older).status_int == 200
    assert row(session).state == 'ready'


def test_what_says_nothing_new_is_not_written(node: Reporting, session: orm.Session) -> None:
    node.report()
    before = row(session)
    before.is_changed = False
    kept = before.heard_at, before.sequence
    session.commit()
    for _ in range(3):
        assert node.report().status_int == 200
    after = row(session)
    assert (after.heard_at, after.sequence) == kept
    assert not after.is_changed


def test_that_it_was_heard_is_written_now_and_then(
    node: Reporting, session: orm.Session
) -> None:
    node.report()
    found = row(session)
    assert found.heard_at is not None
    found.is_changed = False
    found.heard_at = long_ago = found.heard_at.replace(year=2020)
    session.commit()
    node.report()
    after = row(session)
    assert after.heard_at is not None
    assert after.heard_at > long_ago
    assert (after.is_changed, after.sequence) == (False, 2)


def test_nodes_heard_in_the_same_second_are_written_together(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heard, '_INTERVAL', 3600)
    # Seconds since each was written as heard of, of the 300 after which it is silent.
    ages = {'node-0': 120, 'node-1': 120, 'node-2': 90, 'node-3': 240}
    several = [Reporting(nodes.app, bay.uuid, name) for name in ages]
    before = {}
    for one in several:
        assert one.register(tokens['worker']).status_int == 200
        one.report()
    for name, age in ages.items():
        before[name] = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
        row(session, name).heard_at = before[name]
        session.commit()
    engine = session.get_bind()
    updates: list[str] = []

    def count(*arguments: Any) -> None:
        if arguments[2].startswith('UPDATE'):
            updates.append(arguments[2])

    def written() -> list[str]:
        return [name for name in ages if row(session, name).heard_at != before[name]]

    sa.event.listen(engine, 'before_cursor_execute', count)
    several[0].report()
    assert (written(), len(updates)) == (['node-0'], 1)
    # It comes in the same second: with the next that writes.
    several[1].report()
    several[2].report()
    assert (written(), len(updates)) == (['node-0'], 1)
    # It waits for nobody.
    several[3].report()
    assert (written(), len(updates)) == (['node-0', 'node-3'], 2)
    before['node-2'] -= datetime.timedelta(seconds=30)
    row(session, 'node-2').heard_at = before['node-2']
    session.commit()
    updates.clear()
    monkeypatch.setattr(heard, '_MOST', 1)
    several[2].report()
    assert (written(), len(updates)) == (list(ages), 2)
    sa.event.remove(engine, 'before_cursor_execute', count)


def test_that_a_node_is_silent_is_no_matter_of_who_is_heard(
    node: Reporting, session: orm.Session
) -> None:
    """It became so after the look-up: its next report says that it is back."""
    node.report()
    found = row(session)
    found.is_silent = True
    session.commit()
    reports.hear(session.connection(), [found.id])
    reports.store(session.connection(), found.id, 7, {})
    session.commit()
    assert (row(session).is_silent, row(session).sequence) == (True, 1)


def test_a_silent_node_that_speaks_is_looked_at(node: Reporting, session: orm.Session) -> None:
    node.report()
    found = row(session)
    found.is_changed, found.is_silent = False, True
    session.commit()
    node.report()
    after = row(session)
    assert (after.is_changed, after.is_silent) == (True, False)


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({'more': 1}, '/more'),
    ({'sequence': -1}, '/sequence'),
    ({'sequence': 2**53}, '/sequence'),
    ({'sequence': True}, '/sequence'),
    ({'sequence': 1.5}, '/sequence'),
    ({'sequence': '1'}, '/sequence'),
    ({'state': 'well'}, '/state'),
    ({'state': None}, '/state'),
    ({'state': ['ready']}, '/state'),
    ({'step': 'a b'}, '/step'),
    ({'step': 'x' * 65}, '/step'),
    ({'position': '1'}, '/position'),
    ({'steps': 1001}, '/steps'),
    ({'lines': 'text'}, '/lines'),
    ({'lines': ['x'] * 21}, '/lines'),
    ({'lines': ['x' * 1000, 'x' * 1001]}, '/lines'),
    ({'lines': ['x', 7]}, '/lines/1'),
    ({'lines': ['\0']}, '/lines/0'),
    ({'conditions': []}, '/conditions'),
    ({'conditions': {f'C{number}': WELL for number in range(21)}}, '/conditions'),
    ({'conditions': {'a b': WELL}}, '/conditions/a b'),
    ({'conditions': {'Disk': None}}, '/conditions/Disk'),
    ({'conditions': {'Disk': {'status': 'True'}}}, '/conditions/Disk'),
    ({'conditions': {'Disk': {**WELL, 'since': ''}}}, '/conditions/Disk'),
    ({'conditions': {'Disk': {**WELL, 'status': True}}}, '/conditions/Disk'),
    ({'conditions': {'Disk': {**WELL, 'reason': 'two words'}}}, '/conditions/Disk'),
    ({'conditions': {'Disk': {**WELL, 'message': 'x' * 301}}}, '/conditions/Disk'),
    ({'versions': {'docker': 20}}, '/versions/docker'),
    ({'versions': {'docker': 'x' * 101}}, '/versions/docker'),
    ({'versions': {'': 'x'}}, '/versions'),
    ({'versions': {f'p{number}': '1' for number in range(21)}}, '/versions'),
    ({'trusts': 'A' * 64}, '/trusts'),
    ({'trusts': 7}, '/trusts'),
]


@pytest.mark.parametrize(('members', 'pointer'), MALFORMED, ids=repr)
def test_a_report_of_another_form(
    node: Reporting, session: orm.Session, members: dict[str, Any], pointer: str
) -> None:
    assert source_of(node.report(**members)) == pointer
    assert row(session).heard_at is None


def test_a_report_that_is_none(node: Reporting) -> None:
    for text in (b'', b'[]', b'null', b'{', b'\xff\xfe', b'{"a": "\\ud800"}', b'[' * 20000):
        assert error_of(node.report_as(text)) == (400, 'magnum.request.invalid')
    missing = node.said()
    del missing['state']
    assert source_of(node.report_as(missing)) == '/state'
    assert node.report_as(b'x' * 65537).status_int == 413


def test_a_node_that_failed_fails_the_operation_at_once(
    node: Reporting, nodes: Nodes, session: orm.Session, bay: models.Bay
) -> None:
    said = {
        'state': 'failed', 'step': '40-docker', 'position': 5, 'steps': 11,
        'lines': ['E: no such package', 'exit 100'],
    }
    assert node.report(**said).status_int == 200
    failed = operation(session)
    failure = failed.found_failure or {}
    assert (failure['code'], failure['resource']) == ('node_failed', NODE)
    assert failure['reason'] == (
        'The step 40-docker failed (5 of 11): E: no such package | exit 100'
    )
    assert failed.state == states.QUEUED
    assert nodes.wake_up.sent == 1
    (event,) = session.scalars(sa.select(models.Event))
    assert (event.kind, event.bay_uuid) == ('bay.node.failed', bay.uuid)
    assert event.message == f'node {NODE}: {failure["reason"]}'
    # Once.
    node.report(**said)
    assert len(session.scalars(sa.select(models.Event)).all()) == 1


def test_a_node_that_failed_fails_no_other_operation(
    node: Reporting, session: orm.Session, service: CertificateService, bay: models.Bay
) -> None:
    node.report()
    finish(session)
    conftest.build(session, service, bay, states.RESIZE, 'resize')
    assert node.report(state='failed').status_int == 200
    assert operation(session, 'resize').found_failure is None


def test_a_server_that_is_built_anew_begins_anew(
    node: Reporting, nodes: Nodes, session: orm.Session, service: CertificateService,
    bay: models.Bay,
) -> None:
    node.report()
    finish(session)
    resize = conftest.build(session, service, bay, states.RESIZE, 'resize')
    nodes.servers.boot(NODE, 'project')
    again = Reporting(nodes.app, bay.uuid, NODE)
    assert again.register(resize['worker']).status_int == 200
    assert row(session).state is None
    assert error_of(node.report()) == REFUSED
    assert again.report(state='building').status_int == 200
    assert (row(session).sequence, row(session).state) == (1, 'building')


# Directives ---------------------------------------------------------------
def _ask(session: orm.Session, verb: str = 'drain', name: str = NODE) -> str:
    directives.give(session, operation(session), 'worker', name, verb, {'nodes': ['node-3']})
    session.commit()
    made = directives.of_operation(session, 'operation', verb, ['node-3'])
    assert made is not None
    return made.uuid


def test_one_directive_at_a_time_until_its_result(
    node: Reporting, nodes: Nodes, session: orm.Session
) -> None:
    first, second = _ask(session), _ask(session, 'remove')
    for _ in range(2):
        assert node.report().json['directives'] == [
            {'id': first, 'verb': 'drain', 'parameters': {'nodes': ['node-3']}}
        ]
    answer = node.result(first, outcome='failed', lines=['node-3 has tasks'])
    assert [one['id'] for one in answer.json['directives']] == [second]
    assert nodes.wake_up.sent == 1
    # The first word counts.
    assert node.result(first).status_int == 200
    session.expire_all()
    drain = directives.of_operation(session, 'operation', 'drain', ['node-3'])
    assert drain is not None
    assert (drain.outcome, drain.lines) == ('failed', ['node-3 has tasks'])
    assert node.result(second).json['directives'] == []


def test_directives_of_an_operation_that_has_ended_are_not_handed_out(
    node: Reporting, session: orm.Session
) -> None:
    uuid = _ask(session)
    finish(session)
    assert node.report().json['directives'] == []
    assert node.result(uuid).status_int == 200


def test_directives_of_others(
    node: Reporting, nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    uuid = _ask(session)
    other = Reporting(nodes.app, bay.uuid, 'node-2')
    other.register(tokens['worker'])
    assert other.report().json['directives'] == []
    assert error_of(other.result(uuid)) == (404, 'magnum.bootstrap.unknown_directive')
    assert node.report().json['directives'] != []
    assert source_of(node.result(uuid, outcome='perhaps')) == '/outcome'
    assert source_of(node.result(uuid, more=1)) == '/more'
    body = b'{"outcome": "done"}'
    for tag in ('magnum/report', 'magnum/result/other'):
        headers = node.headers(body, tag)
        assert error_of(node.send(f'results/{uuid}', body, headers)) == REFUSED


def test_a_certificate_is_asked_for_by_keys_of_their_own(
    node: Reporting, nodes: Nodes, tokens: dict[str, str]
) -> None:
    """The other routes go on beside registration."""
    text = csr.make(csr.name(CN='x'), key=node.key)
    path = f'/{node.bay_uuid}/certificates/kubelet?node={NODE}'
    assert nodes.send(path, tokens['worker'], text).status_int == 200
    assert node.report().status_int == 200
