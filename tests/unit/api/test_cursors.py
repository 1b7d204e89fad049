"""Cursors of timelines."""

import pytest

from magnum.api.http import cursors


@pytest.mark.parametrize('event_id', [cursors.BEGINNING, 1, 255, 2**62, 2**63 - 1])
def test_what_is_written_is_read(event_id: int) -> None:
    cursor = cursors.write(event_id)
    assert len(cursor) == 11
    assert cursors.read(cursor) == event_id


@pytest.mark.parametrize('cursor', ['', 'x', 'A' * 10, 'A' * 12, 'A' * 10 + '=', 'A' * 10 + '+',
                                    cursors.write(2**63)])
def test_others_are_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match='Value should be a cursor that an answer had'):
        cursors.read(cursor)
