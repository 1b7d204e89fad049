"""Values in text that users send: what is read, what is refused, and how long it takes."""

import ast
import contextlib
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magnum.domain import labels, literals

_SCALARS = st.one_of(
    st.text(), st.booleans(), st.none(), st.integers(-(10**90), 10**90),
    st.floats(allow_nan=False, allow_infinity=False),
)
_OBJECTS = st.dictionaries(st.text(), _SCALARS)
_VALUES = st.one_of(_SCALARS, _OBJECTS, st.lists(_OBJECTS))
_PIECES = st.sampled_from([
    '{', '}', '[', ']', ':', ',', ' ', "'a'", '"b"', "u'c'", '1', '-2.5', '1e3', '1_0', '0x1',
    'True', 'None', 'null', "'\\n'", "'\\x41'", "'\\d'", "f'{x}'", "b'x'", '(', ')', '{1}', '\\',
    "'", '"', '1j', '+', 'x', '\n', '#', "'''", '007', '1.', '.5',
])


@given(_VALUES)
def test_python_literals(value: Any) -> None:
    assert literals.parse(repr(value)) == value


@given(_VALUES)
def test_json(value: Any) -> None:
    assert literals.parse(json.dumps(value)) == value
    assert literals.parse(json.dumps(value, ensure_ascii=False, indent=1)) == value


@given(st.lists(_PIECES, max_size=12).map(''.join))
@example("{'a': 1, 'b': [True, None,],}")
def test_what_is_read_means_what_python_says(text: str) -> None:
    try:
        value = literals.parse(text)
    except ValueError:
        return
    if 'null' in text or '007' in text:
        return  # JSON's word; Python refuses leading zeros
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        assert ast.literal_eval(text.strip()) == value


@pytest.mark.parametrize('text', [
    "{'a': f'{x}'}", "{'a': b'x'}", "{'a': 1 + 2j}", "{'a': 0x10}", "{'a': 1_000}", "{'a': (1,)}",
    "{'a': 'b' 'c'}", "{'a': x}", "{'a': '\\d'}", "{'a': '\\N{DIGIT ONE}'}", "{'a' 'b'}", "{'a'}",
    '{1: 2}', "{,}", "{'a': 1,,}", "{'a': 1} {}", "{'a': 1", '{"a": NaN}', "{'a': inf}",
    "{'a': 'b\n'}", "{'a': True1}", "{'a': tRue}", "{'a': -}", "{'a': 'b}", 'x' * 70_000,
    "{'a': " + '1' * 101 + '}',
    "{'a': {'b': {'c': {'d': {}}}}}", "['', [[[[]]]]]", "{'a': '\\uffz'}",
    '1' * 5000, '[' * 60_000, '{"a":' * 10_000, '{[]: 1}', '{{}: 1}', '', ' ',
    "{'a': '\\UFFFFFFFF'}", "['a', ,1]]", '{"a": ' + '[' * 4 + "''" + ']' * 4 + '}',
])
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'\w'):
        literals.parse(text)


def test_of_python_2() -> None:
    assert labels.parse("{u'kube_tag': u'v1.34.1', u'a': 1.5}") == {
        'kube_tag': 'v1.34.1', 'a': '1.5',
    }


_FULL = literals.MAX_LENGTH


@pytest.mark.parametrize(('text', 'expected'), [
    # The last that is read: of the depth, the digits, the characters and the length.
    ("[[[['a']]]]", [[[['a']]]]), ("{'a': {'b': {'c': {'d': 1}}}}", {'a': {'b': {'c': {'d': 1}}}}),
    ("['', " + '1' * 100 + ']', ['', int('1' * 100)]), ("'\\U0010ffff'", '\U0010ffff'),
    ("'" + 'a' * (_FULL - 2) + "'", 'a' * (_FULL - 2)), ("[U'a', u'b']", ['a', 'b']),
])
def test_bounds(text: str, expected: Any) -> None:
    assert literals.parse(text) == expected


@pytest.mark.parametrize(('text', 'said'), [
    ('x' * (_FULL + 1), 'more than 65536 characters'), ("[[[[['a']]]]]", 'more than 4 deep'),
    ("['', " + '1' * 101 + ']', 'at most 100 digits'), ('{1: 2}', 'keys of objects should be str'),
    ("'\\d'", r'"\\d" is no escape'), ('x', 'should be JSON or a Python literal'),
])
def test_reasons_of_refusals(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        literals.parse(text)


#: Texts of about so many characters: the most tokens, escapes, blanks, digits and levels.
_LONG: dict[str, Callable[[int], str]] = {
    # Python's own parser takes half a second for each of the first two, and the interpreter
    # runs nothing else meanwhile.
    'expressions': lambda n: "{'a': f'" + '{1}' * (n // 3 - 4) + "'}",
    'formats': lambda n: "{'a': f'{1:" + '{1}' * (n // 3 - 5) + "}'}",
    'numbers': lambda n: '[' + '1,' * (n // 2 - 1) + ']',
    'lists': lambda n: '[1,' + '[],' * (n // 3 - 3) + "'']",
    'escapes': lambda n: "{'a': '" + '\\x41' * (n // 4 - 3) + "'}",
    'blanks': lambda n: "{'a':" + ' ' * (n - 9) + '1}',
    'digits': lambda n: "{'a':" + '1' * (n - 6) + '}',
    'an open string': lambda n: "{'a': '" + '\\\\' * (n // 2 - 5),
    'open lists': lambda n: '[' * n,
    'open objects': lambda n: "{'a':" * (n // 5),
    'a word': lambda n: 'u' * n,
    'blanks in keys': lambda n: "{' ' : " * (n // 8),
    'long numbers': lambda n: '[' + ','.join(['1' * 4299] * (n // 4300)) + ']',
}


@pytest.mark.parametrize('kind', _LONG)
@pytest.mark.parametrize('read', [literals.parse, labels.parse])
def test_steps_are_in_proportion_to_the_length(kind: str, read: Any) -> None:
    """16 times as long takes 16 times as long; with the square it would be 256 times."""
    short, long = _LONG[kind](_FULL // 16), _LONG[kind](_FULL)
    assert len(long) <= _FULL
    least = 0.0005  # below it nothing is measured
    assert _seconds(read, long) < 80 * max(_seconds(read, short), least)


def _seconds(read: Any, text: str) -> float:
    """CPU time of this thread, of the fastest of five times."""
    found = []
    for _ in range(5):
        began = time.thread_time()
        with contextlib.suppress(ValueError):
            read(text)
        found.append(time.thread_time() - began)
    return min(found)
