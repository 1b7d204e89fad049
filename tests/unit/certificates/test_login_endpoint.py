"""Whose a token is that a user shows a bay, as its masters ask for it."""

import json
import logging

import pytest
import sqlalchemy as sa
import webob
from oslo_config import cfg
from sqlalchemy import orm

from magnum.certificates.service import CertificateService
from magnum.clients.errors import CloudUnavailable
from magnum.clients.tokens import TokenUser
from magnum.db import models
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.fakes.servers import OWNER
from tests.unit.certificates import conftest
from tests.unit.certificates.nodes import PROJECT, Nodes
from tests.unit.certificates.reporting import REFUSED, Reporting, error_of, registered

TOKEN = 'gAAAAABn-a-token'


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    conf = conftest.all_sections()
    conf.set_override('logins_per_minute', 6, 'nodes')
    return conf


@pytest.fixture
def nodes(
    conf: cfg.ConfigOpts, session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService, bay: models.Bay, session: orm.Session,
) -> Nodes:
    made = Nodes(conf, session_maker, service, KubernetesDriver())
    session.execute(sa.update(models.Bay).values(labels={'keystone_auth_enabled': 'true'}))
    session.commit()
    conftest.build(session, service, bay)
    return made


def user(*roles: str, project: str | None = PROJECT, name: str = 'eve') -> TokenUser:
    return TokenUser('0e5e', name, 'default', project, roles)


def ask(
    node: Reporting, document: object = None, tag: str = 'magnum/login'
) -> webob.Response:
    body = json.dumps({'token': TOKEN} if document is None else document).encode()
    return node.send('login', body, node.headers(body, tag))


