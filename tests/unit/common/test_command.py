"""Command lines: exit codes and messages."""

import fcntl
import pathlib

import pytest

from tools.common import command
from tools.common.errors import ToolError


def test_exit_code_of_the_command() -> None:
    assert command.run('tool', lambda: 3) == 3


@pytest.mark.parametrize(('error', 'code', 'said'), [
    (ToolError('no disk'), 1, 'tool: no disk\n'),
    (KeyboardInterrupt(), 130, 'tool: interrupted; try again\n'),
])
def test_error_is_one_message(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    def fail() -> int:
        raise error

    assert command.run('tool', fail, '; try again') == code
    assert capsys.readouterr().err == said


def test_lock_that_is_taken(tmp_path: pathlib.Path) -> None:
    def refuse() -> None:
        raise ToolError('at work')

    path = tmp_path / 'lock'
    with open(path, 'w') as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ToolError, match='at work'), command.lock(path, refuse):
            pass
    with command.lock(path, refuse):
        pass
