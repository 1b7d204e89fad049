"""The table of errors is the documentation of errors."""

import ast
import collections
import http
import pathlib
import re

import pytest

from magnum import api
from magnum.api import errors

#: Every status and code that a release has had.
_PUBLISHED = pathlib.Path(__file__).with_name('error-codes.txt')


@pytest.mark.parametrize('kind', errors.KINDS, ids=lambda kind: f'{kind.code}-{kind.status}')
def test_kind_says_what_happened_and_what_to_do(kind: errors.Kind) -> None:
    assert re.fullmatch(r'magnum(\.[a-z0-9_-]+)+', kind.code)
    assert http.HTTPStatus(kind.status).phrase
    assert 400 <= kind.status < 600
    for text in (kind.cause, kind.remedy):
        assert text.endswith('.')
        assert text.count('"') % 2 == 0, 'double quotes are literals of the reference'


def test_no_code_goes_or_changes() -> None:
    """Clients branch on them; a new one comes to the list."""
    kept = _PUBLISHED.read_text().splitlines()
    assert sorted(f'{kind.code} {kind.status}' for kind in errors.KINDS) == kept


def test_no_kind_stands_there_twice() -> None:
    counts = collections.Counter((kind.code, kind.status) for kind in errors.KINDS)
    assert [kind for kind, count in counts.items() if count > 1] == []


def test_all_kinds_that_are_made_are_in_the_table() -> None:
    made = [
        path.parent.name
        for path in pathlib.Path(api.__file__).parent.rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ('Kind', 'errors.Kind')
    ]
    assert made == ['errors'] * len(errors.KINDS)
