"""Steps of a quickstart: what is said of the time that is left."""

import pytest

from tools.quickstart_steps.progress import Phases


def test_the_time_that_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    phases = Phases({'first': 42, 'second': 10})

    for title in ('first', 'second'):
        with phases.phase(title):
            pass

    announced = [line for line in capsys.readouterr().out.splitlines() if '==' in line]
    assert [line.partition('== ')[2] for line in announced] == [
        'first (about 60 s to go)', 'second (about 10 s to go)',
    ]
    assert list(phases.seconds) == ['first', 'second']
