"""Words of others on their way to logs, events and reasons."""

import pytest

from magnum.domain.failures import Failure
from magnum.domain.plain_text import LONGEST, one_line

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


def test_a_log_line_cannot_be_forged() -> None:
    said = 'WaitConditionFailure: \n2026-01-01 00:00:00 INFO magnum [-] all is well'
    failure = Failure('node_failed', said, 'wait', 'OS::Heat::WaitCondition')
    assert '\n' not in failure.sentence()
    assert '\n' not in failure.as_dict()['reason']
