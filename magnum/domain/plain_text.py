"""Sanitising of foreign text for logs, events and reasons."""

import re
from collections.abc import Sequence
from typing import Final

#: Characters of a reason that are kept.
LONGEST: Final = 1000

# Terminal sequences as a whole; then every control, format and line character.
_SEQUENCES: Final = re.compile(r'\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])')
_MARKUP: Final = str.maketrans('<>', '()')
_ENDING: Final = ' ...'
_SURROGATE: Final = re.compile('[\ud800-\udfff]')


def is_storable(text: str) -> bool:
    """Whether every database takes the text: no NUL, no half of a character."""
    return '\0' not in text and (text.isascii() or _SURROGATE.search(text) is None)


def one_line(text: str, longest: int = LONGEST) -> str:
    """Sanitise text: one line, no control characters or markup, bounded length.

    Angle brackets become round ones: no markup is left, and nothing that it said is lost.

    What a node or a service of the cloud says may forge a line of a log, steer
    a terminal, or run in a browser.
    """
    text = _SEQUENCES.sub('', text[: 4 * longest])
    printable = ''.join(char if char.isprintable() else ' ' for char in text)
    text = ' '.join(printable.translate(_MARKUP).split())
    if len(text) > longest:
        text = text[: longest - len(_ENDING)].rstrip() + _ENDING
    return text


def first_line(error: BaseException) -> str:
    """The first line of an error: further ones of SQLAlchemy's have the statement and a link."""
    return str(error).partition('\n')[0]


#: Names in an event, of as many nodes as there may be.
MOST_TOLD: Final = 50


def few(names: Sequence[str], most: int = 5) -> str:
    """The first names of many with commas between them, and how many more there are."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return f'{", ".join(names[:most])}{more}'
