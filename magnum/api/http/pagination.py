"""Pages of lists: what a request may ask for, and the way to the next page."""

import re
import urllib.parse
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.db.repositories.paging import Paging
from magnum.domain.uuids import is_uuid

_DIRECTIONS: Final = ('asc', 'desc')
_DIGITS_OF_AN_ID: Final = 18  # that every database takes
_INTEGER: Final = re.compile(r'[+-]?\d{1,100}', re.ASCII)


def uuid_marker(text: str) -> str:
    """A marker that is the uuid of an item."""
    if not is_uuid(text):
        raise errors.invalid_argument('marker', text, 'Value should be UUID format')
    return text.lower()


def id_marker(text: str) -> int:
    """A marker that is the number of an item, of those that have no uuid."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_OF_AN_ID):
        raise errors.invalid_argument('marker', text, 'Value should be an integer')
    return int(text)


def paging(
    query: Mapping[str, str],
    dialect: Dialect,
    sortable: Collection[str],
    max_limit: int,
    parse_marker: Callable[[str], str | int] = uuid_marker,
) -> Paging:
    """The page that a request asks for.

    :param sortable: attributes that rows may be sorted by.
    :raises APIError: 400.
    """
    marker = query.get('marker')
    direction = query.get('sort_dir', 'asc')
    if direction not in _DIRECTIONS:
        raise errors.APIError(
            errors.requests.INVALID_VALUE,
            f'Invalid sort direction: {direction}. Acceptable values are asc and desc',
            source=errors.parameter('sort_dir'),
        )
    return Paging(
        limit=limit(query, max_limit),
        marker=parse_marker(marker) if marker is not None else None,
        sort_key=_sort_key(query.get('sort_key', 'id'), dialect, sortable),
        descending=direction == 'desc',
    )


def limit(query: Mapping[str, str], max_limit: int) -> int:
    """How many items; 0 means that the client sets no limit of its own.

    :raises APIError: 400.
    """
    text = query.get('limit')
    if text is None:
        return max_limit
    if not _INTEGER.fullmatch(text):
        raise errors.invalid_argument('limit', text, 'Value should be an integer')
    wanted = int(text)
    if wanted < 0:
        raise errors.APIError(
            errors.requests.INVALID_VALUE, 'Limit must be positive',
            source=errors.parameter('limit'),
        )
    return min(wanted, max_limit) if wanted else max_limit


def _sort_key(member: str, dialect: Dialect, sortable: Collection[str]) -> str:
    for attribute in sortable:
        if dialect.member(attribute) == member:
            return attribute
    raise errors.APIError(
        errors.requests.INVALID_VALUE,
        f'The sort_key value "{member}" is an invalid field for sorting',
        source=errors.parameter('sort_key'),
    )


def page_document(
    url: str,
    query: Mapping[str, str],
    dialect: Dialect,
    page: Paging,
    rows: Sequence[Any],
    documents: Sequence[Any],
    key: str = 'uuid',
) -> dict[str, Any]:
    """The document of one page of a list.

    :param url: of the list, without a query.
    :param query: of this page; what narrows it narrows the next one too.
    :param rows: what the query gave: one more than the page holds, if there
        is a next page.
    :param key: what of a row is its marker.
    """
    document: dict[str, Any] = {dialect.collection: documents}
    if len(rows) > len(documents):
        following: dict[str, Any] = {
            'sort_key': dialect.member(page.sort_key),
            'sort_dir': 'desc' if page.descending else 'asc',
            'limit': page.limit,
            'marker': getattr(rows[len(documents) - 1], key),
        }
        following |= {name: text for name, text in query.items() if name not in following}
        document['next'] = f'{url}?{urllib.parse.urlencode(following)}'
    return document
