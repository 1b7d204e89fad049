"""The agent against the real endpoint of nodes, with a record of how boots ended."""

import base64
import io
import json
import logging
import pathlib
import threading
import time
import wsgiref.simple_server
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from keystoneauth1.exceptions import ConnectFailure, NotFound
from oslo_config import cfg
from sqlalchemy import orm

from magnum.certificates.service import CertificateService
from magnum.db import models
from magnum.db.repositories import node_trust
from magnum.domain import states
from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers.common.node.agent import directives
from tests.fakes import bootstrap
from tests.fakes.listening import listening
from tests.fakes.servers import FakeServers, NoWakeUp
from tests.fakes.tokens import FakeTokens
from tests.unit.certificates import nodes
from tests.unit.certificates.conftest import build
from tests.unit.certificates.nodes import PROJECT
from tools.devcloud import (
    node_agent,
    node_agent_behaviour,
    node_agent_boot,
    node_agent_claim,
)
from tools.devcloud.node_agent_behaviour import Behaviour
from tools.devcloud.node_agent_boot import StepFailed, read_settings
from tools.devcloud.node_agent_cloud import Server

#: How the boot of a node ends that is well.
READY = ('node-1', 'ready', '')
KUBELET = NodeCertificate(
    'system:node:{node}', 'system:nodes', server=True, client=True, dns_names=('kubernetes',)
)


class FakeDriver(nodes.FakeDriver):
    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        return {'kubelet': KUBELET, 'kube-proxy': NodeCertificate('kube-proxy', client=True)}


class Magnum:
    """Magnum's endpoint of nodes.

    :ivar ended: how boots ended: name of the node, its state, and the step and the
        lines of a failure.
    :ivar busy: this many requests are answered with 503 first.
    """

    def __init__(self, bootstrap_app: Callable[..., Iterable[bytes]]):
        self.ended: list[tuple[str, str, str]] = []
        self.busy = 0
        self._bootstrap_app = bootstrap_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.busy:
            self.busy -= 1
            start_response('503 Service Unavailable', [])
            return [b'']
        if environ['PATH_INFO'].endswith(('/report', '/failure')):
            body = environ['wsgi.input'].read(int(environ['CONTENT_LENGTH']))
            environ['wsgi.input'] = io.BytesIO(body)
            self._note(environ['QUERY_STRING'].removeprefix('node='), json.loads(body))
        return self._bootstrap_app(environ, start_response)

    def _note(self, name: str, said: dict[str, Any]) -> None:
        state = said.get('state', 'failed')     # nothing else is said without a signature
        told = f'{said["step"]}: {" ".join(said["lines"])}' if state == 'failed' else ''
        if state != 'building' and (name, state, told) not in self.ended:
            self.ended.append((name, state, told))


class SilentHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def servers() -> FakeServers:
    """Nova as the service sees it."""
    made = FakeServers()
    made.boot('node-1', PROJECT)
    return made


@pytest.fixture
def magnum(
    servers: FakeServers,
    conf: cfg.ConfigOpts,
    session_maker: orm.sessionmaker[orm.Session],
    service: CertificateService,
) -> Magnum:
    app = bootstrap.make_app(
        conf,
        session_maker.begin,
        session_maker,
        session_maker.kw['bind'].begin,
        service,
        lambda *_: FakeDriver(),
        servers,
        NoWakeUp(),
        FakeTokens(),
    )
    return Magnum(app)


@pytest.fixture
def url(magnum: Magnum) -> Iterator[str]:
    server = wsgiref.simple_server.make_server('127.0.0.1', 0, magnum, handler_class=SilentHandler)
    with listening(server):
        yield f'http://127.0.0.1:{server.server_port}'


@pytest.fixture
def settings(
    url: str, session: orm.Session, service: CertificateService, bay: models.Bay
) -> dict[str, str]:
    service.ensure_authority(session, bay.uuid, bay.name)
    tokens = build(session, service, bay)
    return {
        'MAGNUM_BAY_UUID': bay.uuid,
        'MAGNUM_COE': 'kubernetes',
        'MAGNUM_NODE_NAME': 'node-1',
        'MAGNUM_NODE_ROLE': 'worker',
        'MAGNUM_NODE_ADDRESS': '10.0.0.5',
        'MAGNUM_API_ADDRESS': '',
        'MAGNUM_BOOTSTRAP_URL': f'{url}/v1/bootstrap',
        'MAGNUM_BOOTSTRAP_TOKEN': tokens['worker'],
        'MAGNUM_CERTIFICATES': 'kubelet kube-proxy',
        'MAGNUM_CERTIFICATE_NAMES_kubelet': 'kubernetes',
    }


