"""Samples of ``etc/``: what they name exists, and uWSGI serves the API with its one."""

import contextlib
import inspect
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata

import pytest
import requests

from magnum.conductor.service import Conductor
from tests.unit.cmd import programs
from tools.common import network

_ETC = pathlib.Path(__file__).parents[2] / 'etc'
_INI = _ETC / 'uwsgi/magnum-api-uwsgi.ini'
#: Where the operator's guide installs the service.
_BIN = '/opt/magnum/bin/'
#: Files that an operator copies; those of the generators are read in their place.
_SAMPLES = sorted(
    path for path in _ETC.rglob('*') if path.is_file() and path.parent.name != 'magnum'
)
_UNITS = sorted((_ETC / 'systemd').glob('*.service'))


def _settings(path: pathlib.Path) -> dict[str, list[str]]:
    """Settings of a unit or of uWSGI, each with all of its values."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        name, equals, value = line.partition('=')
        if equals and not line.startswith('#'):
            found.setdefault(name.strip(), []).append(value.strip())
    return found


def test_there_is_a_unit_for_each_process() -> None:
    assert [unit.name for unit in _UNITS] == ['magnum-api.service', 'magnum-conductor.service']


@pytest.mark.parametrize('unit', _UNITS, ids=lambda unit: unit.stem)
def test_programs_of_a_unit_are_installed(unit: pathlib.Path) -> None:
    scripts = {
        point.name for point in metadata.distribution('magnum').entry_points
        if point.group == 'console_scripts'
    }
    [command] = _settings(unit)['ExecStart']
    program, *arguments = command.split()
    assert program.removeprefix(_BIN) in scripts | {'uwsgi'}
    if arguments:
        assert arguments == ['--ini', f'/etc/magnum/{_INI.name}']


@pytest.mark.parametrize('unit', _UNITS, ids=lambda unit: unit.stem)
def test_account_and_folders_of_a_unit_are_made(unit: pathlib.Path) -> None:
    settings = _settings(unit)
    [account] = settings['User']
    accounts = (_ETC / 'sysusers.d/magnum.conf').read_text()
    assert re.search(rf'^u {account} ', accounts, re.MULTILINE)
    folders = (_ETC / 'tmpfiles.d/magnum.conf').read_text()
    for base, setting in (('/var/lib', 'StateDirectory'), ('/var/log', 'LogsDirectory')):
        [folder], [mode] = settings[setting], settings[f'{setting}Mode']
        assert re.search(rf'^d {base}/{folder} +{mode} +{account} +{account}$', folders, re.M)
        assert settings['ProtectSystem'] == ['strict']


def test_conductor_may_take_the_time_that_it_needs_to_stop() -> None:
    grace = inspect.signature(Conductor.stop).parameters['grace'].default
    [most] = _settings(_ETC / 'systemd/magnum-conductor.service')['TimeoutStopSec']
    assert int(most) > grace


def test_api_may_take_the_time_that_it_needs_to_stop() -> None:
    [most] = _settings(_ETC / 'systemd/magnum-api.service')['TimeoutStopSec']
    [mercy] = _settings(_INI)['worker-reload-mercy']
    assert int(most) > int(mercy)


def test_proxies_reach_the_sockets_of_uwsgi() -> None:
    settings = _settings(_INI)
    assert f' {settings["http-socket"][0]}\n' in (_ETC / 'haproxy/magnum.cfg').read_text()
    [path] = settings['socket']
    assert f'unix:{path}|uwsgi:' in (_ETC / 'apache2/magnum-api.conf').read_text()
    unit = _settings(_ETC / 'systemd/magnum-api.service')
    assert pathlib.PurePath(path).parent == pathlib.PurePath('/run', unit['RuntimeDirectory'][0])


def test_unit_reloads_by_the_fifo_of_uwsgi() -> None:
    [fifo] = _settings(_INI)['master-fifo']
    [command] = _settings(_ETC / 'systemd/magnum-api.service')['ExecReload']
    assert f"'echo c > {fifo}'" in command


def test_rotated_logs_are_those_of_the_units() -> None:
    [folder] = _settings(_ETC / 'systemd/magnum-conductor.service')['LogsDirectory']
    assert f'/var/log/{folder}/*.log {{' in (_ETC / 'logrotate.d/magnum').read_text()


@pytest.mark.parametrize('sample', _SAMPLES, ids=lambda path: path.name)
def test_a_sample_says_where_it_goes(sample: pathlib.Path) -> None:
    place = re.search(r'(?:Install as|Append to) (/etc/[\w./-]+)', sample.read_text())
    assert place is not None
    assert pathlib.PurePath(place[1].rstrip('.')).name in {sample.name, 'haproxy.cfg'}


class _Uwsgi:
    """UWSGI with the sample, on sockets of its own."""

    def __init__(self, directory: pathlib.Path):
        self.log = directory / 'log/magnum-api.log'
        self.log.parent.mkdir()
        self.url = f'http://127.0.0.1:{network.find_free()}'
        self.fifo = directory / 'api.fifo'
        self._output = directory / 'uwsgi.log'
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.bind(str(directory / 'notify'))
        self._notified.settimeout(programs.PATIENCE)
        config = programs.write(directory, {'DEFAULT': {'log_dir': str(self.log.parent)}})
        programs.finish('magnum-db-manage', '--config-file', str(config), 'upgrade')
        ini = directory / _INI.name
        text = _INI.read_text()
        for name, value in {
            'http-socket': self.url.removeprefix('http://'),
            'socket': str(directory / 'api.socket'),
            'master-fifo': str(self.fifo),
            'processes': '2',
        }.items():
            text, count = re.subn(rf'(?m)^{name} = .*$', f'{name} = {value}', text)
            assert count == 1
        ini.write_text(text)
        with open(self._output, 'wb') as output:
            self.process = subprocess.Popen(
                [pathlib.Path(sys.executable).with_name('uwsgi'), '--ini', ini],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                env={
                    **os.environ, 'OS_MAGNUM_CONFIG_FILES': str(config),
                    'NOTIFY_SOCKET': str(directory / 'notify'), 'PYTHONWARNINGS': 'ignore',
                },
            )

    def wait_until_ready(self) -> None:
        """Until it says so as services of ``Type=notify`` do, and its workers do."""
        said = ''
        while 'READY=1' not in said:
            said = self._notified.recv(4096).decode()
        end = time.monotonic() + programs.PATIENCE
        while self.output.count(' ready in ') < 2:      # one line of each worker
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def close(self) -> None:
        self._notified.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def uwsgi(tmp_path: pathlib.Path) -> Iterator[_Uwsgi]:
    with contextlib.closing(_Uwsgi(tmp_path)) as started:
        started.wait_until_ready()
        yield started


def _logged_request(uwsgi: _Uwsgi) -> int:
    """The status of a request with a token: the log says that Keystone does not answer."""
    response = requests.get(f'{uwsgi.url}/v1/bays', headers={'X-Auth-Token': 'any'}, timeout=60)
    return response.status_code


def _workers(uwsgi: _Uwsgi) -> set[str]:
    return set(re.findall(r'pawned uWSGI worker \d+ \((?:new )?pid: (\d+)', uwsgi.output))


@pytest.mark.slow
def test_uwsgi_serves_the_api_until_it_is_told_to_end(uwsgi: _Uwsgi) -> None:
    assert requests.get(uwsgi.url, timeout=60).json()['versions'][0]['id'] == 'v1'
    assert requests.get(f'{uwsgi.url}/healthcheck', timeout=60).text == 'OK'
    assert _logged_request(uwsgi) == 503

    # Rotated as the sample for logrotate does it: by a rename, and no signal.
    rotated = uwsgi.log.with_suffix('.log.1')
    uwsgi.log.rename(rotated)
    assert _logged_request(uwsgi) == 503
    assert uwsgi.log.exists(), rotated.read_text()

    # Renewed as the unit does it.
    before = _workers(uwsgi)
    end = time.monotonic() + programs.PATIENCE
    uwsgi.fifo.write_text('c\n')
    while 'chain reloading complete' not in uwsgi.output:
        assert requests.get(f'{uwsgi.url}/healthcheck', timeout=60).text == 'OK'
        assert uwsgi.process.poll() is None, uwsgi.output
        assert time.monotonic() < end, uwsgi.output
    assert len(_workers(uwsgi) - before) == len(before) == 2

    began = time.monotonic()
    uwsgi.process.send_signal(signal.SIGTERM)
    assert uwsgi.process.wait(60) == 0, uwsgi.output
    assert time.monotonic() - began < int(_settings(_INI)['worker-reload-mercy'][0])
    assert 'goodbye' in uwsgi.output
