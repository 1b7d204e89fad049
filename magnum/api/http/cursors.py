"""Cursors of event streams, opaque to clients."""

import base64
import re
from typing import Final

_FORM: Final = re.compile(r'[A-Za-z0-9_-]{11}')
_BYTES: Final = 8
_LARGEST: Final = 2**63 - 1

#: Before everything.
BEGINNING: Final = 0


def write(event_id: int) -> str:
    """The cursor of an event."""
    return base64.urlsafe_b64encode(event_id.to_bytes(_BYTES)).decode().rstrip('=')


def read(cursor: str) -> int:
    """The event of a cursor.

    :raises ValueError: it is none of ours.
    """
    if not _FORM.fullmatch(cursor):
        raise ValueError('Value should be a cursor that an answer had')
    event_id = int.from_bytes(base64.urlsafe_b64decode(f'{cursor}='))
    if event_id > _LARGEST:
        raise ValueError('Value should be a cursor that an answer had')
    return event_id
