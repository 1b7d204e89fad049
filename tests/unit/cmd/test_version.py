"""``--version`` of every program is the release of the tree."""

import re
from importlib import metadata

import pytest

from magnum.version import VERSION
from tests.unit.cmd import programs

# Each test starts programs.
pytestmark = pytest.mark.slow

_PROGRAMS = [
    point.name for point in metadata.distribution('magnum').entry_points
    if point.group == 'console_scripts'
]


@pytest.mark.parametrize('program', _PROGRAMS)
def test_version(program: str) -> None:
    done = programs.finish(program, '--version')
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf'({program} )?{re.escape(VERSION)}\n', done.stdout)
