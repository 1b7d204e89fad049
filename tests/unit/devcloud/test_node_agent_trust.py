"""Nodes that the agent plays follow their bay to other authorities."""

import json
import logging
import pathlib
import stat
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.unit import node_service
from tests.unit.devcloud.test_node_agent import FakeNova, user_data
from tests.unit.node_service import Authority, Service
from tools.devcloud import node_agent, node_agent_boot, node_agent_trust

pytestmark = pytest.mark.slow


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(node_agent_boot, '_RETRY_DELAY', 0)
    with node_service.serve() as made_up:
        yield made_up


@pytest.fixture
def settings(service: Service) -> dict[str, str]:
    return {
        'MAGNUM_BAY_UUID': node_service.BAY,
        'MAGNUM_NODE_NAME': 'node-0',
        'MAGNUM_NODE_ROLE': 'worker',
        'MAGNUM_NODE_ADDRESS': '10.0.0.5',
        'MAGNUM_BOOTSTRAP_URL': f'{service.url}/v1/bootstrap',
        'MAGNUM_BOOTSTRAP_TOKEN': 'token',
        'MAGNUM_CERTIFICATES': 'kubelet proxy renewal',
        'MAGNUM_TRUST_SECONDS': '0.01',
    }


@pytest.fixture
def nova(settings: dict[str, str]) -> FakeNova:
    servers = FakeNova()
    servers.add('id-0', user_data(settings))
    return servers


class Clock:
    """An agent, looking at the cloud until something is so."""

    def __init__(self, nova: FakeNova, state: pathlib.Path):
        self.nova = nova
        self.state = state
        self.agent = node_agent.Agent(nova, state, threading.Event())

    def restart(self) -> None:
        self.agent.finish()
        self.agent = node_agent.Agent(self.nova, self.state, threading.Event())

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline
            self.agent.poll()
            time.sleep(0.01)

    def a_while(self) -> None:
        for _ in range(30):
            self.agent.poll()
            time.sleep(0.01)


@pytest.fixture
def clock(nova: FakeNova, tmp_path: pathlib.Path) -> Iterator[Clock]:
    agent = Clock(nova, tmp_path)
    yield agent
    agent.agent.finish()


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / 'nodes/id-0'


def files(disk: pathlib.Path) -> dict[str, bytes]:
    """Keys, certificates and authorities."""
    folder = disk / 'etc/magnum/certificates'
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def follows(service: Service, node: str = 'node-0') -> Callable[[], bool]:
    return lambda: service.confirmed.get(node) == service.fingerprint


def test_a_node_goes_through_a_rotation(
    clock: Clock, service: Service, disk: pathlib.Path
) -> None:
    clock.until(follows(service))
    keys = {name: key for name, key in files(disk).items() if name.endswith('.key')}
    assert set(keys) == {'kubelet.key', 'proxy.key'}, 'that of renewal is not kept'
    key = disk / 'etc/magnum/certificates/proxy.key'
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    (old,), new = service.authorities, Authority()
    for authorities in ([old, new], [new, old], [new]):
        service.authorities = authorities
        clock.until(follows(service))
    assert service.reissued == [['kubelet', 'proxy']]
    clock.agent.finish()
    assert files(disk).items() >= keys.items()
    assert files(disk)['ca.pem'] == files(disk)['trusted.pem'] == new.pem.encode()
    assert service.asked.count('register') == 1


def test_a_nodes_disk_outlives_the_agent(clock: Clock, service: Service) -> None:
    clock.until(follows(service))
    clock.restart()
    service.authorities.insert(0, Authority())
    clock.until(follows(service))
    assert service.asked.count('register') == 1


@pytest.mark.parametrize('rule', ['deaf', 'silent'])
def test_nodes_are_deaf_as_told(
    clock: Clock, service: Service, tmp_path: pathlib.Path, rule: str
) -> None:
    clock.until(follows(service))
    file = tmp_path / 'behaviour.json'
    file.write_text(json.dumps({'^node-0$': rule}))
    clock.a_while()
    service.authorities.insert(0, Authority())
    clock.a_while()
    assert not follows(service)()
    file.unlink()
    clock.until(follows(service))


def test_nodes_report_and_a_silent_one_does_not(
    clock: Clock, service: Service, tmp_path: pathlib.Path
) -> None:
    clock.until(lambda: service.reported.get('node-0', [])[-1:] == ['ready'])
    assert service.reported['node-0'][0] == 'building'
    clock.until(follows(service))
    clock.restart()
    count = len(service.reported['node-0'])
    clock.until(lambda: len(service.reported['node-0']) > count)
    (tmp_path / 'behaviour.json').write_text('{"node": "silent"}')
    count = len(service.reported['node-0'])
    clock.restart()
    clock.a_while()
    assert len(service.reported['node-0']) == count


def test_a_deaf_node_boots(clock: Clock, service: Service, tmp_path: pathlib.Path) -> None:
    (tmp_path / 'behaviour.json').write_text('{"node": "deaf"}')
    clock.until(lambda: 'ready' in service.reported.get('node-0', []))
    clock.a_while()
    assert 'authorities' not in service.asked


