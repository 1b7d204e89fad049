"""Parser of JSON and Python literals in text that users send.

``ast.literal_eval`` is not for strangers' text: it takes seconds for some
texts of 100 kB, during which no other thread runs, and nesting can exhaust
the stack. This reads objects, lists, strings, numbers, booleans and null in
one pass, in time linear in the length of the text.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any, Final

#: Longest text that is read, in characters.
MAX_LENGTH: Final = 65_536
#: Most objects and lists inside of each other.
MAX_DEPTH: Final = 4
_MAX_DIGITS: Final = 100

_CONSTANTS: Final = {
    'True': True, 'true': True, 'False': False, 'false': False, 'None': None, 'null': None,
}
# Possessive quantifiers: what matched is not tried in another way.
_TOKEN: Final = re.compile(
    r"""\s*+(?:
      (?P<mark>[{}\[\],:])
    | (?P<text>[uU]?(?:'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"))
    | (?P<number>[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?P<exponent>[eE][+-]?[0-9]++)?(?!\w))
    | (?P<word>[A-Za-z]++)(?!['"\w])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r'\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))', re.DOTALL
)
_SIMPLE_ESCAPES: Final = {
    '\\': '\\', "'": "'", '"': '"', '/': '/', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n',
    'r': '\r', 't': '\t', 'v': '\v',
}


def parse(text: str) -> Any:
    """A value from its JSON text or its Python literal.

    :raises ValueError: it is neither, or too long, too deep or too large.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f'Text of more than {MAX_LENGTH} characters is not read.')
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _Reader(text).read()


def _refuse(found: object = None) -> Any:
    raise ValueError('Value should be JSON or a Python literal.')


class _Reader:
    """One pass over a text."""

    def __init__(self, text: str):
        self._text = text
        self._position = 0
        self._kind = ''
        self._token = ''

    def read(self) -> Any:
        """The value that is the whole text."""
        self._advance()
        value = self._value(0)
        return value if self._kind == 'end' else _refuse()

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._position) or _refuse()
        self._position = match.end()
        self._kind = str(match.lastgroup)
        self._token = match[self._kind]

    def _value(self, depth: int) -> Any:
        kind, found = self._kind, self._token
        if kind == 'mark' and found in '{[':
            if depth == MAX_DEPTH:
                raise ValueError(f'Value should not be nested more than {MAX_DEPTH} deep.')
            self._advance()
            return self._object(depth) if found == '{' else self._list(depth)
        read = _SCALARS.get(kind, _refuse)
        self._advance()
        return read(found)

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._closes('}'):
            if self._kind != 'text':
                raise ValueError('The keys of objects should be strings.')
            key = _text(self._token)
            self._advance()
            self._expect(':')
            found[key] = self._value(depth + 1)
            self._separate('}')
        return found

    def _list(self, depth: int) -> list[Any]:
        found = []
        while not self._closes(']'):
            found.append(self._value(depth + 1))
            self._separate(']')
        return found

    def _closes(self, mark: str) -> bool:
        if self._kind == 'mark' and self._token == mark:
            self._advance()
            return True
        return False

    def _separate(self, closing: str) -> None:
        """Pass a comma; one may follow the last item too."""
        if not (self._kind == 'mark' and self._token == closing):
            self._expect(',')

    def _expect(self, mark: str) -> None:
        if not self._closes(mark):
            _refuse()


def _text(token: str) -> str:
    inside = token.lstrip('uU')[1:-1]
    return _ESCAPE.sub(_character, inside) if '\\' in inside else inside


def _character(escape: re.Match[str]) -> str:
    *codes, simple = escape.groups()
    if simple is None:
        number = int(next(code for code in codes if code), 16)
        return chr(number) if number <= sys.maxunicode else _refuse()
    try:
        return _SIMPLE_ESCAPES[simple]
    except KeyError:
        raise ValueError(f'"\\{simple}" is no escape sequence that is read here.') from None


def _number(token: str) -> int | float:
    if len(token) > _MAX_DIGITS:
        raise ValueError(f'Numbers should have at most {_MAX_DIGITS} digits.')
    return int(token) if token.lstrip('+-').isdecimal() else float(token)


def _constant(token: str) -> bool | None:
    return _CONSTANTS[token] if token in _CONSTANTS else _refuse()


_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    'text': _text, 'number': _number, 'exponent': _number, 'word': _constant,
}
