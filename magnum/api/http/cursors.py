"""Cursors of lists that go by the numbers of rows, opaque to clients."""

import base64
import re
import urllib.parse
from collections.abc import Mapping
from typing import Final

from magnum.api import errors

_FORM: Final = re.compile(r'[A-Za-z0-9_-]{11}')
_BYTES: Final = 8
_LARGEST: Final = 2**63 - 1

#: Before everything.
BEGINNING: Final = 0


def write(row_id: int) -> str:
    """The cursor of a row."""
    return base64.urlsafe_b64encode(row_id.to_bytes(_BYTES)).decode().rstrip('=')


def read(cursor: str) -> int:
    """The row of a cursor.

    :raises ValueError: it is none of ours.
    """
    if not _FORM.fullmatch(cursor):
        raise ValueError('Value should be a cursor that an answer had')
    row_id = int.from_bytes(base64.urlsafe_b64decode(f'{cursor}='))
    if row_id > _LARGEST:
        raise ValueError('Value should be a cursor that an answer had')
    return row_id


def position(query: Mapping[str, str]) -> int:
    """The row after which a page begins, by the argument "after".

    :raises APIError: 400.
    """
    cursor = query.get('after')
    if not cursor:
        return BEGINNING
    try:
        return read(cursor)
    except ValueError as error:
        raise errors.invalid_argument('after', cursor, str(error)) from None


def next_page(url: str, limit: int, last: int) -> str:
    """The URL of the page after a row.

    :param url: of the list, without a query.
    """
    return f'{url}?{urllib.parse.urlencode({"limit": limit, "after": write(last)})}'
