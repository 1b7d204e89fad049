"""What signals do to real processes."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tests.unit.cmd import programs
from tools.common import network

# Each test starts programs.
pytestmark = pytest.mark.slow

AGAIN = 'The configuration was read again; changed: '


def _workers(script: str) -> tuple[str, ...]:
    return ('1',) if script == 'magnum-all-in-one' else ('1', '2')


CASES = [
    (script, workers)
    for script in ('magnum-api', 'magnum-conductor', 'magnum-all-in-one')
    for workers in _workers(script)
]


@pytest.mark.parametrize(('script', 'workers'), CASES)
def test_sighup_reloads_and_sigterm_ends(
    tmp_path: pathlib.Path, script: str, workers: str
) -> None:
    port = str(network.find_free())     # several processes cannot share "any"
    changes = {'api': {'workers': workers, 'port': port}, 'conductor': {'workers': workers}}
    config = programs.write(tmp_path, changes)
    programs.finish('magnum-db-manage', '--config-file', str(config), 'upgrade')
    processes = 1 if workers == '1' else 3      # the workers' parent reloads too
    started = {'magnum-api': 'Listening on', 'magnum-conductor': 'Conductor ruapehu/'}
    with programs.running(script, config, tmp_path / 'log') as program:
        program.wait_for_log(started.get(script, 'Listening on'), int(workers))
        assert f'{script} ' in program.log
        assert 'database sqlite:///' in program.log
        changes['DEFAULT'] = {'debug': 'true'}
        changes['conductor']['poll_interval'] = '0.5'
        changes['conductor']['threads'] = '3'       # not mutable: said, and not taken over
        programs.write(tmp_path, changes)
        with open(config, 'a') as file:
            file.write('[DEFAULT]\ndebug = true\n')
        program.process.send_signal(signal.SIGHUP)
        program.wait_for_log(f'{AGAIN}[DEFAULT]debug, [conductor]poll_interval', processes)
        assert 'Ignoring change to immutable option conductor.threads' in program.log
        config.write_text('[conductor\n')  # no closing bracket
        program.process.send_signal(signal.SIGHUP)
        program.wait_for_log('The configuration is not read again', processes)
        assert program.process.poll() is None
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(programs.PATIENCE) == 0, program.log[-3000:]
    assert 'Traceback' not in program.log
    assert 'DEBUG' in program.log


@pytest.mark.parametrize('workers', ['1', '2'])
def test_a_rotated_log(tmp_path: pathlib.Path, workers: str) -> None:
    config = programs.write(tmp_path, {'conductor': {'workers': workers}})
    log = tmp_path / 'conductor.log'
    with open(config, 'a') as file:
        file.write(f'[DEFAULT]\nlog_file = {log}\n')
    programs.finish('magnum-db-manage', '--config-file', str(config), 'upgrade')
    with programs.running('magnum-conductor', config, tmp_path / 'output') as program:
        program.wait_for(lambda: log.exists() and 'Conductor ruapehu/' in log.read_text())
        rotated = log.rename(tmp_path / 'conductor.log.1')
        program.process.send_signal(signal.SIGHUP)
        processes = 1 if workers == '1' else 3
        program.wait_for(lambda: log.exists() and log.read_text().count(AGAIN) == processes)
        written = rotated.stat().st_size
        program.process.send_signal(signal.SIGHUP)
        program.wait_for(lambda: log.read_text().count(AGAIN) == 2 * processes)
        assert rotated.stat().st_size == written
        assert not _open_files(program.process.pid, rotated)


def _open_files(pid: int, path: pathlib.Path) -> list[str]:
    folder = pathlib.Path(f'/proc/{pid}/fd')
    return [name for name in os.listdir(folder) if os.path.realpath(folder / name) == str(path)]


#: A service with a thread that is interrupted in the place of the one that waits.
_OF_A_THREAD = """
import signal, threading, time
from magnum import conf
from magnum.cmd import processes

class Service:
    def __init__(self, _conf):
        pass
    def start(self):
        threading.Thread(target=self.interrupt, daemon=True).start()
    def interrupt(self):
        time.sleep(0.5)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        time.sleep(60)
    def stop(self):
        print('stopped')

found = conf.new_config()
found([], project='magnum', default_config_files=[])
processes.run(found, 'test', 1, Service)
"""


def test_a_signal_that_another_thread_gets() -> None:
    done = subprocess.run(
        [sys.executable, '-c', _OF_A_THREAD], capture_output=True, text=True, timeout=50,
    )
    assert (done.returncode, done.stdout) == (0, 'stopped\n'), done.stderr
