"""Each refusal says what is short, and how much is needed."""

import os
import pathlib
import shutil
import socket
import types

import pytest

from tools.common import machine, network
from tools.common.errors import ToolError
from tools.common.processes import Home
from tools.devcloud import backends, services, settings
from tools.quickstart_steps import checks, layout, magnum


@pytest.fixture(autouse=True)
def fresh_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Nothing is installed, nothing runs, there is enough of all."""
    monkeypatch.setattr(layout, 'ROOT', tmp_path)
    monkeypatch.setattr(layout, 'VENV', tmp_path / 'quickstart/venv')
    monkeypatch.setattr(settings, 'ROOT', tmp_path / 'devcloud')
    monkeypatch.setattr(settings, 'VENV', tmp_path / 'devcloud/venv')
    home = Home(tmp_path / 'log', tmp_path / 'run', tmp_path)
    monkeypatch.setattr(settings, 'PROCESSES', home)
    monkeypatch.setattr(layout, 'PROCESSES', home)
    monkeypatch.setattr(services, 'all_processes', dict)
    monkeypatch.setattr(backends, 'CLOUD_NAMES', ())
    monkeypatch.setattr(machine, 'available_memory', lambda: 8 * machine.GIB)
    monkeypatch.setattr(settings, 'MAGNUM_PORT', network.find_free())


def _disk(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    usage = types.SimpleNamespace(free=free * machine.GIB)
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    _disk(monkeypatch, free=10)
    checks.check()


def test_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    _disk(monkeypatch, free=3.2)
    with pytest.raises(ToolError, match=r'3\.2 GiB of disk free, 4 GiB are needed'):
        checks.check()


def test_disk_when_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    _disk(monkeypatch, free=3.2)
    layout.VENV.mkdir(parents=True)
    settings.VENV.mkdir(parents=True)
    checks.check()


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _disk(monkeypatch, free=10)
    monkeypatch.setattr(machine, 'available_memory', lambda: 2 * machine.GIB)
    with pytest.raises(ToolError, match=r'2\.0 GiB of memory .* 4\.0 GiB are needed'):
        checks.check()


def test_port(monkeypatch: pytest.MonkeyPatch) -> None:
    _disk(monkeypatch, free=10)
    refusal = pytest.raises(
        ToolError, match=f'port {settings.MAGNUM_PORT}, which Magnum needs, is taken'
    )
    with socket.create_server(('127.0.0.1', settings.MAGNUM_PORT)), refusal:
        checks.check()


def test_directory_that_cannot_be_made(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ToolError, match='cannot be made: Not a directory'):
        checks.require_directory(tmp_path / 'file/quickstart')


def test_directory_of_another_user(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(os, 'access', lambda *_: False)
    with pytest.raises(ToolError, match=f'{tmp_path} belongs to another user'):
        checks.require_directory(tmp_path)


def test_other_mode_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(magnum, 'running', lambda: ['magnum-api'])
    magnum.require_mode(real_backends=True)
    with pytest.raises(ToolError, match='started with --real-backends'):
        magnum.require_mode(real_backends=False)
