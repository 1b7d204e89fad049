"""Words of others on their way to logs, events and reasons."""

import pytest

from magnum.domain.failures import Failure
from magnum.domain.plain_text import LONGEST, first_line, is_storable, one_line

ON_ONE_LINE = {
    'plain words, 100 %': 'plain words, 100 %',
    '  two\nlines\r\n': 'two lines',
    'a\tb\x00c\x07': 'a b c',
    '\x1b[31mred\x1b[0m \x1b]0;title\x07': 'red 0;title',
    'right\u202eto left\u2028next\u200b': 'right to left next',
    '<script>alert(1)</script>': '(script)alert(1)(/script)',
    'HTTP 500 <class "Error">': 'HTTP 500 (class "Error")',
    'é 漢字 😀': 'é 漢字 😀',
    '': '',
}


@pytest.mark.parametrize('text', ON_ONE_LINE)
def test_on_one_line(text: str) -> None:
    assert one_line(text) == ON_ONE_LINE[text]
    assert Failure('node_failed', text).reason == ON_ONE_LINE[text]


def test_not_for_ever() -> None:
    cut = one_line('x' * 10**7)
    assert len(cut) == LONGEST
    assert cut.endswith('x ...')
    assert one_line('x' * LONGEST) == 'x' * LONGEST
    assert one_line('ab cde fgh', 7) == 'ab ...'


def test_a_log_line_cannot_be_forged() -> None:
    said = 'WaitConditionFailure: \n2026-01-01 00:00:00 INFO magnum [-] all is well'
    failure = Failure('node_failed', said, 'wait', 'OS::Heat::WaitCondition')
    assert '\n' not in failure.sentence()
    assert '\n' not in failure.as_dict()['reason']


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError('away: b\n[SQL: SELECT 1]\nmore')) == 'away: b'
    assert first_line(ValueError('away')) == 'away'


@pytest.mark.parametrize(('text', 'expected'), [
    ('', True), ('a', True), ('é 漢字 😀', True), ('a\0', False), ('é\0', False),
    ('\ud800', False), ('a\udfff', False),
])
def test_text_that_every_database_takes(text: str, expected: bool) -> None:
    assert is_storable(text) is expected
