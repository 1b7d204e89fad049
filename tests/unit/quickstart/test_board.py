"""A line per change, or lines that are written anew."""

import sys

import pytest

from tools.quickstart_steps.progress import Board


def _show(board: Board) -> None:
    board.show({'a': 'begun', 'b': 'begun'}, 0)
    board.show({'a': 'begun', 'b': 'done'}, 4)


def test_file(capsys: pytest.CaptureFixture[str]) -> None:
    _show(Board())
    assert capsys.readouterr().out.splitlines() == [
        '      0 s  a: begun',
        '      0 s  b: begun',
        '      4 s  b: done',
    ]


def test_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    _show(Board())
    assert capsys.readouterr().out.splitlines() == [
        '      0 s  a: begun',
        '      0 s  b: begun',
        '\033[2A\033[J      4 s  a: begun',
        '      4 s  b: done',
    ]
