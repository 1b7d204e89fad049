"""Which pages are run."""

import pathlib

import pytest

from tools.common.errors import ToolError
from tools.doc_examples import order
from tools.doc_examples.order import Session

_BLOCK = '.. code-block:: console\n\n   $ true\n'


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    source = tmp_path / 'source'
    (source / 'user').mkdir(parents=True)
    (source / 'begin.rst').write_text(_BLOCK)
    (source / 'user/scaling.rst').write_text(_BLOCK)
    (source / 'user/labels.rst').write_text('Words.\n')
    return source


def sessions(source: pathlib.Path, *pages: str) -> list[Session]:
    file = source.with_name('examples.yaml')
    file.write_text(f'- session: one\n  pages: [{", ".join(pages)}]\n')
    return order.sessions(file, source)


def test_pages_in_order(source: pathlib.Path) -> None:
    (session,) = sessions(source, 'begin', 'user/scaling')
    assert session.pages == ('begin', 'user/scaling')


def test_a_page_that_is_forgotten(source: pathlib.Path) -> None:
    with pytest.raises(ToolError, match='user/scaling have console blocks'):
        sessions(source, 'begin')


def test_a_page_without_blocks(source: pathlib.Path) -> None:
    with pytest.raises(ToolError, match='user/labels are in it'):
        sessions(source, 'begin', 'user/scaling', 'user/labels')


def test_chosen_pages_follow_the_first_of_their_session() -> None:
    known = [Session('a', ('one', 'two', 'three')), Session('b', ('four',))]
    assert order.chosen(known, []) == known
    assert order.chosen(known, ['three']) == [Session('a', ('one', 'three'))]
    with pytest.raises(ToolError, match='no page five'):
        order.chosen(known, ['five'])


def test_the_pages_of_this_tree() -> None:
    """Every page with console blocks is in the order, and every block can be read."""
    assert sum(len(session.pages) for session in order.sessions()) > 10
