"""What nodes say of themselves: the form of reports and of results.

Unknown conditions and versions are kept, because nodes may be of a later
release than the service; unknown members of the report itself are refused.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from magnum.domain.plain_text import is_storable, one_line

BUILDING: Final = 'building'
READY: Final = 'ready'
FAILED: Final = 'failed'
STATES: Final = (BUILDING, READY, FAILED)

TRUE: Final = 'True'
FALSE: Final = 'False'
UNKNOWN: Final = 'Unknown'
STATUSES: Final = (TRUE, FALSE, UNKNOWN)

DONE: Final = 'done'
OUTCOMES: Final = (DONE, FAILED)

#: Of versions: the generation of the credential of the cloud that a master has taken over.
CLOUD_CREDENTIAL: Final = 'cloud-credential'
#: Of versions: a master takes one for each purpose, beside the one for all others, if "true".
CLOUD_PURPOSES: Final = 'cloud-purposes'
#: Of versions: names of the keys that a master encrypts by, one that can take others over.
ENCRYPTION_KEY: Final = 'encryption-key'
#: Of versions: verbs of the directives that a node knows.
DIRECTIVES: Final = 'directives'

HIGHEST_SEQUENCE: Final = 2**53 - 1
MOST_STEPS: Final = 1000
MOST_LINES: Final = 20
MOST_CHARACTERS: Final = 2000   # of all lines together
MOST_NAMES: Final = 20          # of conditions, and of versions
LONGEST_MESSAGE: Final = 300
LONGEST_VERSION: Final = 100
STEP: Final = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}'
CONDITION: Final = '[A-Z][A-Za-z0-9]{0,39}'
REASON: Final = '[A-Za-z0-9]{0,64}'
PROGRAM: Final = '[A-Za-z][A-Za-z0-9._-]{0,39}'
FINGERPRINT: Final = '[0-9a-f]{64}'

_STEP: Final = re.compile(STEP)
_CONDITION: Final = re.compile(CONDITION)
_REASON: Final = re.compile(REASON)
_PROGRAM: Final = re.compile(PROGRAM)
_FINGERPRINT: Final = re.compile(FINGERPRINT)
_CONDITION_MEMBERS: Final = frozenset({'status', 'reason', 'message'})


class Invalid(Exception):
    """What a node sent is not of the form; ``member`` is what of it is at fault."""

    def __init__(self, member: str, reason: str):
        super().__init__(reason)
        self.member = member


@dataclasses.dataclass(frozen=True)
class Report:
    """A report of a node, whose text is safe to be shown.

    :ivar sequence: rises with every report of the node.
    :ivar state: one of STATES.
    :ivar step: of the boot, in which it is or at which it failed.
    :ivar position: of the step, from 1; ``steps`` there are.
    :ivar lines: the last ones of a step that failed.
    :ivar conditions: by name: ``status``, ``reason`` and ``message``.
    :ivar versions: by program.
    :ivar trusts: SHA-256, hexadecimal, of the authorities that the node trusts.
    """

    sequence: int
    state: str
    step: str | None = None
    position: int | None = None
    steps: int | None = None
    lines: tuple[str, ...] = ()
    conditions: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    trusts: str | None = None

    def said(self) -> dict[str, Any]:
        """All but the number: what is stored when it changes."""
        values = {name: getattr(self, name) for name in _REPORT if name != 'sequence'}
        return {**values, 'lines': list(self.lines)}


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a directive: ``outcome`` is one of OUTCOMES."""

    outcome: str
    lines: tuple[str, ...] = ()


def report(document: Mapping[str, Any]) -> Report:
    """Read a report from its JSON object.

    :raises Invalid: it is none.
    """
    return Report(**_members(document, _REPORT, ('sequence', 'state')))


def failure(document: Mapping[str, Any]) -> Report:
    """Read what a node says that failed before it could sign, from its JSON object.

    :raises Invalid: it is none.
    """
    return Report(sequence=0, state=FAILED, **_members(document, _FAILURE, ()))


def result(document: Mapping[str, Any]) -> Result:
    """Read a result from its JSON object.

    :raises Invalid: it is none.
    """
    return Result(**_members(document, _RESULT, ('outcome',)))