@pytest.mark.parametrize('seconds', ['', '0', None])
def test_without_a_time_there_are_no_rounds(
    clock: Clock, service: Service, nova: FakeNova, settings: dict[str, str], seconds: str | None
) -> None:
    del settings['MAGNUM_TRUST_SECONDS']
    if seconds is not None:
        settings['MAGNUM_TRUST_SECONDS'] = seconds
    nova.add('id-0', user_data(settings))
    clock.until(lambda: 'ready' in service.reported.get('node-0', []))
    clock.a_while()
    assert 'authorities' not in service.asked


@pytest.mark.parametrize('content', [None, "A='1'", "A='"])
def test_markers_without_a_disk_are_left_alone(
    clock: Clock,
    service: Service,
    disk: pathlib.Path,
    content: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (clock.state / 'booted/id-0').touch()
    if content is not None:
        (disk / 'etc/magnum').mkdir(parents=True)
        (disk / 'etc/magnum/node.env').write_text(content)
    clock.a_while()
    assert service.asked == []
    assert ('cannot be understood' in caplog.text) is bool(content)


def test_a_round_ends_with_the_word_that_it_followed(
    clock: Clock, service: Service, disk: pathlib.Path
) -> None:
    clock.until(follows(service))
    clock.agent.finish()
    node = node_agent_boot.Node(disk, threading.Event())
    assert not node_agent_trust.take_round(node)
    service.authorities.insert(0, Authority())
    assert node_agent_trust.take_round(node)
    assert follows(service)()


def test_nodes_that_failed_or_have_no_certificates_do_no_rounds(
    clock: Clock, service: Service, nova: FakeNova, settings: dict[str, str], tmp_path: pathlib.Path
) -> None:
    nova.servers.clear()
    nova.add('id-1', user_data({**settings, 'MAGNUM_NODE_NAME': 'node-1'}))
    nova.add('id-2', user_data({**settings, 'MAGNUM_CERTIFICATES': ''}))
    (tmp_path / 'behaviour.json').write_text('{"node-1": "fail: no space"}')
    clock.until(lambda: len(service.ended) == 2)
    clock.a_while()
    assert 'authorities' not in service.asked
    assert service.reported['node-1'][-1] == 'failed'
    assert service.reported['node-0'][-1] == 'ready'


def test_a_failed_round_changes_nothing(
    clock: Clock, service: Service, disk: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock.until(follows(service))
    clock.agent.finish()
    before = files(disk)
    service.authorities.insert(0, Authority())
    for flaw, said in (
        ({'refuses': {'proxy'}}, '401'),
        ({'foreign': Authority()}, 'of another authority'),
        ({'foreign_key': Authority().key.public_key()}, 'another key'),
    ):
        vars(service).update(flaw)
        clock.restart()
        clock.until(lambda said=said: said in caplog.text)  # type: ignore[misc]
        clock.agent.finish()
        assert files(disk) == before
        vars(service).update(refuses=set(), foreign=None, foreign_key=None)
    clock.restart()
    clock.until(follows(service))


@pytest.mark.parametrize('route', ['authorities', 'certificates'])
def test_a_node_whose_bay_is_gone_asks_no_more(
    clock: Clock, service: Service, caplog: pytest.LogCaptureFixture, route: str
) -> None:
    caplog.set_level(logging.INFO)
    clock.until(follows(service))
    service.denied = {route: (410, 'magnum.bootstrap.gone')}
    service.authorities.insert(0, Authority())
    clock.until(lambda: 'its bay is gone' in caplog.text)
    count = len(service.asked)
    clock.a_while()
    assert len(service.asked) == count


def test_deleted_nodes_are_forgotten(
    clock: Clock, service: Service, nova: FakeNova, disk: pathlib.Path
) -> None:
    clock.until(follows(service))
    nova.servers.clear()
    clock.until(lambda: not disk.exists())
    clock.a_while()
    count = len(service.asked)
    clock.a_while()
    assert len(service.asked) == count
    assert not disk.exists()


def test_many_nodes_follow_and_each_does_one_round_at_a_time(
    clock: Clock,
    service: Service,
    nova: FakeNova,
    settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    settings['MAGNUM_TRUST_SECONDS'] = '0.1'
    names = [f'node-{number}' for number in range(20)]
    nova.servers.clear()
    for name in names:
        nova.add(f'id of {name}', user_data({**settings, 'MAGNUM_NODE_NAME': name}))
    take_round, at_work = node_agent_trust.take_round, set()

    def watched(node: node_agent_boot.Node) -> bool:
        assert node.name not in at_work
        at_work.add(node.name)
        try:
            return take_round(node)
        finally:
            at_work.remove(node.name)

    monkeypatch.setattr(node_agent_trust, 'take_round', watched)
    clock.until(lambda: service.ended == set(names))
    service.authorities.insert(0, Authority())
    clock.until(lambda: all(follows(service, name)() for name in names))
    assert 'fault of the agent' not in caplog.text
