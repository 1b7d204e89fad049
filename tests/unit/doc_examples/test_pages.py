"""What is read of a page."""

import pathlib
import textwrap

import pytest

from tools.common.errors import ToolError
from tools.doc_examples import pages
from tools.doc_examples.pages import Block, Command, File


def read(folder: pathlib.Path, text: str) -> list[Block | File]:
    page = folder / 'page.rst'
    page.write_text(textwrap.dedent(text))
    return pages.read(page)


def test_commands_and_their_output(tmp_path: pathlib.Path) -> None:
    (block,) = read(tmp_path, '''
        Title
        =====

        .. code-block:: console

           $ one --with \\
               two
           first line

           third line
           $ three
    ''')
    assert isinstance(block, Block)
    assert block.commands == (
        Command('one --with \\\n    two', 'first line\n\nthird line'), Command('three', ''),
    )
    assert block.number == 5


def test_a_document_within_a_command(tmp_path: pathlib.Path) -> None:
    (block,) = read(tmp_path, '''
        .. code-block:: console

           $ cat > file <<END
           > a
           > END
           $ cat file
           a
    ''')
    assert isinstance(block, Block)
    assert block.commands == (Command('cat > file <<END\na\nEND', ''), Command('cat file', 'a'))


def test_comments_say_how_a_block_is_run(tmp_path: pathlib.Path) -> None:
    found = read(tmp_path, '''
        .. not run: no servers
           boot here

        .. code-block:: console

           $ one

        .. repeat for 5 min
        .. fails

        .. code-block:: console

           $ two
           done

        .. any other words

        .. code-block:: console

           $ three

        .. not run: too far above

        Words.

        .. code-block:: console

           $ four
    ''')
    one, two, three, four = (block for block in found if isinstance(block, Block))
    assert one.not_run == 'no servers boot here'
    assert (two.not_run, two.minutes, two.fails) == ('', 5, True)
    assert (three.not_run, three.minutes, three.fails) == ('', 0, False)
    assert four.not_run == ''


def test_a_whole_page_is_not_run(tmp_path: pathlib.Path) -> None:
    found = read(tmp_path, '''
        .. not run on this page: needs root

        .. code-block:: console

           # one

        .. code-block:: yaml
           :caption: a.yaml

           a: b
    ''')
    assert [block.not_run for block in found if isinstance(block, Block)] == ['needs root']
    assert len(found) == 1


def test_a_block_with_a_caption_is_a_file(tmp_path: pathlib.Path) -> None:
    found = read(tmp_path, '''
        .. code-block:: python
           :caption: show.py
           :emphasize-lines: 1

           print(1)

           print(2)

        .. code-block:: python

           print(3)
    ''')
    assert found == [File(2, 'show.py', 'print(1)\n\nprint(2)\n')]


def test_what_sphinx_alone_knows_does_not_matter(tmp_path: pathlib.Path) -> None:
    found = read(tmp_path, '''
        See :doc:`other` and :ref:`that`.

        .. magnum-labels:: kubernetes

        .. note::

           .. code-block:: console

              $ one
    ''')
    assert [block.commands for block in found if isinstance(block, Block)] == [
        (Command('one', ''),)
    ]


@pytest.mark.parametrize(('text', 'message'), [
    ('.. tabs::\n\n   .. code-block:: console\n\n      $ one\n', 'within directives'),
    ('.. code-block:: console\n\n   one\n', 'before the first command'),
    ('.. not run\n\n.. code-block:: console\n\n   $ one\n', 'not understood'),
    ('.. repeat\n\n.. code-block:: console\n\n   $ one\n', 'not understood'),
    ('.. repeat for 5 min\n\n.. code-block:: console\n\n   $ one\n', 'needs an output'),
])
def test_what_would_be_passed_over_is_an_error(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    with pytest.raises(ToolError, match=message):
        read(tmp_path, text)