def knows(versions: Mapping[str, str] | None, verb: str) -> bool:
    """Whether a node of these versions has said that it knows a directive."""
    return verb in (versions or {}).get(DIRECTIVES, '').split()


def _members(
    document: Mapping[str, Any],
    known: Mapping[str, Callable[[str, Any], Any]],
    required: tuple[str, ...],
) -> dict[str, Any]:
    for name in document:
        if name not in known:
            raise Invalid(_shown(name), 'There is no such member.')
    for name in required:
        if name not in document:
            raise Invalid(name, 'It is missing.')
    return {name: known[name](name, value) for name, value in document.items()}


def _one_of(*values: str) -> Callable[[str, Any], str]:
    def read(member: str, value: Any) -> str:
        if value not in values:
            raise Invalid(member, f'It is one of {", ".join(values)}.')
        return str(value)

    return read


def _integer(lowest: int, highest: int) -> Callable[[str, Any], int]:
    def read(member: str, value: Any) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise Invalid(member, f'It is an integer from {lowest} to {highest}.')
        return value

    return read


def _matching(pattern: re.Pattern[str]) -> Callable[[str, Any], str]:
    def read(member: str, value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Invalid(member, f'It is text of the form {pattern.pattern}')
        return value

    return read


def _text(longest: int) -> Callable[[str, Any], str]:
    def read(member: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or not is_storable(value):
            raise Invalid(member, f'It is text of at most {longest} characters.')
        return _clean(value)

    return read


def _or_null(read: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda member, value: None if value is None else read(member, value)


def _lines(member: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_LINES:
        raise Invalid(member, f'It is a list of at most {MOST_LINES} lines.')
    read = _text(MOST_CHARACTERS)
    if sum(len(line) for line in value if isinstance(line, str)) > MOST_CHARACTERS:
        raise Invalid(member, f'Its lines have more than {MOST_CHARACTERS} characters.')
    return tuple(read(f'{member}/{number}', line) for number, line in enumerate(value))


def _by_name(
    pattern: re.Pattern[str], read: Callable[[str, Any], Any]
) -> Callable[[str, Any], dict[str, Any]]:
    def read_all(member: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > MOST_NAMES:
            raise Invalid(member, f'It is an object of at most {MOST_NAMES} members.')
        for name in value:
            if not pattern.fullmatch(name):
                raise Invalid(f'{member}/{_shown(name)}', f'Names are {pattern.pattern}')
        return {name: read(f'{member}/{name}', value[name]) for name in sorted(value)}

    return read_all


def _condition(member: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or value.keys() != _CONDITION_MEMBERS:
        raise Invalid(member, 'It is an object of "status", "reason" and "message".')
    try:
        return {name: read(name, value[name]) for name, read in _CONDITION_READS}
    except Invalid as invalid:
        raise Invalid(member, f'{invalid.member}: {invalid}') from None


def _shown(name: str) -> str:
    return one_line(name, 64)


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable() and '<' not in text and '>' not in text:
        return text
    return one_line(text, max(len(text), len('...')))


_CONDITION_READS: Final = (
    ('status', _one_of(*STATUSES)),
    ('reason', _matching(_REASON)),
    ('message', _text(LONGEST_MESSAGE)),
)
_REPORT: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    'sequence': _integer(0, HIGHEST_SEQUENCE),
    'state': _one_of(*STATES),
    'step': _or_null(_matching(_STEP)),
    'position': _or_null(_integer(0, MOST_STEPS)),
    'steps': _or_null(_integer(0, MOST_STEPS)),
    'lines': _lines,
    'conditions': _by_name(_CONDITION, _condition),
    'versions': _by_name(_PROGRAM, _text(LONGEST_VERSION)),
    'trusts': _or_null(_matching(_FINGERPRINT)),
}
#: Of a report, what is said of a failure.
_FAILURE: Final = {name: _REPORT[name] for name in ('step', 'position', 'steps', 'lines')}
_RESULT: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    'outcome': _one_of(*OUTCOMES),
    'lines': _lines,
}
