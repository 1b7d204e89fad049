"""Virtual environments: made with venv, filled by uv.

uv takes seconds where pip takes minutes, and keeps what it has downloaded and
built for every later environment. It is installed by pip in an environment of
its own, in the user's cache folder. Where the package index of pip's
configuration serves no uv, or uv cannot use it, pip does the work.

    python -m tools.common.environments DIRECTORY ARGUMENT...

makes an environment unless it is there, and installs what ``pip install`` would
with these arguments.
"""

import ast
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tools.common import command, processes
from tools.common.command import lock, say
from tools.common.errors import ToolError
from tools.common.place import directory

#: Where uv is, and what it has downloaded; kept for all checkouts.
TOOLS: Final = directory(
    'MAGNUM_TOOLS_DIR',
    pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    / 'magnum-tools',
)
_UV_RELEASES: Final = 'uv>=0.9,<1'
_PIP: Final = ('-m', 'pip', '--disable-pip-version-check', '--no-input')
_TICK: Final = 20.0  # seconds between two calls of ``waiting``
#: Options of pip's configuration, the variables of uv that say the same, and what
#: separates their values.
_OPTIONS: Final = (
    ('index-url', 'UV_DEFAULT_INDEX', ' '),
    ('extra-index-url', 'UV_INDEX', ' '),
    ('find-links', 'UV_FIND_LINKS', ','),
    ('constraint', 'UV_CONSTRAINT', ' '),
)


def make(environment: pathlib.Path, interpreter: str, log: pathlib.Path) -> None:
    """Make an empty environment in place of what is there."""
    shutil.rmtree(environment, ignore_errors=True)
    environment.parent.mkdir(parents=True, exist_ok=True)
    try:
        processes.run_logged([interpreter, '-m', 'venv', environment], log)
    except ToolError as error:
        raise ToolError(
            f'{interpreter} cannot make a virtual environment; is python3-venv installed? '
            f'tools/system-packages installs it\n{error}'
        ) from error


def install(
    environment: pathlib.Path,
    arguments: Sequence[str],
    log: pathlib.Path,
    variables: Mapping[str, str] | None = None,
    waiting: Callable[[float], None] | None = None,
) -> None:
    """Install packages in an environment.

    :param arguments: as ``pip install`` and ``uv pip install`` take them.
    :param log: the file for the output.
    :param variables: the whole environment of the installing process; ours by
        default.
    :param waiting: called with the seconds so far, now and then.
    :raises ToolError: it failed; has the last lines of the output.
    """
    python = environment / 'bin/python'
    inherited = os.environ if variables is None else variables

    def run(more: Mapping[str, str], *words: str | os.PathLike[str]) -> None:
        processes.run_logged(
            [*words, *arguments], log, lines=15, waiting=waiting, tick=_TICK,
            # Warnings of build backends are for packagers.
            env={**more, 'PYTHONWARNINGS': 'ignore', **inherited},
        )

    if uv := _uv(python, log):
        try:
            run(uv_options(python), uv, 'pip', 'install', '--python', python)
            return
        except ToolError:
            say(f'uv cannot install this, see {log}; pip tries')
    run({}, python, *_PIP, 'install', '--progress-bar=off')


def _uv(python: pathlib.Path, log: pathlib.Path) -> pathlib.Path | None:
    """The program uv, installed if need be; None where that is not possible."""
    program = TOOLS / 'uv/bin/uv'
    TOOLS.mkdir(parents=True, exist_ok=True)
    with lock(TOOLS / 'lock', lambda: None):
        if program.exists():
            return program
        try:
            make(TOOLS / 'uv', str(python.resolve()), log)
            processes.run_logged(
                [TOOLS / 'uv/bin/python', *_PIP, 'install', '--quiet', _UV_RELEASES], log
            )
        except ToolError:
            return None
    return program


def uv_options(python: pathlib.Path) -> dict[str, str]:
    """uv's variables for what pip's configuration says of packages."""
    answer = subprocess.run([python, *_PIP, 'config', 'list'], capture_output=True, text=True)
    lines = [line.partition('=') for line in answer.stdout.splitlines()]
    # Variables of the environment, which pip lists first, win over its files.
    values = {
        name.rpartition('.')[2]: ast.literal_eval(value).split()
        for name, _, value in reversed(lines) if value
    }
    # pip passes over a folder that is not there, and uv refuses to work.
    values['find-links'] = [
        place for place in values.get('find-links', ())
        if '://' in place or pathlib.Path(place).expanduser().exists()
    ]
    return {
        # As pip does: the best release of all indexes.
        'UV_INDEX_STRATEGY': 'unsafe-best-match',
        'UV_SYSTEM_CERTS': 'true',
        'UV_CACHE_DIR': str(TOOLS / 'cache'),
        **{
            variable: separator.join(values[option])
            for option, variable, separator in _OPTIONS if values.get(option)
        },
    }


def main() -> int:
    """Make an environment unless it is there, and install packages in it."""
    name, *arguments = sys.argv[1:]
    environment = pathlib.Path(name).absolute()
    log = environment.with_name(f'{environment.name}.log')
    if not (environment / 'bin/python').exists():
        make(environment, sys.executable, log)
    install(environment, arguments, log)
    return 0


if __name__ == '__main__':
    sys.exit(command.run('environments', main))
