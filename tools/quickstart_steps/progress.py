"""Telling what is done, how long it takes, and that it goes on."""

import contextlib
import math
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from tools.common import processes
from tools.common.command import say
from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.common.processes import Command

TICK = 15.0  # seconds between two lines about a command that runs
_LINE = 70  # characters of such a line


class Phases:
    """The big steps of one run, and the seconds that each took.

    :param usual: the titles of all steps in their order, each with the seconds
        that it takes at first on an idle machine.
    """

    def __init__(self, usual: Mapping[str, float]) -> None:
        self.seconds: dict[str, float] = {}
        self._left = dict(usual)

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Announce a step with the time that is left, and how long it took."""
        say(f'== {title} (about {self._rounded()} s to go)')
        began = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - began
        del self._left[title]
        say(f'   {title}: done in {self.seconds[title]:.0f} s')

    def _rounded(self) -> int:
        return 10 * math.ceil(sum(self._left.values()) / 10)


def clean_environment() -> dict[str, str]:
    """Ours, without what would lead OpenStack's and Python's programs astray."""
    return processes.inherited('OS_', 'PYTHON', 'VIRTUAL_ENV')


def run_through(*command: str | os.PathLike[str], **variables: str) -> None:
    """Run a command whose own lines are for the reader, who may have to answer.

    :param variables: of the environment, beside a clean one.
    :raises ToolError: it failed, and has said why.
    """
    code = subprocess.run(command, env={**clean_environment(), **variables}).returncode
    if code:
        words = ' '.join(os.fspath(word) for word in command)
        raise ToolError(f'{words} failed ({code}), see above')


def run_logged(command: Command, log: pathlib.Path) -> None:
    """Run a command with its output in a file; now and then show where it is.

    :raises ToolError: it failed; has the last lines of its output.
    """

    def report(seconds: float) -> None:
        say(f'   {seconds:.0f} s: {processes.tail(log, 1).strip()[:_LINE]}')

    processes.run_logged(
        command, log, lines=15, waiting=report, tick=TICK, env=clean_environment(),
        cwd=CHECKOUT,
    )


def environment_with(variables: Mapping[str, str]) -> dict[str, str]:
    """A clean environment and these variables."""
    return {**clean_environment(), 'PYTHONWARNINGS': 'ignore', **variables}


class Board:
    """A line for each of several things, written anew when it changes.

    Into a file or a pipe, where nothing can be written over, each change is
    one more line.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._shown: dict[str, str] = {}

    def show(self, texts: Mapping[str, str], elapsed: float) -> None:
        """Show what is the case now.

        :param elapsed: seconds, which alone are no change.
        """
        if self._is_terminal and self._shown:
            print(f'\033[{len(self._shown)}A\033[J', end='')
        for name, text in texts.items():
            if self._is_terminal or self._shown.get(name) != text:
                print(f'   {elapsed:4.0f} s  {name}: {text}')
        self._shown = dict(texts)
