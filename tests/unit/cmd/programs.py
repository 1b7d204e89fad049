"""The console scripts as real processes, on SQLite and without a message bus."""

import base64
import contextlib
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

BIN = pathlib.Path(sys.executable).parent
#: Far longer than any of them takes to start, on a busy machine too.
PATIENCE = 240.0

KEY = base64.b64encode(bytes(32)).decode()
#: A configuration that everything starts with.
COMPLETE = {
    'DEFAULT': {
        'state_path': '{directory}', 'transport_url': 'fake://', 'host': 'ruapehu',
    },
    'api': {'port': '0', 'host': '127.0.0.1', 'workers': '1'},
    'conductor': {'heat_notifications': 'false'},
    'certificates': {'encryption_keys': KEY},
    'database': {
        'connection': 'sqlite:///{directory}/magnum.sqlite', 'max_retries': '1',
        'retry_interval': '1',
    },
    'keystone_auth': {'auth_type': 'none'},
    'keystone_authtoken': {
        'auth_type': 'none', 'www_authenticate_uri': 'http://127.0.0.1:1/v3',
    },
}

Sections = Mapping[str, Mapping[str, str | None]]


def write(directory: pathlib.Path, changes: Sections | None = None) -> pathlib.Path:
    """A configuration file: the complete one with changes; a None leaves an option out."""
    path = directory / 'magnum.conf'
    lines = []
    for section, options in COMPLETE.items():
        lines.append(f'[{section}]')
        for name, value in {**options, **(changes or {}).get(section, {})}.items():
            if value is not None:
                lines.append(f'{name} = {value.format(directory=directory)}')
    path.write_text('\n'.join(lines) + '\n')
    return path


def finish(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], capture_output=True, text=True,
        timeout=PATIENCE, check=False, env=_environment(),
    )


@contextlib.contextmanager
def running(script: str, config: pathlib.Path, log: pathlib.Path) -> Iterator['Running']:
    """A program that runs until the end of the block."""
    with open(log, 'ab') as output:
        process = subprocess.Popen(
            [str(BIN / script), '--config-file', str(config)],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=_environment(),
        )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


class Running:
    """A started program and its log."""

    def __init__(self, process: subprocess.Popen[bytes], log: pathlib.Path):
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(errors='replace')

    def wait_for(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, self.log[-3000:]
            assert time.monotonic() < end, self.log[-3000:]
            time.sleep(0.05)

    def wait_for_log(self, text: str, times: int = 1) -> None:
        self.wait_for(lambda: self.log.count(text) >= times)


def _environment() -> dict[str, str]:
    return {**os.environ, 'PYTHONWARNINGS': 'ignore'}
