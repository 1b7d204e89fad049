"""Reports and results, as nodes send them."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.api.bootstrap import heard
from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.db.repositories import directives, reports
from magnum.domain import states
from tests.unit.certificates import conftest, csr
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import (
    NODE,
    REFUSED,
    WELL,
    Reporting,
    error_of,
    finish,
    operation,
    row,
    source_of,
)


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


def test_a_failure_that_comes_late_fails_nothing(node: Reporting, session: orm.Session) -> None:
    """The node has been started again since, and goes on."""
    late = node.said(state='failed', step='40-docker', lines=['no docker'])
    node.report(state='building')
    assert node.report_as(late).status_int == 200
    assert (operation(session).found_failure, row(session).state) == (None, 'building')
    # What was stored, and then met a database that was away, is sent once more.
    assert node.report_as({**late, 'sequence': 2}).status_int == 200
    assert operation(session).found_failure is not None


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
