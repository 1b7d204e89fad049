"""Processes of the tools: real ones, in a directory of their own."""

import os
import pathlib
import signal
import socket
import sys

import pytest

from tools.common import processes
from tools.common.errors import ToolError
from tools.common.processes import Home, Process

_WAITS = 'import time; print("here", flush=True); time.sleep(60)'
#: Has a child that outlives it.
_LEAVES_A_CHILD = (
    'import subprocess, sys, time; '
    'print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, '
    'flush=True); time.sleep(60)'
)


@pytest.fixture
def home(tmp_path: pathlib.Path) -> Home:
    return Home(tmp_path / 'log', tmp_path / 'run', tmp_path, 'ask around')


def _process(home: Home, code: str, *ports: int) -> Process:
    log = home.log('one')
    return Process(
        home, 'one', [sys.executable, '-c', code], dict(os.environ), ports,
        lambda: bool(log.read_text()),
    )


def test_is_started_once_and_stopped(home: Home) -> None:
    process = _process(home, _WAITS)
    assert process.start()
    processes.wait_ready([process])
    assert not process.start()
    assert home.pid('one') == process.pid() is not None
    assert home.stop(['one', 'another']) == ['one']
    assert process.pid() is None
    assert home.stop(['one']) == []


def test_children_end_with_it(home: Home) -> None:
    process = _process(home, _LEAVES_A_CHILD)
    process.start()
    processes.wait_ready([process])
    child = int(process.log.read_text())
    pid = process.pid()
    assert pid is not None
    assert set(processes.session_members(pid)) == {pid, child}
    home.stop(['one'])
    assert processes.started_at(child) is None


def test_id_that_another_process_has_now(home: Home) -> None:
    home.pids.mkdir()
    home.pid_file('one').write_text(f'{os.getpid()} 1')
    assert home.pid('one') is None
    assert home.stop(['one']) == []


def test_death_at_the_start_is_told_with_the_log(home: Home) -> None:
    process = _process(home, 'raise SystemExit("no such file")')
    process.start()
    with pytest.raises(ToolError, match=r'one died at its start.*\n.*no such file'):
        processes.wait_ready([process])
    home.stop(['one'])


def test_port_that_is_taken(home: Home) -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            ToolError, match=rf'port {port}, .* by process {os.getpid()} .*; ask around'
        ):
            _process(home, _WAITS, port).start()


def test_command_that_fails_is_told_with_its_output(home: Home) -> None:
    code = 'import sys; print("no space left"); sys.exit(3)'
    command = [sys.executable, '-c', code]
    with pytest.raises(ToolError, match=r'failed \(3\).*\nno space left'):
        processes.run_logged(command, home.log('two'))
    processes.run_logged(command, home.log('two'), accept=(0, 3))


def test_command_that_takes_long_is_told_of(home: Home) -> None:
    said: list[float] = []
    processes.run_logged(
        [sys.executable, '-c', 'import time; time.sleep(1)'], home.log('two'),
        waiting=said.append, tick=0.2,
    )
    assert said
    assert said == sorted(said)


def test_environment_without_what_leads_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OS_CLOUD', 'mine')
    inherited = processes.inherited('OS_', 'PYTHON')
    assert 'OS_CLOUD' not in inherited
    assert inherited['PATH'] == os.environ['PATH']


def test_zombies_are_not_alive(home: Home) -> None:
    process = _process(home, _WAITS)
    process.start()
    pid = process.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert process.pid() is None
    home.stop(['one'])
