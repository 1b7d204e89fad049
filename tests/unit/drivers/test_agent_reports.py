"""What the agent of a node reports, when, and what it does on being told."""

import errno
import hashlib
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence

import pytest

from magnum.drivers.common.node.agent import (
    channel,
    conditions,
    reporter,
    state,
)
from magnum.drivers.common.node.agent.__main__ import UNIT
from magnum.drivers.common.node.agent.channel import Channel, Gone
from magnum.drivers.common.node.agent.conditions import Conditions
from magnum.drivers.common.node.agent.node import KEPT_IN_MEMORY, Node
from magnum.drivers.common.node.agent.reporter import Reporter
from tests.unit.drivers import agents, node_files
from tests.unit.drivers.agents import Answer, Service

DIRECTIVE = '2f1a0c1e-5f54-4a5e-9d57-1f3c6a1f0b11'


@pytest.fixture
def service() -> Iterator[Service]:
    with agents.serve() as made_up:
        yield made_up


@pytest.fixture
def node(tmp_path: pathlib.Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Node:
    """One that has registered."""
    return agents.registered(tmp_path, service, monkeypatch)


def script(node: Node, name: str, text: str) -> None:
    file = node.path(f'/opt/magnum/{name}')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('#!/bin/bash\n' + text)
    file.chmod(0o755)


def test_a_report_says_step_and_state(node: Node, service: Service) -> None:
    told = Reporter(node)
    state.tell(node, 'building', '40-docker', 5, 11)
    assert told.turn() == 30
    state.tell(node, 'ready')
    told.turn()
    building, ready = service.reports()
    assert building.keys() == {
        'sequence', 'state', 'step', 'position', 'steps', 'lines', 'conditions', 'versions',
        'trusts',
    }
    assert [building[key] for key in ('state', 'step', 'position', 'steps', 'lines')] == [
        'building', '40-docker', 5, 11, [],
    ]
    assert ready['state'] == 'ready'
    assert ready['step'] is None
    assert {said.tag for said in service.said} == {'magnum/report'}


def test_what_failed_is_told_without_secrets(node: Node, service: Service) -> None:
    proxied = agents.make_node(
        node.root, service.url, MAGNUM_HTTPS_PROXY='http://me:pass-word@proxy:3128'
    )
    text = '\n'.join([
        *(f'line {number}' for number in range(30)),
        'X-Bootstrap-Token: the-token', 'me:pass-word',
        '-----BEGIN EC PRIVATE KEY-----', 'MHcCAQEE', '-----END EC PRIVATE KEY-----',
        'E: no \tdisk\x1b[0m left\x00',
    ])
    state.tell(proxied, 'failed', '40-docker', 5, 11, text)
    Reporter(proxied).turn()
    (report,) = service.reports()
    assert len(report['lines']) == 20
    assert report['lines'][-4:] == [
        'line 29', 'X-Bootstrap-Token: ***', '***', 'E: no  disk [0m left ',
    ]
    for secret in ('the-token', 'pass-word', 'MHcC'):
        assert secret not in json.dumps(report)


def test_what_is_said_again_and_again_is_told_once(node: Node) -> None:
    text = 'why\n' + 'refused\n' * 100 + 'gave up\n'
    assert state.last_lines(node, text) == ['why', 'refused', 'gave up']


def test_few_characters_are_told(node: Node) -> None:
    assert sum(map(len, state.last_lines(node, 'x' * 150 + '\n' + ('y' * 300 + '\n') * 20))) <= 2000
    assert state.last_lines(node, 'a' * 5000 + 'end') == ['a' * 1997 + 'end']


def test_numbers_rise_when_the_clock_is_set_back(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = state.next_number(node)
    assert abs(first - time.time() * 1000) < 60_000
    monkeypatch.setattr(time, 'time', lambda: 1000.0)
    assert [state.next_number(node) for _ in range(2)] == [first + 1, first + 2]


def numbers(service: Service) -> list[int]:
    return [report['sequence'] for report in service.reports()]


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize('spared', ['', KEPT_IN_MEMORY])
def test_reports_go_on_when_nothing_can_be_written(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch, number: int, spared: str
) -> None:
    told = Reporter(node)
    told.turn()
    agents.refuse_writes(node, monkeypatch, but=spared, number=number)
    clock = itertools.count(time.time() + 10, -0.001)
    with monkeypatch.context() as set_back:
        set_back.setattr(time, 'time', lambda: next(clock))
        assert [told.turn() for _ in range(3)] == [30] * 3
        # A new process knows its numbers by what is kept in memory.
        assert not spared or Reporter(node).turn() == 30
    found = numbers(service)
    assert found == sorted(set(found))
    assert len(found) == 4 + bool(spared)


def test_numbers_rise_after_a_restart_on_a_full_disk(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    Reporter(node).turn()
    agents.refuse_writes(node, monkeypatch)
    for _ in range(2):
        assert Reporter(node).turn() == 30
        time.sleep(0.002)
    assert numbers(service) == sorted(set(numbers(service)))


def test_what_failed_is_told_on_a_full_disk(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Reporter(node)
    state.tell(node, 'building', '40-docker', 5, 11)
    told.turn()
    with monkeypatch.context() as full:
        agents.refuse_writes(node, full, but=KEPT_IN_MEMORY)
        state.tell(node, 'failed', '40-docker', 5, 11, 'no space')
        assert told.has_news()
        told.turn()
    # What is written later counts.
    state.tell(node, 'ready')
    assert told.has_news()
    told.turn()
    assert [(said['state'], said['lines']) for said in service.reports()] == [
        ('building', []), ('failed', ['no space']), ('ready', []),
    ]
    assert list(node.path(KEPT_IN_MEMORY).iterdir()) == []


def test_results_are_told_on_a_full_disk(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(node, 'directives/drain.sh', 'echo done')
    agents.refuse_writes(node, monkeypatch)
    assert outcome(node, service, drain()) == {'outcome': 'done', 'lines': ['done']}


@pytest.mark.parametrize(
    ('told', 'seconds'),
    [(5, 5), (57.3, 57.3), (0, 1), (-1, 1), (1e9, 3600), ('5', 60), (None, 60), (True, 60)],
)
def test_the_service_says_when_the_next_report_is_due(
    node: Node, service: Service, told: object, seconds: float
) -> None:
    service.answers = [Answer(document={'next': told})]
    assert Reporter(node).turn() == seconds


def test_a_service_that_is_away_is_asked_less_and_less(
    node: Node, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Reporter(node)
    service.answers = [Answer(503)] * 9
    pauses = [told.turn() for _ in range(9)]
    for number, pause in enumerate(pauses):
        longest = min(300, 5 * 2 ** number)
        assert longest / 2 <= pause <= longest
    assert len(set(pauses)) == 9, 'no two nodes come at once'
    assert told.turn() == 30
    service.answers = [Answer(503, headers={'Retry-After': '120'})]
    assert told.turn() == 120, 'and begins anew'
    assert capsys.readouterr().out.splitlines().count('reports') == 1


@pytest.mark.parametrize('status', [401, 403, 404, 500])
def test_no_refusal_ends_it(node: Node, service: Service, status: int) -> None:
    service.answers = [Answer(status, code='magnum.bootstrap.refused')]
    told = Reporter(node)
    assert 2.5 <= told.turn() <= 5
    assert told.turn() == 30


def test_what_cannot_be_looked_at_ends_nothing(
    node: Node, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    state.tell(node, 'ready')
    script(node, 'conditions.sh', 'true')
    file = node.path('/opt/magnum/conditions.sh')
    file.chmod(0o600)
    told = Reporter(node)
    assert 2.5 <= told.turn() <= 5
    assert 'cannot report: [Errno 13] Permission denied' in capsys.readouterr().out
    file.chmod(0o700)
    assert told.turn() == 30


def test_a_bay_that_is_gone_ends_it(node: Node, service: Service) -> None:
    service.answers = [Answer(503), Answer(410, code='magnum.bootstrap.gone')]
    told = Reporter(node)
    told.turn()
    with pytest.raises(Gone):
        told.turn()


def test_a_step_is_told_at_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, 'GLANCE', 0.01)
    told = Reporter(node)
    told.turn()
    timer = threading.Timer(0.1, state.tell, (node, 'building', '12-tools', 3, 9))
    timer.start()
    began = time.monotonic()
    told.wait(30)
    assert time.monotonic() - began < 10
    told.turn()
    began = time.monotonic()
    told.wait(0.05)
    assert time.monotonic() - began >= 0.05


def _end_after(node: Node, service: Service, reported: str) -> float:
    """The seconds after which an agent that starts has its first report sent."""
    state.tell(node, reported)
    service.answers = [Answer(410, code='magnum.bootstrap.gone')]
    began = time.monotonic()
    with pytest.raises(Gone):
        Reporter(node).run()
    return time.monotonic() - began


def test_nodes_that_start_together_do_not_report_together(
    node: Node, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, float]] = []

    def uniform(lowest: float, highest: float) -> float:
        waits.append((lowest, highest))
        return 0.3

    monkeypatch.setattr(random, 'uniform', uniform)
    assert _end_after(node, service, 'ready') >= 0.3
    assert waits == [(0, 30)]
    # What is built or has failed is waited for.
    for reported in ('building', 'failed'):
        _end_after(node, service, reported)
    assert waits == [(0, 30)]


def outcome(node: Node, service: Service, directive: object) -> dict[str, object]:
    """What the service hears of a directive."""
    told = Reporter(node)
    service.answers = [Answer(document={'next': 30, 'directives': [directive]})]
    told.turn()
    told.wait(20)
    told.turn()
    result, report = service.said[-2:]
    assert (result.path.split('/')[-2:], result.tag) == (
        ['results', DIRECTIVE], f'magnum/result/{DIRECTIVE}',
    )
    assert report.path.endswith('/report')
    found: dict[str, object] = result.body
    return found


def drain(**parameters: object) -> dict[str, object]:
    return {
        'id': DIRECTIVE, 'verb': 'drain',
        'parameters': {'nodes': ['bay-node-1', 'bay-node-2'], 'seconds': 60, **parameters},
    }


def test_a_directive_is_done_by_its_script(node: Node, service: Service) -> None:
    script(node, 'directives/drain.sh', 'echo "$MAGNUM_NODES|$MAGNUM_SECONDS|$MAGNUM_NODE_ROLE"')
    assert outcome(node, service, drain()) == {
        'outcome': 'done', 'lines': ['bay-node-1 bay-node-2|60|worker'],
    }


def upgrade(**told: object) -> dict[str, object]:
    return {
        'id': DIRECTIVE, 'verb': 'upgrade', 'parameters': {'settings': told, 'seconds': 60},
    }


def test_settings_are_told_as_a_shell_reads_them(node: Node, service: Service) -> None:
    script(
        node, 'directives/upgrade.sh',
        'eval "$MAGNUM_SETTINGS"; echo "$MAGNUM_KUBE_VERSION|$MAGNUM_KUBEAPI_OPTIONS"',
    )
    told = {'MAGNUM_KUBE_VERSION': 'v2', 'MAGNUM_KUBEAPI_OPTIONS': "--a='$(id)' --b=\"x\""}
    assert outcome(node, service, upgrade(**told)) == {
        'outcome': 'done', 'lines': ["v2|--a='$(id)' --b=\"x\""],
    }


def test_a_directive_that_fails_says_why(node: Node, service: Service) -> None:
    script(node, 'directives/drain.sh', 'echo left: a pod the-token >&2; exit 1')
    assert outcome(node, service, drain()) == {
        'outcome': 'failed', 'lines': ['left: a pod ***'],
    }


@pytest.mark.parametrize(
    ('directive', 'said'),
    [
        ({**drain(), 'verb': 'reboot'}, "no directive 'reboot'"),
        ({**drain(), 'verb': '../../steps/10-proxies'}, 'no directive'),
        ({**drain(), 'verb': 'remove'}, 'remove has the parameters nodes'),
        (drain(extra=1), 'has the parameters nodes, seconds'),
        (drain(nodes='bay-node-1'), 'a list of names'),
        (drain(nodes=[]), 'a list of names'),
        (drain(nodes=['--all']), 'a list of names'),
        (drain(nodes=['a;reboot']), 'a list of names'),
        (drain(nodes=['a b']), 'a list of names'),
        (drain(nodes=[1]), 'a list of names'),
        (drain(seconds=0), 'a whole number'),
        (drain(seconds='60'), 'a whole number'),
        (drain(seconds=True), 'a whole number'),
        (drain(seconds=10 ** 9), 'a whole number'),
        (upgrade(), 'texts by name'),
        (upgrade(PATH='/tmp'), 'PATH is none'),
        (upgrade(MAGNUM_X=1), 'MAGNUM_X is none'),
        (upgrade(MAGNUM_X='a\nb'), 'MAGNUM_X is none'),
        (upgrade(MAGNUM_X='a' * 10_001), 'MAGNUM_X is none'),
        ({'id': DIRECTIVE}, 'no directive'),
        (drain(), 'nodes of this kind have no drain'),
    ],
)
def test_what_no_node_does_is_answered(
    node: Node, service: Service, directive: object, said: str
) -> None:
    if 'have no' not in said:
        script(node, 'directives/drain.sh', 'exit 0')
        script(node, 'directives/remove.sh', 'exit 0')
    result = outcome(node, service, directive)
    assert result['outcome'] == 'failed'
    assert said in str(result['lines'])


@pytest.mark.parametrize('told', [None, 'x', [1], [{}], [{'id': '../x', 'verb': 'drain'}]])
def test_nonsense_is_passed_over(node: Node, service: Service, told: object) -> None:
    service.answers = [Answer(document={'next': 30, 'directives': told})]
    assert Reporter(node).turn() == 30


def test_a_directive_is_begun_once_and_reports_go_on(node: Node, service: Service) -> None:
    script(
        node, 'directives/drain.sh',
        f'echo x >>{node.root}/begun\nwhile [ ! -e {node.root}/go ]; do sleep 0.05; done\n',
    )
    told = Reporter(node)
    other = {**drain(), 'id': str(uuid.uuid4())}
    for _ in range(3):
        service.answers = [Answer(document={'next': 30, 'directives': [drain(), other]})]
        told.turn()
    assert len(service.reports()) == 3
    (node.root / 'go').touch()
    told.wait(20)
    # A result that gets lost is told again, and a refused one forgotten.
    service.answers = [Answer(503), Answer(404)]
    told.turn()
    told.turn()
    told.turn()
    paths = [said.path.rsplit('/', 1)[1] for said in service.said]
    assert paths == ['report'] * 3 + [DIRECTIVE] * 2 + ['report'] * 2
    assert (node.root / 'begun').read_text() == 'x\n'


def test_a_script_whose_time_is_up_ends_with_all_that_it_started(node: Node) -> None:
    script(node, 'slow.sh', 'echo begun; sleep 60 & echo $! ; wait')
    ended = node.run(node.path('/opt/magnum/slow.sh'), seconds=0.5)
    first, child = ended.text.split()
    assert (ended.status, first) == (None, 'begun')
    deadline = time.monotonic() + 10
    while pathlib.Path(f'/proc/{child}/cmdline').exists() and time.monotonic() < deadline:
        if not pathlib.Path(f'/proc/{child}/cmdline').read_bytes():
            break    # a zombie
        time.sleep(0.05)
    else:
        assert not pathlib.Path(f'/proc/{child}').exists()


def found(node: Node, is_built: bool = True, apart: float = 0) -> dict[str, dict[str, str]]:
    sender = Channel(node)
    sender.apart = apart
    return Conditions(node).look(sender, is_built)


def test_conditions_of_the_coe_are_those_of_its_script(node: Node) -> None:
    script(
        node, 'conditions.sh',
        'case $1 in condition) echo "condition Node False NotInSwarm its state is pending"\n'
        'echo "condition ControlPlane True Working"; echo noise; echo; echo condition X\n'
        'echo condition X Yes Because; echo condition x True Because; echo condition X True A-B;;\n'
        'version) echo "version docker 20.10.24+dfsg1"; echo "version kubelet";; esac\n',
    )
    assert found(node)['Node'] == {
        'status': 'False', 'reason': 'NotInSwarm', 'message': 'its state is pending',
    }
    assert found(node)['ControlPlane'] == {'status': 'True', 'reason': 'Working', 'message': ''}
    assert found(node).keys() == {'Disk', 'Clock', 'Certificates', 'Node', 'ControlPlane'}
    assert found(node, is_built=False).keys() == {'Disk', 'Clock', 'Certificates'}
    node.path('/etc/os-release').write_text('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert Conditions(node).versions() == {
        'docker': '20.10.24+dfsg1', 'os': 'Debian GNU/Linux 12 (bookworm)',
    }


def test_a_script_that_hangs_says_nothing_of_the_node(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, 'SCRIPT_SECONDS', 0.3)
    script(node, 'conditions.sh', 'sleep 60 & wait')
    assert found(node)['Node']['status'] == 'Unknown'


@pytest.mark.parametrize(
    ('states', 'status', 'text'),
    [
        ('active active', 'True', ''),
        ('active failed', 'False', 'kubelet is failed'),
        ('activating inactive', 'False', 'docker is activating, kubelet is inactive'),
    ],
)
def test_services_have_to_be_active(
    node: Node, monkeypatch: pytest.MonkeyPatch, states: str, status: str, text: str
) -> None:
    systemctl = node.path('/bin/systemctl')
    systemctl.parent.mkdir()
    systemctl.write_text(
        f'#!/bin/sh\n[ "$*" = "is-active docker kubelet" ] && printf "%s\\n" {states}\n'
    )
    systemctl.chmod(0o755)
    monkeypatch.setenv('PATH', f'{systemctl.parent}:{os.environ["PATH"]}')
    node.path('/etc/magnum/services').write_text('docker\nkubelet\n')
    services = found(node)['Services']
    assert (services['status'], services['message']) == (status, text)


@pytest.mark.parametrize(
    ('free', 'blocks', 'status', 'text'),
    [
        (1_000_000, 2_000_000, 'True', ''),
        (100_000, 200_000, 'False', '/: less than 512 MB free'),
        (1_000_000, 10 ** 9, 'False', '/: less than 4 GB free'),
        (256, 200_000, 'False', '/: less than 2 MB free'),
        (0, 200_000, 'False', '/: less than 1 MB free'),
    ],
)
def test_a_disk_has_room(
    node: Node, monkeypatch: pytest.MonkeyPatch, free: int, blocks: int, status: str, text: str
) -> None:
    leave(monkeypatch, free, blocks)
    disk = found(node)['Disk']
    assert (disk['status'], disk['message']) == (status, text)


def leave(monkeypatch: pytest.MonkeyPatch, free: int, blocks: int = 200_000) -> None:
    """Let so many blocks of 4 KiB be free from now on."""
    values = list(os.statvfs('/'))
    values[1], values[2], values[4] = 4096, blocks, free
    monkeypatch.setattr(os, 'statvfs', lambda _path: os.statvfs_result(values))


def test_a_disk_that_cannot_be_read_is_told_of(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: str) -> os.statvfs_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, 'statvfs', fail)
    disk = found(node)['Disk']
    assert (disk['status'], disk['message']) == ('False', '/: Input/output error')


#: Of numbers that change by little: free blocks of 4 KiB, and seconds between the clocks.
NUMBERS = {
    'a disk that fills': [(free, 0) for free in range(80_000, 79_000, -100)],
    'about a step': [(65_536 + change, 0) for change in (100, -100, 90, -3000, 3000)],
    'about the limit': [(122_070 + change, 0) for change in (-10, 10, -500, 3000, -20)],
    'a late clock': [(10 ** 5, 600 + change) for change in (0.2, -0.7, 0.5, -0.9, 0.3)],
    'a clock about the limit': [(10 ** 5, 60 + change) for change in (0.4, -0.6, 0.5, -0.9)],
}


@pytest.mark.parametrize('measured', NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_change_by_little_are_told_as_before(
    node: Node, monkeypatch: pytest.MonkeyPatch, measured: list[tuple[int, float]]
) -> None:
    """The service writes each report that differs, and the bay's health after it."""
    looking, sender = Conditions(node), Channel(node)
    told = set()
    for free, sender.apart in measured:
        leave(monkeypatch, free)
        said = looking.look(sender, True)
        told.add(json.dumps([said['Disk'], said['Clock']]))
    assert len(told) == 1


def test_numbers_that_change_by_much_are_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, sender = Conditions(node), Channel(node)
    told = []
    for free in (122_000, 66_000, 60_000, 0, 140_000):
        leave(monkeypatch, free)
        told.append(looking.look(sender, True)['Disk']['message'])
    assert told == [
        '/: less than 512 MB free', '/: less than 512 MB free', '/: less than 256 MB free',
        '/: less than 1 MB free', '',
    ]


@pytest.mark.parametrize(
    ('said', 'told'),
    [
        ('curl: (7) Failed to connect to 10.0.0.9 port 6443 after 3 ms: refused',
         'curl: (7) Failed to connect to 10.0.0.9 port 6443: refused'),
        ('curl: (28) Connection timed out after 10001 milliseconds',
         'curl: (28) Connection timed out'),
        ('E0726 12:00:01.123456   12345 memcache.go:265] no answer', 'memcache.go:265] no answer'),
    ],
)
def test_what_differs_each_time_is_left_out(node: Node, said: str, told: str) -> None:
    script(node, 'conditions.sh', f'echo "condition API False NotReachable {said}"')
    assert found(node)['API']['message'] == told


@pytest.mark.parametrize(
    ('apart', 'status', 'text'),
    [
        (59, 'True', ''), (-59, 'True', ''), (61, 'False', 'more than 1 min late'),
        (-601, 'False', 'more than 10 min early'),
    ],
)
def test_a_clock_is_right_within_a_minute(node: Node, apart: float, status: str, text: str) -> None:
    clock = found(node, apart=apart)['Clock']
    assert clock['status'] == status
    assert text in clock['message']


def test_certificates_are_told_before_they_end(node: Node) -> None:
    """Those of the tests are from an hour ago to an hour from now."""
    assert found(node)['Certificates']['status'] == 'True'
    near = found(node, apart=3600 * 0.85)['Certificates']
    assert (near['status'], near['reason']) == ('False', 'NearEnd')
    assert near['message'].startswith('server: 2')
    assert found(node, apart=3600 * 0.75)['Certificates']['status'] == 'True'
    node.path('/etc/magnum/certificates/server.key').unlink()
    assert found(node, apart=3600)['Certificates']['status'] == 'True', 'nobody uses it'


def test_a_node_says_what_its_services_trust(node: Node) -> None:
    assert Conditions(node).trusts() == hashlib.sha256(b'').hexdigest()
    (node.path('/etc/magnum/certificates') / 'trusted.pem').write_text('x')
    assert Conditions(node).trusts() == hashlib.sha256(b'x').hexdigest()
    without = agents.make_node(node.root, '', MAGNUM_CERTIFICATES='')
    assert Conditions(without).trusts() is None
    assert 'Certificates' not in found(without)


class Program:
    """The agent as nodes run it."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        node_files.place_agent(root)

    def run(
        self, *arguments: str, text: str = '', within: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*within, sys.executable, '-m', 'agent', '--root', str(self.root), *arguments],
            cwd=self.root / 'opt/magnum', input=text, capture_output=True, text=True,
            timeout=60, check=False,
            env={'PATH': f'{self.root}/bin:{os.environ["PATH"]}'},
        )


def test_the_program_registers_tells_and_ends_when_the_bay_is_gone(
    tmp_path: pathlib.Path, service: Service
) -> None:
    node = agents.make_node(tmp_path, service.url)
    program = Program(tmp_path)
    systemctl = tmp_path / 'bin/systemctl'
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/systemctl\n')
    systemctl.chmod(0o755)
    registered = program.run('register')
    assert (registered.returncode, registered.stdout) == (0, 'has its certificate for server\n')
    assert program.run('request', 'server').stdout.startswith('-----BEGIN CERTIFICATE REQUEST')
    assert program.run('tell', 'failed', '12-tools', '3', '9', text='no curl\n').returncode == 0
    service.said.clear()
    service.answers = [Answer(410, code='magnum.bootstrap.gone')]
    ended = program.run('report')
    assert ended.returncode == 0, ended.stderr
    (report,) = service.reports()
    assert (report['state'], report['step'], report['lines']) == ('failed', '12-tools', ['no curl'])
    assert (tmp_path / 'systemctl').read_text() == 'disable magnum-agent\n'
    assert node.kept(state.STATE).stat().st_mode & 0o777 == 0o600


def test_the_program_says_what_it_cannot_write(
    tmp_path: pathlib.Path, service: Service
) -> None:
    agents.make_node(tmp_path, service.url)
    # A key fits no more.
    full = ['sh', '-c', 'ulimit -f 0; exec "$@"', 'sh']
    done = Program(tmp_path).run('register', within=full)
    assert done.returncode == 1
    assert done.stderr.startswith('[Errno 27] File too large')
    assert 'Traceback' not in done.stderr


def test_what_a_node_took_over_goes_before_what_it_was_made_with(tmp_path: pathlib.Path) -> None:
    agents.make_node(tmp_path, 'http://made-with/')
    (tmp_path / 'etc/magnum/taken-over.env').write_text("MAGNUM_HTTP_PROXY='http://new/'\n")
    node = Node(tmp_path)
    assert node.setting('MAGNUM_HTTP_PROXY') == 'http://new/'
    assert node.environment()['MAGNUM_HTTP_PROXY'] == 'http://new/'
    assert node.setting('MAGNUM_BOOTSTRAP_URL') == 'http://made-with/'


@pytest.mark.parametrize(('status', 'ended'), [(403, 86), (404, 86), (401, 86)])
def test_the_program_says_what_is_hopeless(
    tmp_path: pathlib.Path, service: Service, status: int, ended: int
) -> None:
    agents.make_node(tmp_path, service.url)
    service.answers = [Answer(status, code='magnum.bootstrap.refused')]
    done = Program(tmp_path).run('register')
    assert done.returncode == ended
    assert done.stderr.startswith(f'refused: {status} because of magnum.bootstrap.refused (')
    assert 'Traceback' not in done.stderr


def test_key_and_unit_have_the_names_that_the_documents_and_the_step_give() -> None:
    step = (node_files.FOLDER / 'common/node/11-register.sh').read_text()
    assert f'/etc/systemd/system/{UNIT}.service' in step
    assert f'start_service {UNIT}\n' in step
    assert channel.KEY == '/etc/magnum/agent.key'
