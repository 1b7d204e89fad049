"""Environments of the tools: made and filled for real, with a package of our own."""

import pathlib
import subprocess
import sys
import zipfile

import pytest

from tools.common import environments

# Environments are made, and packages installed.
pytestmark = pytest.mark.slow

_METADATA = {
    'tiny.py': 'answer = 42\n',
    'tiny-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n',
    'tiny-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'tiny-1.0.dist-info/RECORD': '',
}


@pytest.fixture
def wheel(tmp_path: pathlib.Path) -> str:
    path = tmp_path / 'tiny-1.0-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in _METADATA.items():
            archive.writestr(name, content)
    return str(path)


@pytest.fixture
def environment(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / 'environment'
    environments.make(directory, sys.executable, tmp_path / 'log')
    return directory


def _answer(environment: pathlib.Path) -> str:
    code = 'import tiny; print(tiny.answer)'
    return subprocess.run(
        [environment / 'bin/python', '-c', code], capture_output=True, text=True, check=True
    ).stdout


def test_a_package_is_installed(
    environment: pathlib.Path, wheel: str, tmp_path: pathlib.Path
) -> None:
    environments.install(environment, [wheel], tmp_path / 'log')

    assert _answer(environment) == '42\n'
    assert ' + tiny==1.0' in (tmp_path / 'log').read_text(), 'not the output of uv'


def test_pip_installs_where_uv_cannot(
    environment: pathlib.Path, wheel: str, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / 'tools/uv/bin/uv'
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho no index\nexit 2\n')
    program.chmod(0o755)
    monkeypatch.setattr(environments, 'TOOLS', tmp_path / 'tools')

    environments.install(environment, [wheel], tmp_path / 'log')

    assert _answer(environment) == '42\n'
    assert 'Successfully installed tiny' in (tmp_path / 'log').read_text()


def test_uv_uses_the_indexes_of_pip(
    environment: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / 'pip.conf'
    configuration.write_text(
        '[global]\nindex-url = https://one.example/simple\nextra-index-url = https://two.example\n'
    )
    monkeypatch.setenv('PIP_CONFIG_FILE', str(configuration))
    monkeypatch.setenv('PIP_INDEX_URL', 'https://variable.example/simple')

    options = environments.uv_options(environment / 'bin/python')

    assert options['UV_DEFAULT_INDEX'] == 'https://variable.example/simple'
    assert options['UV_INDEX'] == 'https://two.example'


def test_uv_looks_for_packages_where_pip_does(
    environment: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ('one', 'two', 'nowhere')]
    for folder in folders[:2]:
        folder.mkdir()
    configuration = tmp_path / 'pip.conf'
    configuration.write_text('\n    '.join([
        '[global]\nfind-links =', *map(str, folders), 'https://one.example/wheels\n'
    ]))
    monkeypatch.setenv('PIP_CONFIG_FILE', str(configuration))
    monkeypatch.delenv('PIP_FIND_LINKS', raising=False)

    options = environments.uv_options(environment / 'bin/python')

    assert options['UV_FIND_LINKS'].split(',') == [
        *map(str, folders[:2]), 'https://one.example/wheels'
    ]
