"""Small pages that are run for real, in a bash."""

import os
import pathlib
import types
from collections.abc import Iterator

import pytest

from tools.common.errors import ToolError
from tools.doc_examples import pages, running
from tools.doc_examples.running import Found
from tools.doc_examples.shell import Shell


@pytest.fixture
def shell(tmp_path: pathlib.Path) -> Iterator[Shell]:
    home = tmp_path / 'home'
    home.mkdir()
    shell = Shell(tmp_path, home, {'PATH': os.environ['PATH']})
    yield shell
    shell.close()


def run(folder: pathlib.Path, shell: Shell, *blocks: str) -> Found:
    """Run a page of console blocks, each with the comments before it."""
    page, found = folder / 'page.rst', Found('page')
    page.write_text('\n'.join(
        f'{comments}\n.. code-block:: console\n\n   ' + text.replace('\n', '\n   ') + '\n'
        for comments, _, text in (block.rpartition('::') for block in blocks)
    ))
    running.run(pages.read(page), shell, found, pause=0.01)
    return found


def test_a_page_that_passes(tmp_path: pathlib.Path, shell: Shell) -> None:
    found = run(
        tmp_path, shell,
        '$ name=world\n$ mkdir here && cd here',
        '$ cat > greeting <<END\n> hello $name\n> END',
        '$ cat greeting; date\nhello world\n...',
        '.. not run: because\n::$ no-such-program',
        '.. fails\n::$ cat ../nothing\ncat: ../nothing: ...',
    )
    assert found.failed == []
    assert (found.run, len(found.not_run)) == (4, 1)
    assert found.not_run[0].endswith('because')
    assert (tmp_path / 'here/greeting').read_text() == 'hello world\n'


def test_a_page_that_fails(tmp_path: pathlib.Path, shell: Shell) -> None:
    found = run(
        tmp_path, shell,
        '$ echo one\ntwo',
        '$ false',
        '.. fails\n::$ true',
        '$ if',
        '$ echo $unset\n$ echo three\nthree',
    )
    assert found.run == 5
    wrong, false, true, ill_formed = found.failed
    assert 'shown:\ntwo\nfound:\none' in wrong
    assert 'ended with 1, not with 0' in false
    assert 'ended with 0, not with another code than 0' in true
    assert 'syntax error' in ill_formed


def test_a_command_is_repeated_until_its_output_is_as_shown(
    tmp_path: pathlib.Path, shell: Shell
) -> None:
    text = '$ echo once >> first\n$ echo x >> times; wc -l < times\n3'
    found = run(tmp_path, shell, f'.. repeat for 1 min\n::{text}')
    assert found.failed == []
    assert (tmp_path / 'first').read_text() == 'once\n'


def test_a_repeated_command_fails_in_the_end(
    tmp_path: pathlib.Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 10_000, 25))
    clock = types.SimpleNamespace(monotonic=lambda: next(now), sleep=lambda _: None)
    monkeypatch.setattr(running, 'time', clock)
    found = run(tmp_path, shell, '.. repeat for 1 min\n::$ echo x >> times; echo never\nnow')
    assert len(found.failed) == 1
    assert (tmp_path / 'times').read_text().count('x') > 1


def test_files_are_where_the_shell_is(tmp_path: pathlib.Path, shell: Shell) -> None:
    page = tmp_path / 'page.rst'
    page.write_text(
        '.. code-block:: console\n\n   $ mkdir here; cd here\n\n'
        '.. code-block:: yaml\n   :caption: a.yaml\n\n   a: b\n\n'
        '.. code-block:: console\n\n   $ cat a.yaml\n   a: b\n'
    )
    found = Found('page')
    running.run(pages.read(page), shell, found)
    assert (found.run, found.failed) == (2, [])
    assert (tmp_path / 'here/a.yaml').exists()


def test_a_command_that_ends_the_shell(tmp_path: pathlib.Path, shell: Shell) -> None:
    with pytest.raises(ToolError, match='the shell has ended'):
        run(tmp_path, shell, '$ exit 3', '$ echo one')


def test_a_command_without_end(shell: Shell) -> None:
    with pytest.raises(ToolError, match='no end in time'):
        shell.run('echo begun; sleep 60', 0.5)


def test_commands_read_nothing_of_what_follows(tmp_path: pathlib.Path, shell: Shell) -> None:
    assert run(tmp_path, shell, '$ cat', '$ echo one\none').failed == []


@pytest.mark.parametrize(('shown', 'output', 'same'), [
    ('| a | ... |', '| a | 5f0c |\n', True),
    ('+---+---+\n| a | b |', '+-----+---------+\n| a   | b       |', True),
    ('| a ... | b |\n...', '| a   | b  |\n| c | d |', True),
    ('A sentence.\n...\n| ... | b |', 'A sentence.\nMore.\n| a | b |', True),
    ('a (b) [c] *', 'a (b) [c] *', True),
    ('COMPLETE', 'CREATE_COMPLETE', False),
    ('a\n...\nz', 'a\nz\nb', False),
    ('"id": ...', '"id": 1,\n"name": 2', True),
])
def test_output_is_compared(shown: str, output: str, same: bool) -> None:
    assert running.is_as_shown(shown, output) is same
