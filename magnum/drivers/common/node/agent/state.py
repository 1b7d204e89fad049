# roles: master worker
"""State of the node: written by run.sh, read by the reporter."""

from __future__ import annotations

import contextlib
import json
import time

from .node import Node

#: Files that the agent keeps.
STATE, SEQUENCE = 'state.json', 'sequence'
BUILDING, READY, FAILED = 'building', 'ready', 'failed'
MOST_LINES, MOST_CHARACTERS = 20, 2000


def tell(
    node: Node, state: str, step: str | None = None, position: int = 0, steps: int = 0,
    text: str = '',
) -> list[str]:
    """Write the state of the node.

    :param text: the log of a step that failed.
    :returns: the lines of the log that are reported.
    :raises OSError: it can be written nowhere.
    """
    lines = last_lines(node, text)
    word = {
        'state': state, 'step': step, 'position': position, 'steps': steps, 'lines': lines,
    }
    node.keep(STATE, json.dumps(word))
    return lines


def read(node: Node) -> dict[str, object]:
    """The state as it was written; ``building`` when there is none."""
    try:
        found = json.loads(node.kept(STATE).read_text())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        found = {'state': BUILDING, 'step': None, 'position': 0, 'steps': 0, 'lines': []}
    return found


def changed(node: Node) -> int:
    """When the state was written, in nanoseconds; 0 when it was not."""
    try:
        return node.kept(STATE).stat().st_mtime_ns
    except OSError:
        return 0


def next_number(node: Node, last: int = 0) -> int:
    """The sequence number of a report; it rises also when the clock is set back.

    It is of the time, so that it rises where none could be kept.

    :param last: the one before, as far as this process knows.
    """
    try:
        kept = int(node.kept(SEQUENCE).read_text())
    except (OSError, ValueError):
        kept = 0
    number = max(kept + 1, last + 1, int(time.time() * 1000))
    with contextlib.suppress(OSError):
        node.keep(SEQUENCE, str(number))
    return number


def last_lines(node: Node, text: str) -> list[str]:
    """The end of a text as lines, without secrets and repetitions."""
    every = node.cleaned(text).splitlines()
    # What waits says the same again and again.
    lines = [
        line for before, line in zip(['', *every], every) if line != before
    ][-MOST_LINES:]
    while lines and sum(map(len, lines)) > MOST_CHARACTERS:
        if len(lines) == 1:
            lines[0] = lines[0][-MOST_CHARACTERS:]
        else:
            del lines[0]
    return lines
