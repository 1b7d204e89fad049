"""Who is proven dead: by the kernel, for real processes."""

import pathlib
import subprocess
import sys

import pytest

from magnum.conductor import presence
from magnum.conductor.presence import Presence

_HOLD = """
import sys
from magnum.conductor.presence import Presence
held = Presence(sys.argv[1], sys.argv[2])
held.begin()
print('held', flush=True)
sys.stdin.read()
held.end()
"""


def _process(folder: pathlib.Path, worker: str) -> 'subprocess.Popen[str]':
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', _HOLD, str(folder), worker],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'held\n'
    return process


def _buried(mine: Presence) -> list[str]:
    dead: list[str] = []
    mine.bury(dead.append)
    return dead


def _end(process: 'subprocess.Popen[str]') -> None:
    process.communicate()
    process.wait()


@pytest.fixture
def mine(tmp_path: pathlib.Path) -> Presence:
    made = Presence(str(tmp_path), 'here/00000001')
    made.begin()
    return made


def test_the_living_are_left_alone(tmp_path: pathlib.Path, mine: Presence) -> None:
    process = _process(tmp_path, 'here/00000002')
    assert _buried(mine) == []
    _end(process)
    mine.end()


def test_the_killed_are_found_once(tmp_path: pathlib.Path, mine: Presence) -> None:
    process = _process(tmp_path, 'here/00000002')
    process.kill()
    _end(process)
    assert _buried(mine) == ['here/00000002']
    assert _buried(mine) == []
    mine.end()


def test_who_ends_in_good_order_leaves_nothing(tmp_path: pathlib.Path, mine: Presence) -> None:
    _end(_process(tmp_path, 'here/00000002'))
    assert _buried(mine) == []
    mine.end()
    assert list((tmp_path / 'conductors').iterdir()) == []


def test_another_machine_proves_nothing(
    tmp_path: pathlib.Path, mine: Presence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a shared folder whose locks do not reach across machines."""
    process = _process(tmp_path, 'there/00000003')
    process.kill()
    _end(process)
    boot = tmp_path / 'boot_id'
    boot.write_text('another')
    monkeypatch.setattr(presence, '_BOOT_ID', boot)
    mine.end()
    other = Presence(str(tmp_path), 'here/00000004')
    other.begin()
    assert _buried(other) == []
    other.end()


def test_a_failure_to_say_so_is_made_up_for(tmp_path: pathlib.Path, mine: Presence) -> None:
    process = _process(tmp_path, 'here/00000002')
    process.kill()
    _end(process)

    def fail(_worker: str) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        mine.bury(fail)
    assert _buried(mine) == ['here/00000002']
    mine.end()


def test_without_a_folder_leases_run_out(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'file').touch()
    mine = Presence(str(tmp_path / 'file'), 'here/00000001')
    mine.begin()
    assert _buried(mine) == []
    mine.end()
