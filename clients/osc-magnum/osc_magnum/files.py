"""Files that hold keys: written whole or not at all, and readable by their owner only."""

import contextlib
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator
from typing import Final

from osc_lib import exceptions

_PRIVATE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700
#: Seconds to wait for another program that changes the same file.
PATIENCE: Final = 10.0
_TICK: Final = 0.1


def write(path: pathlib.Path, text: str) -> None:
    """Put a text in the place of a file's; the file is the old or the new one at any moment.

    A symbolic link stays one: what it leads to is written.

    :raises CommandError: it cannot be written.
    """
    target = pathlib.Path(os.path.realpath(path))
    with _told(target):
        directory(target.parent)
        descriptor, name = tempfile.mkstemp(prefix=f'.{target.name}.', dir=target.parent)
        try:
            with open(descriptor, 'w', encoding='utf-8') as file:
                os.fchmod(descriptor, _PRIVATE)
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.replace(name, target)
        except BaseException:
            pathlib.Path(name).unlink(missing_ok=True)
            raise


def read(path: pathlib.Path) -> str | None:
    """The text of a file; None where there is none.

    :raises CommandError: it cannot be read.
    """
    with _told(path):
        try:
            return path.read_text(encoding='utf-8')
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise exceptions.CommandError(f'{path} is no text: {error}') from error


def directory(path: pathlib.Path) -> None:
    """Make a directory, and those above it, for their owner only; what is there stays as it is."""
    for parent in (*reversed(path.parents), path):
        if not parent.exists():
            parent.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Keep other programs from a file, as kubectl does: by a file beside it.

    :raises CommandError: somebody else keeps it locked.
    """
    target = pathlib.Path(os.path.realpath(path))
    lock = target.with_name(f'{target.name}.lock')
    with _told(lock):
        directory(lock.parent)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0))
                break
            except FileExistsError:
                if time.monotonic() > end:
                    raise exceptions.CommandError(
                        f'{lock} is there: another program changes {target}.\n'
                        'What to do: if none does, remove that file.'
                    ) from None
                time.sleep(_TICK)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise exceptions.CommandError(f'{error.filename or path}: {error.strerror}') from error
