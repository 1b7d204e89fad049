"""A shell as a reader has it: one for several pages, with its folder and variables."""

import contextlib
import os
import pathlib
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping

from tools.common.errors import ToolError


class Shell:
    """A bash that is given one command after the other."""

    def __init__(
        self, folder: pathlib.Path, home: pathlib.Path, environment: Mapping[str, str]
    ) -> None:
        """Start it.

        :param folder: where it begins.
        :param home: its home, in which the commands are noted, too.
        """
        self._script = home / '.command'
        self._mark = f'--- {secrets.token_hex(8)}'
        self._process = subprocess.Popen(
            ['bash', '--noprofile', '--norc'],
            cwd=folder,
            env={**environment, 'HOME': str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, command: str, seconds: float) -> tuple[int, str]:
        """Run a command.

        :returns: its exit code, and what it wrote to both outputs.
        :raises ToolError: it did not end in time, or ended the shell.
        """
        # Read as a file, a command that is ill-formed does not end the shell.
        self._script.write_text(f'{command}\n')
        assert self._process.stdin is not None  # noqa: S101 - made with a pipe
        self._process.stdin.write(
            f'. {self._script} </dev/null; printf "\\n{self._mark} %s\\n" $?\n'.encode()
        )
        self._process.stdin.flush()
        return self._read(command, time.monotonic() + seconds)

    def _read(self, command: str, until: float) -> tuple[int, str]:
        """The code after the mark, and all output before it."""
        assert self._process.stdout is not None  # noqa: S101 - made with a pipe
        pipe = self._process.stdout.fileno()
        gathered = b''
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise ToolError(f'no end in time: {command}\n{gathered.decode()}')
                piece = os.read(pipe, 65536)
                if not piece:
                    raise ToolError(f'the shell has ended: {command}\n{gathered.decode()}')
                gathered += piece
                text, mark, code = gathered.rpartition(f'\n{self._mark} '.encode())
                if mark and code.endswith(b'\n'):
                    return int(code), text.decode(errors='replace').rstrip('\n')

    def write(self, name: str, text: str) -> None:
        """Write a file, in the folder where the shell is by now.

        :raises ToolError: it cannot be written.
        """
        source = self._script.with_name('.file')
        source.write_text(text)
        code, output = self.run(f'cp {source} {name}', 60)
        if code:
            raise ToolError(output)

    def close(self) -> None:
        """End it, and whatever it has in the background."""
        with self._process, contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
