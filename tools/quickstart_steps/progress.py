"""Telling what is done, how long it takes, and that it goes on."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from tools.devcloud import processes
from tools.devcloud.services import say
from tools.quickstart_steps import layout
from tools.quickstart_steps.errors import QuickstartError

TICK = 15.0  # seconds between two lines about a command that runs
_LINE = 70  # characters of such a line


class Phases:
    """The big steps of one run, and the seconds that each took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Announce a step, and its time when it is done."""
        say(f'== {title}')
        began = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - began
        say(f'   {title}: done in {self.seconds[title]:.0f} s')


def clean_environment() -> dict[str, str]:
    """Ours, without what would lead OpenStack's and Python's programs astray."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('OS_', 'PYTHON', 'VIRTUAL_ENV'))
    }


def run_through(*command: str | os.PathLike[str]) -> None:
    """Run a command whose own lines are for the reader, who may have to answer.

    :raises QuickstartError: it failed, and has said why.
    """
    code = subprocess.run(command, env=clean_environment()).returncode
    if code:
        words = ' '.join(os.fspath(word) for word in command)
        raise QuickstartError(f'{words} failed ({code}), see above')


def run_logged(command: Sequence[str | os.PathLike[str]], log: pathlib.Path) -> None:
    """Run a command with its output in a file; now and then show where it is.

    :raises QuickstartError: it failed; has the last lines of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (
        open(log, 'w') as output,
        subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=clean_environment(),
            cwd=layout.CHECKOUT,
        ) as child,
    ):
        while True:
            try:
                code = child.wait(TICK)
                break
            except subprocess.TimeoutExpired:
                line = processes.tail(log, 1).strip()[:_LINE]
                say(f'   {time.monotonic() - began:.0f} s: {line}')
    if code:
        program = pathlib.Path(command[0]).name
        raise QuickstartError(
            f'{program} failed ({code}); the last lines of {log}:\n{processes.tail(log, 15)}'
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
