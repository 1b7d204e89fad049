"""The name of a bay's stack: derived from the bay, so it can be found again."""

import base64
import re
import uuid

_READABLE = 30


def short_id(bay_uuid: str) -> str:
    """12 lower-case base32 characters of a uuid (60 of its random bits)."""
    return base64.b32encode(uuid.UUID(bay_uuid).bytes)[:12].decode().lower()


def stack_name(bay_name: str, bay_uuid: str) -> str:
    """``<sanitised bay name, at most 30>-<12 characters of the uuid>``.

    Heat wants a letter first; the rest of a stack's names (servers, host
    names) wants lower case without dots and underscores.
    """
    readable = re.sub(r'[^A-Za-z0-9-]', '', re.sub(r'[_.]', '-', bay_name))[:_READABLE]
    if not readable[:1].isalpha():
        readable = f'bay-{readable}'[:_READABLE]
    return f'{readable}-{short_id(bay_uuid)}'.lower()
