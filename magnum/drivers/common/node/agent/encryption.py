# roles: master worker
"""The keys that masters encrypt with."""

from __future__ import annotations

import re

from .channel import Channel
from .node import ENCRYPTION_KEY, Node, ProgramFailed

#: Lines of a name and a key, base64 of 32 bytes; the first key of a bay has no name.
KEYS = re.compile(r'(?:(?:[a-z0-9-]{1,40} )?[A-Za-z0-9+/]{43}=\n?){1,3}')
FIRST = 'bay'


def fetch(channel: Channel) -> str:
    """The keys as the service has them, the one that writes first.

    :raises Away: the service is unavailable.
    :raises Refused: the service refused.
    :raises ProgramFailed: its answer is not valid.
    """
    keys = channel.signed('encryption', 'magnum/encryption', {}).get('encryption_key')
    if not isinstance(keys, str) or not KEYS.fullmatch(keys):
        raise ProgramFailed('the answer has no keys to encrypt with')
    return keys


def names(node: Node) -> str:
    """Names of the keys of a master; empty where there is none."""
    file = node.path(ENCRYPTION_KEY)
    if not file.exists():
        return ''
    found = [line.split() for line in file.read_text().splitlines()]
    return ' '.join(line[0] if len(line) > 1 else FIRST for line in found if line)