def user_data(settings: Mapping[str, str], **file: str) -> bytes:
    """As Heat makes it; ``file`` adds to the entry of write_files."""
    lines = ''.join(f"{name}='{value}'\n" for name, value in settings.items())
    entry = {'path': '/etc/magnum/node.env', 'content': lines, **file}
    if 'encoding' in file:
        entry['content'] = base64.b64encode(lines.encode()).decode()
    steps = {'write_files': [{'path': '/opt/magnum/run.sh', 'content': '#!/bin/sh\n'}]}
    multipart = MIMEMultipart()
    multipart.attach(MIMEText(f'#cloud-config\n{json.dumps(steps)}', 'cloud-config'))
    document = yaml.safe_dump({'write_files': [entry]})
    multipart.attach(MIMEText(f'#cloud-config\n{document}', 'cloud-config'))
    multipart.attach(MIMEText('#!/bin/sh\nexec /opt/magnum/run.sh\n', 'x-shellscript'))
    return multipart.as_bytes()


class FakeNova:
    def __init__(self) -> None:
        self.servers: dict[str, Server] = {}
        self.asked: list[str] = []

    def add(self, server_id: str, data: bytes) -> None:
        self.servers[server_id] = Server(server_id, f'name of {server_id}', data)

    def active_servers(self) -> set[str]:
        return set(self.servers)

    def server(self, server_id: str) -> Server:
        self.asked.append(server_id)
        return self.servers[server_id]


@pytest.fixture
def nova() -> FakeNova:
    return FakeNova()


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    monkeypatch.setattr(node_agent_boot, '_RETRY_DELAY', 0)
    return threading.Event()


@pytest.fixture
def play(nova: FakeNova, tmp_path: pathlib.Path, stopping: threading.Event) -> Callable[[], None]:
    """Run a new agent once over the servers that there are."""

    def run_once() -> None:
        agent = node_agent.Agent(nova, tmp_path, stopping)
        agent.poll()
        agent.finish()

    return run_once


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_node_gets_its_certificates_and_says_so(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    play: Callable[[], None],
    session: orm.Session,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nova.add('id-1', user_data(settings))
    play()
    assert magnum.ended == [READY]
    subjects = set(session.scalars(sa.select(models.IssuedCertificate.subject)))
    assert subjects == {'CN=system:node:node-1,O=system:nodes', 'CN=kube-proxy'}
    assert 'node-1 (kubernetes worker): after ' in caplog.text
    assert 's ready, with certificates: kubelet kube-proxy' in caplog.text
    assert settings['MAGNUM_BOOTSTRAP_TOKEN'] not in caplog.text


def test_a_played_node_knows_all_directives(
    settings: dict[str, str], tmp_path: pathlib.Path, stopping: threading.Event
) -> None:
    """As nodes of Kubernetes do; what the service asks for has to end here, too."""
    played = node_agent_boot.Node.made(tmp_path / 'node', settings, stopping)
    assert directives.known(played.files).split() == sorted(directives.VERBS)


def test_a_node_boots_once_even_for_another_agent(
    settings: dict[str, str], nova: FakeNova, magnum: Magnum, play: Callable[[], None]
) -> None:
    nova.add('id-1', user_data(settings))
    play()
    play()
    assert magnum.ended == [READY]
    assert nova.asked == ['id-1']


def test_nodes_of_real_machines_are_left_alone(
    settings: dict[str, str], nova: FakeNova, magnum: Magnum, tmp_path: pathlib.Path,
    stopping: threading.Event, caplog: pytest.LogCaptureFixture,
) -> None:
    claim = tmp_path / node_agent_claim.FILE
    claim.parent.mkdir()
    claim.write_text(json.dumps([
        {'MAGNUM_COE': 'swarm$', 'MAGNUM_NODE_NAME': 'real-'},
        {'MAGNUM_COE': 'mesos$'},
    ]))
    names = {'real-1': 'swarm', 'unreal-1': 'swarm', 'real-2': 'swarm-mode', 'real-3': 'mesos'}
    for name, coe in names.items():
        nova.add(name, user_data({**settings, 'MAGNUM_NODE_NAME': name, 'MAGNUM_COE': coe}))
    agent = node_agent.Agent(nova, tmp_path / 'node-agent', stopping)
    agent.poll()
    agent.finish()
    assert {name for name, *_ in magnum.ended} == {'unreal-1', 'real-2'}
    assert 'name of real-1: left to a real machine' in caplog.text


@pytest.mark.parametrize('text', [
    '{', '{"MAGNUM_COE": "swarm"}', '[1]', '[{"MAGNUM_COE": "("}]', '[{"MAGNUM_COE": 1}]',
])
def test_a_claim_that_cannot_be_read_claims_nothing(
    text: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / 'claim.json'
    file.write_text(text)
    assert not node_agent_claim.covers(node_agent_claim.read(file), {'MAGNUM_COE': 'swarm'})
    assert f'{file} cannot be understood' in caplog.text


def test_deleted_servers_are_forgotten(
    settings: dict[str, str], nova: FakeNova, tmp_path: pathlib.Path, play: Callable[[], None]
) -> None:
    nova.add('id-1', user_data(settings))
    play()
    nova.servers.clear()
    play()
    assert list((tmp_path / 'booted').iterdir()) == []


@pytest.mark.slow
def test_many_nodes_boot(
    settings: dict[str, str], nova: FakeNova, magnum: Magnum, play: Callable[[], None],
    servers: FakeServers, session: orm.Session,
) -> None:
    names = {f'node-{number}' for number in range(20)}
    session.execute(sa.update(models.Nodegroup).values(node_count=len(names)))
    session.commit()
    for name in names:
        servers.boot(name, PROJECT)
        nova.add(name, user_data({**settings, 'MAGNUM_NODE_NAME': name}))
    play()
    assert sorted(magnum.ended) == sorted((name, 'ready', '') for name in names)


def test_a_node_without_certificates_asks_for_none(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    play: Callable[[], None],
    session: orm.Session,
) -> None:
    nova.add(
        'id-1',
        user_data({**settings, 'MAGNUM_CERTIFICATES': ''}),
    )
    play()
    assert magnum.ended == [READY]
    assert session.scalars(sa.select(models.IssuedCertificate)).all() == []


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'MAGNUM_BOOTSTRAP_TOKEN': 'wrong'}, '401'),
        ({'MAGNUM_CERTIFICATES': 'kubelet none'}, 'unknown_purpose'),
        ({'MAGNUM_NODE_NAME': 'node_1'}, 'invalid_node'),
        ({'MAGNUM_CERTIFICATE_NAMES_kubelet': 'other'}, 'DNS name other'),
        ({'MAGNUM_NODE_ADDRESS': 'nonsense'}, 'nonsense'),
    ],
)
def test_a_refused_node_tells_why(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    play: Callable[[], None],
    changes: dict[str, str],
    said: str,
) -> None:
    nova.add('id-1', user_data({**settings, **changes}))
    play()
    ((_, state, told),) = magnum.ended
    assert state == 'failed'
    assert told.startswith('11-register: ')
    assert said in told


