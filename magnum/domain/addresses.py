"""URLs that may hold credentials.

Baymodels, stacks and user data are shown to everybody who may read them, so no
address in them may hold credentials.
"""

import re
from typing import Final

# In front of the host, with or without a scheme before it.
_CREDENTIALS: Final = re.compile(r'(^|//)[^/?#\s]+@')
_BREAKS_OUT: Final = re.compile(r'[\s"\'\\`$<>]')

ADVICE: Final = (
    'It would be shown to everybody who reads the baymodel, the stack or the metadata '
    'service: use one that asks for no name and password, as one that knows the '
    "addresses of the project's nodes."
)


def has_credentials(text: str) -> bool:
    """Whether the URL has credentials, a user name or both, before its host."""
    return _CREDENTIALS.search(text) is not None


def without_credentials(text: str) -> str:
    """The URL with asterisks in place of its credentials."""
    return _CREDENTIALS.sub(r'\1***@', text)


def breaks_out(text: str) -> bool:
    """Whether the URL would change the meaning of a file that nodes write it into."""
    return _BREAKS_OUT.search(text) is not None
