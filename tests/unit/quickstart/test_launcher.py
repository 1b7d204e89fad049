"""The launcher finds a Python that fits, or says what is missing."""

import os
import pathlib
import subprocess
from collections.abc import Callable

import pytest

LAUNCHER = pathlib.Path(__file__).parents[3] / 'tools/quickstart'


def _interpreter(directory: pathlib.Path, name: str, fits: bool) -> None:
    """A program that passes or fails the launcher's question and tells its name."""
    path = directory / name
    path.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit {0 if fits else 1}\necho {name} "$3"\n')
    path.chmod(0o755)


@pytest.fixture
def launch(tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / 'dirname').symlink_to('/usr/bin/dirname')

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ['/bin/sh', LAUNCHER, 'status'],
            env={'PATH': os.fspath(tmp_path), **variables},
            capture_output=True,
            text=True,
        )

    return run


def test_first_that_fits(
    launch: Callable[..., subprocess.CompletedProcess[str]], tmp_path: pathlib.Path
) -> None:
    _interpreter(tmp_path, 'python3', fits=False)
    _interpreter(tmp_path, 'python3.12', fits=True)
    _interpreter(tmp_path, 'python3.11', fits=True)
    assert launch().stdout == 'python3.12 status\n'


def test_chosen(
    launch: Callable[..., subprocess.CompletedProcess[str]], tmp_path: pathlib.Path
) -> None:
    _interpreter(tmp_path, 'python3', fits=True)
    _interpreter(tmp_path, 'mine', fits=True)
    assert launch(MAGNUM_PYTHON='mine').stdout == 'mine status\n'


def test_none_fits(
    launch: Callable[..., subprocess.CompletedProcess[str]], tmp_path: pathlib.Path
) -> None:
    _interpreter(tmp_path, 'python3', fits=False)
    result = launch()
    assert result.returncode == 1
    assert 'Python 3.11, 3.12 or 3.13 is needed' in result.stderr


def test_chosen_does_not_fit(
    launch: Callable[..., subprocess.CompletedProcess[str]], tmp_path: pathlib.Path
) -> None:
    _interpreter(tmp_path, 'python3', fits=True)
    result = launch(MAGNUM_PYTHON='python2')
    assert result.returncode == 1
    assert 'MAGNUM_PYTHON=python2 is not Python 3.11' in result.stderr
