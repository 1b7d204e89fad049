"""Command lines: progress, exit codes, and a lock against a second one."""

import contextlib
import fcntl
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

from tools.common.errors import ToolError


def say(text: str) -> None:
    """One line of progress."""
    print(f'{time.strftime("%H:%M:%S")} {text}', flush=True)


def run(program: str, command: Callable[[], int], if_interrupted: str = '') -> int:
    """Run a command; an error that the reader can mend is one message.

    :param if_interrupted: said after ``interrupted``.
    :returns: the exit code.
    """
    try:
        return command()
    except ToolError as error:
        print(f'{program}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, such as head, has seen enough; nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f'{program}: interrupted{if_interrupted}', file=sys.stderr)
        return 130


@contextlib.contextmanager
def lock(path: pathlib.Path, if_taken: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on a file.

    :param if_taken: called when another process holds it, before the wait.
    """
    with open(path, 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if_taken()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
