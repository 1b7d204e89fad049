"""Clouds on one machine choose ports that do not collide."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tools.common import network
from tools.common.place import CHECKOUT
from tools.devcloud import ports

_CHOOSE = 'from tools.devcloud import ports; ports.choose(); print(ports.offset())'
_KEEP = _CHOOSE.replace('print', 'import sys; print') + '; sys.stdout.flush(); sys.stdin.read()'
_SETTINGS = 'from tools.devcloud import settings; print(settings.MAGNUM_URL)'


def _environment(directory: pathlib.Path, **variables: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items()
        if not name.startswith('MAGNUM_DEVCLOUD')
    }
    return {**kept, 'MAGNUM_DEVCLOUD_DIR': str(directory), **variables}


def _run(program: str, directory: pathlib.Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True,
        cwd=CHECKOUT, env=_environment(directory, **variables),
    )
    return done.stdout.strip()


@contextlib.contextmanager
def _taken(port: int) -> Iterator[None]:
    """Something listens on a port; our own, or whatever has it already."""
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.bind((network.IP, port))
        sock.listen()
        yield
        return
    yield


def test_chosen_once(tmp_path: pathlib.Path) -> None:
    chosen = _run(_CHOOSE, tmp_path)
    with _taken(ports.USUAL['keystone'] + int(chosen)):
        assert _run(_CHOOSE, tmp_path) == chosen
    url = f'http://127.0.0.1:{ports.USUAL["magnum"] + int(chosen)}/v1'
    assert _run(_SETTINGS, tmp_path) == url


@pytest.mark.parametrize('name', ['magnum', 'rabbitmq'])
def test_port_that_is_taken(tmp_path: pathlib.Path, name: str) -> None:
    first = int(_run(_CHOOSE, tmp_path / 'first'))
    with _taken(ports.USUAL[name] + first):
        assert int(_run(_CHOOSE, tmp_path / 'second')) > first


def test_named_cloud_leaves_the_usual_ports(tmp_path: pathlib.Path) -> None:
    assert _run(_CHOOSE, tmp_path, MAGNUM_DEVCLOUD_NAME='tests') != '0'
    assert (tmp_path / 'tests/port-offset').exists()


def test_variable_wins(tmp_path: pathlib.Path) -> None:
    assert _run(_CHOOSE, tmp_path, MAGNUM_DEVCLOUD_PORT_OFFSET='33') == '33'
    assert not (tmp_path / 'state').exists()


def test_two_at_a_time(tmp_path: pathlib.Path) -> None:
    starting = subprocess.Popen(
        [sys.executable, '-c', _KEEP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=CHECKOUT, env=_environment(tmp_path / 'first'),
    )
    with starting:
        assert starting.stdin
        assert starting.stdout
        first = starting.stdout.readline().strip()
        assert _run(_CHOOSE, tmp_path / 'second') != first
        starting.stdin.close()


_PREFLIGHT = '''
import sys
from tools.devcloud import launch, ports, preflight
preflight.check_machine = lambda: print(ports.offset(), ports.is_chosen())
sys.argv[1:] = ['preflight']
sys.exit(launch.main())
'''


def test_preflight_keeps_no_ports(tmp_path: pathlib.Path) -> None:
    """The reservation ends with it: another cloud may take them before ``up``."""
    name = {'MAGNUM_DEVCLOUD_NAME': 'tests'}
    offset, is_chosen = _run(_PREFLIGHT, tmp_path, **name).split()
    assert (int(offset) > 0, is_chosen) == (True, 'True')
    assert not (tmp_path / 'tests/port-offset').exists()
    chosen = _run(_CHOOSE, tmp_path, **name)
    assert _run(_PREFLIGHT, tmp_path, **name) == f'{chosen} True'
    assert (tmp_path / 'tests/port-offset').read_text() == f'{chosen}\n'


def test_what_is_in_the_way_is_one_line(tmp_path: pathlib.Path) -> None:
    """Nothing is installed, and no traceback is printed."""
    (tmp_path / 'state').mkdir()
    (tmp_path / 'state/port-offset').write_text('0\n')
    launcher = CHECKOUT / 'tools/devcloud/devcloud'
    with _taken(ports.USUAL['mariadb']):
        result = subprocess.run(
            [sys.executable, launcher, 'preflight'], capture_output=True, text=True,
            env=_environment(tmp_path),
        )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith('devcloud: ')
    assert not (tmp_path / 'venv').exists()
