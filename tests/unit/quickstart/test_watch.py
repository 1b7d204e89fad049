"""Waiting for bays: until none changes any more, and never for ever."""

import time

import pytest

from tools.common.errors import ToolError
from tools.quickstart_steps import bays, watch
from tools.quickstart_steps.bays import Bay


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the bay's status is from look to look; the last one stays."""
    found = ['CREATE_IN_PROGRESS', 'CREATE_IN_PROGRESS', 'CREATE_COMPLETE']

    def listed() -> list[Bay]:
        status = found.pop(0) if len(found) > 1 else found[0]
        return [Bay('u-1', 'one', status, '')]

    monkeypatch.setattr(bays, 'listed', listed)
    monkeypatch.setattr(time, 'sleep', lambda _: None)
    return found


def _well() -> None:
    """Nothing that bays need has died."""


def test_until_built(statuses: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    watch.until_built(_well)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split('one: ')[1] for line in lines] == ['CREATE_IN_PROGRESS', 'CREATE_COMPLETE']


def test_nothing_to_wait_for(statuses: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    statuses[:] = ['CREATE_FAILED']
    watch.until_built(_well)
    watch.before_stop()
    assert capsys.readouterr().out == ''


def test_patience(statuses: list[str]) -> None:
    statuses[:] = ['DELETE_IN_PROGRESS']
    with pytest.raises(ToolError, match='still building after 0 minutes: one'):
        watch.until_built(_well, patience=0)


def test_something_died(statuses: list[str]) -> None:
    def dead() -> None:
        raise ToolError('magnum-api has died')

    with pytest.raises(ToolError, match='magnum-api has died'):
        watch.until_built(dead)


def test_before_stop_ends_when_interrupted(
    statuses: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, 'sleep', interrupt)
    watch.before_stop()
    assert 'not waiting: interrupted' in capsys.readouterr().out
