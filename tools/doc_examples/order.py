"""Which pages are run, in which order: ``doc/examples.yaml``."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Final

import yaml

from tools.common.errors import ToolError
from tools.common.place import CHECKOUT
from tools.doc_examples import pages
from tools.doc_examples.pages import Block, File

SOURCE: Final = CHECKOUT / 'doc/source'
ORDER: Final = CHECKOUT / 'doc/examples.yaml'


@dataclasses.dataclass(frozen=True)
class Session:
    """Pages that a reader reads one after the other, in one shell."""

    name: str
    pages: tuple[str, ...]


def sessions(order: pathlib.Path = ORDER, source: pathlib.Path = SOURCE) -> list[Session]:
    """All sessions.

    :raises ToolError: a page with console blocks is in none, or one is missing.
    """
    found = [
        Session(entry['session'], tuple(entry['pages']))
        for entry in yaml.safe_load(order.read_text())
    ]
    listed = [page for session in found for page in session.pages]
    written = {
        path.relative_to(source).with_suffix('').as_posix()
        for path in source.rglob('*.rst')
        if any(isinstance(item, Block) for item in pages.read(path))
    }
    for message, wrong in (
        ('have console blocks and are not in it', sorted(written - set(listed))),
        ('are in it and have no console block', sorted(set(listed) - written)),
    ):
        if wrong:
            raise ToolError(f'{order}: {", ".join(wrong)} {message}')
    return found


def chosen(known: Sequence[Session], wanted: Sequence[str]) -> list[Session]:
    """The sessions with those pages alone, and the first of each, which begins it.

    :raises ToolError: there is no such page.
    """
    if not wanted:
        return list(known)
    unknown = set(wanted) - {page for session in known for page in session.pages}
    if unknown:
        raise ToolError(f'no page {", ".join(sorted(unknown))}')
    return [
        Session(session.name, tuple(
            page for number, page in enumerate(session.pages) if not number or page in wanted
        ))
        for session in known if set(session.pages) & set(wanted)
    ]


def items(page: str, source: pathlib.Path = SOURCE) -> list[Block | File]:
    """The blocks and files of a page."""
    return pages.read(source / f'{page}.rst')
