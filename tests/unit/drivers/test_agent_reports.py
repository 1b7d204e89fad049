"""What the agent of a node reports, when, and what it does on being told."""

import errno
import itertools
import json
import pathlib
import random
import threading
import time
import uuid

import pytest

from magnum.drivers.common.node.agent import (
    channel,
    reporter,
    state,
)
from magnum.drivers.common.node.agent.__main__ import UNIT
from magnum.drivers.common.node.agent.channel import Gone
from magnum.drivers.common.node.agent.node import KEPT_IN_MEMORY, Node
from magnum.drivers.common.node.agent.reporter import Reporter
from tests.unit.drivers import agents, node_files
from tests.unit.drivers.agents import Answer, Program, Service, script

DIRECTIVE = '2f1a0c1e-5f54-4a5e-9d57-1f3c6a1f0b11'


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
