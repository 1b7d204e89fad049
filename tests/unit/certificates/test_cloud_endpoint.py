"""What masters are given to use the cloud with, as they ask for it."""

import configparser
import json
import logging
from collections.abc import Mapping

import pytest
import sqlalchemy as sa
import webob
from oslo_config import cfg
from sqlalchemy import orm

from magnum.certificates.service import CertificateService
from magnum.clients.errors import CloudUnavailable
from magnum.db import models
from magnum.domain import states
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.operations import cloud_secrets
from tests.unit.certificates import conftest
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import REFUSED, Reporting, error_of, registered

SUBNET = 'e1f0a9b8-0000-4000-8000-00000000000a'
ACCESS = {'auth_url': 'https://keystone/v3', 'region': 'One', 'external_network_id': 'net-1'}


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    return conftest.all_sections()


@pytest.fixture
def nodes(
    conf: cfg.ConfigOpts, session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService, bay: models.Bay, session: orm.Session,
) -> Nodes:
    made = Nodes(conf, session_maker, service, KubernetesDriver())
    made.servers.outputs['nodegroup'] = {'subnet': SUBNET}
    session.execute(sa.update(models.Bay).values(stack_id='stack', labels={}))
    session.execute(sa.update(models.Nodegroup).values(labels={}))
    conftest.build(session, service, bay)
    return made


def add(session: orm.Session, service: CertificateService, bay: models.Bay, number: int,
        access: Mapping[str, str | None] | None) -> str:
    """A credential of the bay; its secret."""
    row = models.CloudCredential(
        bay_uuid=bay.uuid, generation=number, name=f'{bay.uuid}-{number}',
        sealed_secret=cloud_secrets.new(service.sealer, bay.uuid, number),
        credential_id=f'credential-{number}', access=access,
    )
    session.add(row)
    session.commit()
    return cloud_secrets.unseal(service.sealer, row)


def ask(
    node: Reporting, document: object = None, tag: str = 'magnum/cloud'
) -> webob.Response:
    body = json.dumps({} if document is None else document).encode()
    return node.send('cloud', body, node.headers(body, tag))