@pytest.mark.parametrize(('roles', 'groups'), [
    (('member',), ['system:masters', 'magnum:viewers', 'keystone:member']),
    (('Admin',), ['system:masters', 'magnum:viewers', 'keystone:admin']),
    (('reader',), ['magnum:viewers', 'keystone:reader']),
    (('operator',), ['keystone:operator']),
    ((), []),
])
def test_a_user_is_in_the_bay_what_certificates_may_say(
    nodes: Nodes, bay: models.Bay, caplog: pytest.LogCaptureFixture,
    roles: tuple[str, ...], groups: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    nodes.tokens.users[TOKEN] = user(*roles)
    answer = ask(registered(nodes, bay))
    assert answer.status_int == 200, answer.text
    assert answer.headers['Cache-Control'] == 'no-store'
    assert answer.json == {
        'user': {'name': 'keystone:default/eve', 'uid': '0e5e', 'groups': groups}
    }
    assert TOKEN not in caplog.text
    assert f'user 0e5e logs in to bay {bay.uuid}' in caplog.text


@pytest.mark.parametrize('name', ['system:kube-scheduler', 'magnum:viewers', 'x' * 255, 'a/b'])
def test_no_name_in_keystone_is_one_of_kubernetes(
    nodes: Nodes, bay: models.Bay, name: str
) -> None:
    nodes.tokens.users[TOKEN] = user('reader', name=name)
    told = ask(registered(nodes, bay)).json['user']
    assert told['name'] == f'keystone:default/{name}'
    # By the id, as which a reader may have a certificate, too.
    assert told['groups'] == ['magnum:viewers', 'keystone:reader']


def test_groups_are_the_operators(
    nodes: Nodes, bay: models.Bay, conf: cfg.ConfigOpts
) -> None:
    conf.set_override('token_groups', ['magnum:viewers', 'dev'], 'x509')
    nodes.tokens.users[TOKEN] = user('member')
    assert ask(registered(nodes, bay)).json['user']['groups'] == [
        'magnum:viewers', 'dev', 'keystone:member'
    ]


@pytest.mark.parametrize('shown', [
    None, user('admin', project='another'), user('admin', project=None),
])
def test_whose_token_opens_nothing(
    nodes: Nodes, bay: models.Bay, shown: TokenUser | None
) -> None:
    if shown is not None:
        nodes.tokens.users[TOKEN] = shown
    answer = ask(registered(nodes, bay))
    assert (answer.status_int, answer.json) == (200, {'user': None})


@pytest.mark.parametrize('of', ['prod', 'other'])
def test_what_nodes_use_the_cloud_with_opens_no_bay(
    nodes: Nodes, bay: models.Bay, session: orm.Session, of: str
) -> None:
    """Pods of workers may have the credential of their bay: it is no way to its masters."""
    if of != bay.name:
        conftest.add_bay(session, name=of)
        session.execute(sa.delete(models.BayIdentity).filter_by(bay_uuid=bay.uuid))
        session.commit()
    found = TokenUser(OWNER, bay.uuid, 'magnum', PROJECT, ('member',))
    nodes.tokens.users[TOKEN] = found
    assert ask(registered(nodes, bay)).json == {'user': None}


@pytest.mark.parametrize('name', [
    'a\nb', 'a\x00b', 'a:b', ':', '"', '\u202e', 'x' * 300, 'keystone:default/eve', '../eve',
])
def test_odd_names_are_told_as_they_are(nodes: Nodes, bay: models.Bay, name: str) -> None:
    nodes.tokens.users[TOKEN] = user('member', name, 'system:masters', name=name)
    told = ask(registered(nodes, bay)).json['user']
    assert told['name'] == f'keystone:default/{name}'
    # A role gives no group of Kubernetes by its name.
    assert told['groups'] == [
        'system:masters', 'magnum:viewers', 'keystone:member', f'keystone:{name.lower()}',
        'keystone:system:masters',
    ]


def test_equal_names_of_two_domains_are_two_users(nodes: Nodes, bay: models.Bay) -> None:
    names = set()
    for domain in ('default', 'd2'):
        nodes.tokens.users[TOKEN] = TokenUser('0e5e', 'eve', domain, PROJECT, ('reader',))
        names.add(ask(registered(nodes, bay)).json['user']['name'])
    assert names == {'keystone:default/eve', 'keystone:d2/eve'}


def test_no_answer_is_kept(nodes: Nodes, bay: models.Bay) -> None:
    """A token that is revoked opens nothing more here."""
    master = registered(nodes, bay)
    nodes.tokens.users[TOKEN] = user('member')
    assert ask(master).json['user'] is not None
    del nodes.tokens.users[TOKEN]
    assert ask(master).json == {'user': None}


@pytest.mark.parametrize(('token', 'status'), [
    ('x' * 60_000, 200), ('x' * 70_000, 413), ('\ud800', 400), ('a\nX-Auth-Token: b', 200),
])
def test_odd_tokens(
    nodes: Nodes, bay: models.Bay, caplog: pytest.LogCaptureFixture, token: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = ask(registered(nodes, bay), {'token': token})
    assert answer.status_int == status, answer.text
    assert token not in caplog.text
    assert token not in answer.text


def test_who_is_refused(
    nodes: Nodes, bay: models.Bay, session: orm.Session
) -> None:
    """All in the same words, and Keystone is not asked."""
    nodes.tokens.users[TOKEN] = user('member')
    other = conftest.add_bay(session, name='other')
    of_other, worker, master = (
        registered(nodes, other), registered(nodes, bay, 'worker'), registered(nodes, bay)
    )
    stranger = Reporting(nodes.app, bay.uuid, 'node-1', 'master')
    unsigned = master.send('login', b'{}', {})
    told = [ask(worker), ask(stranger), unsigned, ask(master, tag='magnum/cloud')]
    session.execute(sa.update(models.Bay).values(labels={}))
    session.commit()
    told += [ask(master), ask(of_other)]
    assert {error_of(one) for one in told} == {REFUSED}
    assert nodes.tokens.asked == []


@pytest.mark.parametrize(('document', 'field'), [
    ({}, '/token'), ({'token': ''}, '/token'), ({'token': 1}, '/token'),
    ({'token': TOKEN, 'more': 1}, '/more'),
])
def test_a_request_of_another_form(
    nodes: Nodes, bay: models.Bay, document: object, field: str
) -> None:
    answer = ask(registered(nodes, bay), document)
    assert answer.status_int == 400
    assert field in answer.text
    assert TOKEN not in answer.text


def test_keystone_is_away(
    nodes: Nodes, bay: models.Bay, caplog: pytest.LogCaptureFixture
) -> None:
    nodes.tokens.fault = CloudUnavailable('identity', 'no answer')
    answer = ask(registered(nodes, bay))
    assert answer.status_int in (425, 503)
    assert answer.headers['Retry-After']
    assert 'cannot be looked up: identity: no answer' in caplog.text


def test_too_many_tokens_keep_no_report_from_being_heard(
    nodes: Nodes, bay: models.Bay
) -> None:
    master = registered(nodes, bay)
    statuses = [ask(master).status_int for _ in range(8)]
    assert statuses[:6] == [200] * 6
    assert statuses[-1] == 429
    assert master.report().status_int == 200
