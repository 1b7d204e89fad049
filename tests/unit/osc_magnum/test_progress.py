"""The progress bar: what it shows, and that it shows nothing but on a terminal."""

import datetime
import io
from typing import Any

from osc_magnum import progress

_NOW = datetime.datetime(2026, 1, 1, 12, 1, 5, tzinfo=datetime.UTC)
_BEGAN = '2026-01-01T12:00:00.000000+00:00'
_STATES = {'a': 'DONE', 'b': 'DONE', 'c': 'RUNNING', 'd': 'PENDING'}


def operation(**more: Any) -> dict[str, Any]:
    return {
        'verb': 'create', 'state': 'RUNNING', 'position': None,
        'bay_name': 'first', 'bay_uuid': 'u', 'percentage': 50,
        'steps': [{'name': name, 'state': state} for name, state in _STATES.items()],
        'cancel_requested': False, 'started_at': _BEGAN, 'finished_at': None,
        'deadline': '2026-01-01T13:00:00.000000+00:00', **more,
    }


def test_all_that_is_known_is_shown() -> None:
    assert progress.line(operation(), 'nodes 1 of 3', 100.0, _NOW) == (
        'create first  [##########----------]  50%  step 3 of 4: c  nodes 1 of 3  '
        '1:05, about 0:35 left'
    )


def test_time_left_is_bounded_by_the_deadline_where_nothing_else_is_known() -> None:
    for usual in (None, 30.0):
        assert progress.line(operation(), '', usual, _NOW).endswith('1:05, at most 58:55 left')


def test_an_operation_that_has_not_begun_waits() -> None:
    new = operation(state='QUEUED', started_at=None, percentage=0)
    text = progress.line(new, '', 10.0, _NOW)
    assert text.endswith('waits for its turn')
    assert '[--------------------]   0%' in text
    behind = {**new, 'state': 'PENDING', 'position': 2}
    assert progress.line(behind, '', 10.0, _NOW).endswith(
        'waits for its turn, number 2 at the bay'
    )


def test_what_is_usual_is_the_median() -> None:
    def took(seconds: int) -> dict[str, Any]:
        end = datetime.datetime.fromisoformat(_BEGAN) + datetime.timedelta(seconds=seconds)
        return operation(finished_at=end.isoformat())

    assert progress.usual_seconds([took(10), took(1000), took(20)]) == 20
    assert progress.usual_seconds([]) is None
    assert progress.usual_seconds([operation(started_at=None)]) is None


def test_nodes_count_when_they_are_ready() -> None:
    assert progress.ready_nodes([{'state': state} for state in ('ready', 'building', None)]) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_written_over_and_cleared() -> None:
    terminal = Terminal()
    bar = progress.Bar(terminal)
    bar.say('x' * 500)
    assert len(terminal.getvalue()) < 250
    assert '\n' not in terminal.getvalue()
    bar.clear()
    assert terminal.getvalue().endswith('\r\x1b[K')


def test_nothing_is_written_elsewhere() -> None:
    pipe = io.StringIO()
    bar = progress.Bar(pipe)
    bar.show(operation(), '', None)
    bar.clear()
    assert pipe.getvalue() == ''
