"""Programs of this machine, run to their end."""

import os
import pathlib
import subprocess

from tools.common.errors import ToolError

_TIMEOUT = 60  # seconds

Word = str | os.PathLike[str]


def run(*words: Word, text: str | None = None) -> str:
    """Run a program; return what it prints.

    :param text: its standard input.
    :raises ToolError: it failed; says what it printed about that.
    """
    done = _run(words, text)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        shown = ' '.join(os.fspath(word) for word in words)
        raise ToolError(f'{shown} failed ({done.returncode}): {said}')
    return done.stdout


def succeeds(*words: Word) -> bool:
    """Whether a program ends with 0."""
    return not _run(words, None).returncode


def run_in(namespace: str, *words: Word, text: str | None = None) -> str:
    """The same as :func:`run` in a network namespace."""
    return run('ip', 'netns', 'exec', namespace, *words, text=text)


def write_in(namespace: str, values: dict[str, str]) -> None:
    """Set kernel parameters of a network namespace.

    :param values: by file below ``/proc/sys/net``.
    """
    for name, value in values.items():
        run_in(namespace, 'sh', '-c', f'echo {value} >/proc/sys/net/{name}')


def _run(words: tuple[Word, ...], text: str | None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words, input=text or '', capture_output=True, text=True, timeout=_TIMEOUT
        )
    except FileNotFoundError as error:
        raise ToolError(
            f'{pathlib.Path(words[0]).name} is not installed: tools/system-packages nodes'
        ) from error
