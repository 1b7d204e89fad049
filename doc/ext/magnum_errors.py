"""A page for every error code, written out of the table of errors.

The pages are made when a build begins, into a folder that git does not keep;
one whose code is gone goes too.
"""

import http
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sphinx.application import Sphinx
from sphinx.util import logging

from magnum.api import errors

LOG = logging.getLogger(__name__)

#: Below the documents' source.
FOLDER: Final = pathlib.PurePath('api', 'errors')
_ALL: Final = 'index'


def pages(kinds: Iterable[errors.Kind]) -> Mapping[str, str]:
    """Each page's name and text, in reStructuredText; the index among them."""
    by_code: dict[str, list[errors.Kind]] = {}
    for kind in kinds:
        by_code.setdefault(kind.code, []).append(kind)
    texts = {code: _page(code, by_code[code]) for code in by_code}
    texts[_ALL] = _index(by_code)
    return texts


def _title(text: str) -> list[str]:
    return ['=' * len(text), text, '=' * len(text), '']


def _literals(words: str) -> str:
    """Double quotes as literals."""
    return ''.join(
        f'``{part}``' if number % 2 else part for number, part in enumerate(words.split('"'))
    )


def _page(code: str, kinds: Iterable[errors.Kind]) -> str:
    lines = _title(code)
    for kind in sorted(kinds, key=lambda kind: kind.status):
        status = f'{kind.status} {http.HTTPStatus(kind.status).phrase}'
        lines += [
            status, '-' * len(status), '', _literals(kind.cause), '',
            f'**What to do:** {_literals(kind.remedy)}', '',
        ]
    return '\n'.join(lines)


def _index(by_code: Mapping[str, Iterable[errors.Kind]]) -> str:
    lines = [
        *_title('Errors by code'),
        'Clients branch on codes, not on texts: a code never changes and is never used',
        'again for something else. Each has a page of its own.', '',
        '.. list-table::', '   :header-rows: 1', '   :widths: 40 10 50', '',
        '   * - Code', '     - Status', '     - What happened',
    ]
    for code in sorted(by_code):
        kinds = sorted(by_code[code], key=lambda kind: kind.status)
        lines += [
            f'   * - :doc:`{code}`',
            f'     - {", ".join(str(kind.status) for kind in kinds)}',
            f'     - {_literals(kinds[0].cause)}',
        ]
    lines += ['', '.. toctree::', '   :hidden:', '', *(f'   {code}' for code in sorted(by_code))]
    return '\n'.join(lines) + '\n'


def _write(app: Sphinx) -> None:
    folder = pathlib.Path(app.srcdir, FOLDER)
    folder.mkdir(exist_ok=True)
    table = errors.KINDS
    for kind in table:
        if not (kind.cause and kind.remedy):
            LOG.warning('nothing is said of the error %s %d', kind.code, kind.status)
    texts = {f'{name}.rst': text for name, text in pages(table).items()}
    for path in folder.glob('*.rst'):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        # What has not changed is not read again.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before a build looks for documents."""
    app.connect('builder-inited', _write)
    return {'parallel_read_safe': True}