def test_a_busy_service_is_asked_again(
    settings: dict[str, str], nova: FakeNova, magnum: Magnum, play: Callable[[], None]
) -> None:
    magnum.busy = 3
    nova.add('id-1', user_data(settings))
    play()
    assert magnum.ended == [READY]


def test_a_failure_before_registration_ends_the_operation(
    settings: dict[str, str], nova: FakeNova, play: Callable[[], None], session: orm.Session,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nova.add('id-1', user_data({**settings, 'MAGNUM_CERTIFICATE_NAMES_kubelet': 'other'}))
    play()
    failure = session.scalars(sa.select(models.Operation.found_failure)).one()
    assert failure is not None
    assert (failure['code'], failure['resource']) == ('node_failed', 'node-1')
    assert failure['reason'].startswith('The step 11-register failed (1 of 1): ')
    assert 'a fault of the agent' not in caplog.text


def test_one_that_may_not_say_it_is_logged(
    settings: dict[str, str], nova: FakeNova, play: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    nova.add('id-1', user_data({**settings, 'MAGNUM_BOOTSTRAP_TOKEN': 'wrong'}))
    play()
    assert 'name of id-1: Refused: 401' in caplog.text


@pytest.mark.parametrize('data', [b'', b'#!/bin/sh\n', b'\xff\x00', MIMEMultipart().as_bytes()])
def test_other_servers_are_left_alone(
    nova: FakeNova, play: Callable[[], None], data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    nova.add('id-1', data)
    play()
    assert 'no node of a bay' in caplog.text


def test_nodes_of_another_service_are_left_alone(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    tmp_path: pathlib.Path,
    stopping: threading.Event,
) -> None:
    nova.add('id-1', user_data(settings))
    agent = node_agent.Agent(nova, tmp_path, stopping, bootstrap='http://elsewhere/v1/bootstrap')
    agent.poll()
    agent.finish()
    assert magnum.ended == []


def test_a_server_that_went_meanwhile_is_no_error(
    nova: FakeNova,
    play: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def gone(server_id: str) -> Server:
        raise NotFound

    nova.add('id-1', b'')
    monkeypatch.setattr(nova, 'server', gone)
    play()
    assert caplog.text == ''


def test_a_cloud_that_is_away_is_waited_for(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    tmp_path: pathlib.Path,
    stopping: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nova.add('id-1', user_data(settings))
    answers: list[set[str] | None] = [None, None, {'id-1'}]

    def active_servers() -> set[str]:
        answer = answers.pop(0)
        if not answers:
            stopping.set()
        if answer is None:
            raise ConnectFailure
        return answer

    monkeypatch.setattr(nova, 'active_servers', active_servers)
    agent = node_agent.Agent(nova, tmp_path, threading.Event())
    node_agent.run(agent, stopping, interval=0)
    agent.finish()
    assert magnum.ended == [READY]
    assert caplog.text.count('does not answer') == 1
    assert 'answers again' in caplog.text


@pytest.mark.parametrize(
    ('rule', 'ended'),
    [
        ('fail: step 40-docker: no space', [('node-1', 'failed', '40-docker: no space')]),
        ('silent', []),
        ('slow: 0.01', [READY]),
        ('boot', [READY]),
        ('nonsense', [READY]),
    ],
)
def test_nodes_misbehave_as_told(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    tmp_path: pathlib.Path,
    play: Callable[[], None],
    rule: str,
    ended: list[tuple[str, str, str]],
) -> None:
    (tmp_path / 'behaviour.json').write_text(json.dumps({'other': 'silent', '^node-[1-3]$': rule}))
    nova.add('id-1', user_data(settings))
    play()
    assert magnum.ended == ended


def test_a_slow_node_ends_with_the_agent_and_boots_with_the_next_one(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    tmp_path: pathlib.Path,
    stopping: threading.Event,
    play: Callable[[], None],
) -> None:
    (tmp_path / 'behaviour.json').write_text('{"node": "slow: 3600"}')
    nova.add('id-1', user_data(settings))
    stopping.set()
    play()
    assert magnum.ended == []
    (tmp_path / 'behaviour.json').unlink()
    stopping.clear()
    play()
    assert magnum.ended == [READY]


@pytest.mark.parametrize('content', ['', '[]', '{"(": "silent"}', '{"n": 1}', '{"n": "slow: x"}'])
def test_a_malformed_behaviour_file_says_nothing(
    tmp_path: pathlib.Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / 'behaviour.json'
    file.write_text(content)
    assert node_agent_behaviour.of_node(file, 'n') == Behaviour()
    assert 'cannot be understood' in caplog.text


@pytest.mark.parametrize('file', [{}, {'encoding': 'b64'}, {'encoding': 'base64'}])
def test_settings_are_read_plain_and_encoded(file: dict[str, str]) -> None:
    found = read_settings(user_data({'A': 'x y', 'B': '', 'C': "it'\\''s", 'D': '#1'}, **file))
    assert found == {'A': 'x y', 'B': '', 'C': "it's", 'D': '#1'}


@pytest.mark.parametrize('content', ['A', "A='x", 'export A=1'])
def test_settings_that_are_no_assignments_are_refused(content: str) -> None:
    with pytest.raises(StepFailed):
        read_settings(user_data({}, content=content))


def test_a_node_follows_the_real_service(
    settings: dict[str, str],
    nova: FakeNova,
    magnum: Magnum,
    tmp_path: pathlib.Path,
    stopping: threading.Event,
    session: orm.Session,
    service: CertificateService,
    bay: models.Bay,
) -> None:
    nova.add('id-1', user_data({**settings, 'MAGNUM_TRUST_SECONDS': '0.05'}))
    agent = node_agent.Agent(nova, tmp_path, stopping)
    agent.poll()
    agent.finish()
    agent = node_agent.Agent(nova, tmp_path, stopping)
    uuid, name = bay.uuid, bay.name
    session.execute(sa.update(models.Operation).values(active_for=None))    # that built it
    operation = {'phase': 'rotate', 'state': 'running', 'deadline': datetime.now(UTC)}
    session.add(
        models.Operation(
            bay_uuid=uuid, bay_name=name, verb=states.ROTATE_CA, active_for=uuid, **operation
        )
    )
    node_trust.expect(session, uuid, [('worker', 'node-1')])
    for change in (
        lambda: service.introduce_authority(session, uuid, name),
        lambda: service.switch_authority(session, uuid),
        lambda: service.retire_authority(session, uuid),
    ):
        change()
        session.commit()
        assert service.nodes_to_follow(session, uuid) == ['node-1']
        deadline = time.monotonic() + 20
        while service.nodes_to_follow(session, uuid):
            session.rollback()
            assert time.monotonic() < deadline
            agent.poll()
            time.sleep(0.02)
    agent.finish()
    assert magnum.ended == [READY]


def test_only_one_agent_runs(tmp_path: pathlib.Path) -> None:
    with (
        node_agent._only_one(tmp_path / 'pid'),
        pytest.raises(SystemExit, match='already running'),
        node_agent._only_one(tmp_path / 'pid'),
    ):
        pass
    assert not (tmp_path / 'pid').exists()