def test_a_master_gets_the_file(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = add(session, service, bay, 1, ACCESS)
    caplog.set_level(logging.DEBUG)
    answer = ask(registered(nodes, bay))
    assert answer.status_int == 200, answer.text
    assert answer.headers['Cache-Control'] == 'no-store'
    assert answer.json['generation'] == 1
    parsed = configparser.ConfigParser()
    parsed.read_string(answer.json['configuration'])
    assert dict(parsed['Global']) == {
        'auth-url': 'https://keystone/v3', 'application-credential-id': 'credential-1',
        'application-credential-secret': secret, 'region': 'One',
    }
    assert parsed['LoadBalancer']['subnet-id'] == SUBNET
    assert parsed['LoadBalancer']['floating-network-id'] == 'net-1'
    assert secret not in caplog.text
    assert 'credential 1 of the cloud given to the master node-1' in caplog.text


def test_a_master_gets_a_file_for_each_purpose(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Those of the generation that works, and of these what was made."""
    for number in (1, 2):
        add(session, service, bay, number, ACCESS if number == 1 else None)
        for purpose, credential_id in (('autoscaler', f'own-{number}'), ('cinder-csi', None)):
            session.add(models.PurposeCredential(
                bay_uuid=bay.uuid, generation=number, purpose=purpose, name=f'{number}-{purpose}',
                sealed_secret=cloud_secrets.new(service.sealer, bay.uuid, number, purpose),
                credential_id=credential_id,
            ))
    session.commit()
    row = session.scalars(sa.select(models.PurposeCredential)).first()
    assert row is not None
    secret = cloud_secrets.unseal(service.sealer, row, row.purpose)
    caplog.set_level(logging.DEBUG)
    answer = ask(registered(nodes, bay)).json
    assert answer.keys() == {'generation', 'configuration', 'configurations'}
    (text,) = answer['configurations'].values()
    assert answer['configurations'].keys() == {'autoscaler'}
    of_all, own = (configparser.ConfigParser() for _ in range(2))
    of_all.read_string(answer['configuration'])
    own.read_string(text)
    assert dict(own['Global']) == {
        **of_all['Global'], 'application-credential-id': 'own-1',
        'application-credential-secret': secret,
    }
    assert own['LoadBalancer'] == of_all['LoadBalancer']
    assert secret not in caplog.text


def test_it_is_the_newest_that_works(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService
) -> None:
    add(session, service, bay, 1, ACCESS)
    master = registered(nodes, bay)
    assert master.report().json['cloud_credential'] == 1
    unfinished = add(session, service, bay, 2, None)
    answer = ask(master)
    assert answer.json['generation'] == master.report().json['cloud_credential'] == 1
    assert unfinished not in answer.text
    session.execute(sa.update(models.CloudCredential).values(access=ACCESS))
    session.commit()
    assert ask(master).json['generation'] == master.report().json['cloud_credential'] == 2


def test_who_is_refused(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService
) -> None:
    """All in the same words."""
    other = conftest.add_bay(session, name='other')
    of_other, worker = registered(nodes, other), registered(nodes, bay, 'worker')
    master = registered(nodes, bay)
    without = ask(master)
    add(session, service, bay, 1, ACCESS)
    assert 'cloud_credential' not in worker.report().json
    assert 'cloud_credential' not in of_other.report().json
    stranger = Reporting(nodes.app, bay.uuid, 'node-1', 'master')
    foreign = Reporting(nodes.app, bay.uuid, 'node-1', 'master')
    foreign.key = of_other.key
    unsigned = master.send('cloud', b'{}', {})
    told = [without, ask(worker), ask(stranger), ask(foreign), ask(of_other), unsigned,
            ask(master, tag='magnum/report')]
    assert {error_of(one) for one in told} == {REFUSED}
    assert len({one.text for one in told}) == 1
    assert ask(master).status_int == 200


def test_a_bay_that_is_gone(nodes: Nodes, bay: models.Bay, session: orm.Session) -> None:
    master = registered(nodes, bay)
    session.add(models.Operation(
        bay_uuid=bay.uuid, bay_name=bay.name, verb=states.DELETE, phase=states.FINISH,
        state=states.SUCCEEDED, roles=[], deadline=bay.created_at, parameters={},
    ))
    session.execute(sa.delete(models.Bay).filter_by(uuid=bay.uuid))
    session.commit()
    assert error_of(ask(master)) == (410, 'magnum.bootstrap.gone')


@pytest.mark.parametrize('document', [{'more': 1}, [], 7])
def test_a_body_of_another_form(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService,
    document: object,
) -> None:
    add(session, service, bay, 1, ACCESS)
    assert ask(registered(nodes, bay), document).status_int == 400


@pytest.mark.parametrize('missing', ['no stack', 'no output', 'not made yet', 'Heat is away'])
def test_the_subnet_is_waited_for(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService,
    monkeypatch: pytest.MonkeyPatch, missing: str,
) -> None:
    add(session, service, bay, 1, ACCESS)
    if missing == 'no stack':
        session.execute(sa.update(models.Bay).values(stack_id=None))
        session.commit()
    elif missing == 'Heat is away':
        def away(*_: str) -> None:
            raise CloudUnavailable('orchestration', 'down')

        monkeypatch.setattr(nodes.servers, 'stack_output', away)
    else:
        nodes.servers.outputs['nodegroup'] = {'no output': None, 'not made yet': {'subnet': None}}[
            missing
        ]
    answer = ask(registered(nodes, bay))
    assert error_of(answer) == (503, 'magnum.cloud_unavailable')
    assert answer.headers['Retry-After'] == '5'


def test_a_subnet_that_is_named_is_found_by_whoever_needs_it(
    nodes: Nodes, bay: models.Bay, session: orm.Session, service: CertificateService
) -> None:
    add(session, service, bay, 1, {**ACCESS, 'external_network_id': None})
    for subnet in ('mine', ''):
        nodes.servers.outputs['nodegroup'] = {'subnet': subnet}
        text = ask(registered(nodes, bay)).json['configuration']
        assert 'subnet-id' not in text
        assert 'floating-network-id' not in text


def test_a_node_asks_so_often_at_most(
    conf: cfg.ConfigOpts, nodes: Nodes, bay: models.Bay, session: orm.Session,
    service: CertificateService,
) -> None:
    conf.set_override('requests_per_minute', 2, 'nodes')
    few = Nodes(conf, nodes.session_maker, service, KubernetesDriver())
    few.servers.outputs['nodegroup'] = {'subnet': SUBNET}
    add(session, service, bay, 1, ACCESS)
    master = registered(few, bay)
    assert [ask(master).status_int for _ in range(3)] == [200, 200, 429]
