"""The form of uuids, which names of things have no need to avoid."""

import re
from typing import Final

#: As the service writes them.
CANONICAL: Final = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
_EITHER_CASE: Final = re.compile(CANONICAL, re.IGNORECASE | re.ASCII)


def is_uuid(ident: str) -> bool:
    """Whether an identifier has the form of a uuid, in either case."""
    return _EITHER_CASE.fullmatch(ident) is not None
