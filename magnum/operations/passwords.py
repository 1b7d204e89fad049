"""The passwords of a bay's own Keystone user, sealed.

There is one, but for the time of a rotation: then the new one is kept beside
the old one, a line each, the newest last. Whatever a crash leaves, one of
them is accepted.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from magnum.certificates.sealing import Sealer

_BYTES: Final = 32


def context(bay_uuid: str) -> str:
    """What a sealed password of a bay's identity is bound to."""
    return f'bay_identity/{bay_uuid}'


def new() -> str:
    """A password that nobody has used."""
    return secrets.token_urlsafe(_BYTES)


def seal(sealer: Sealer, bay_uuid: str, passwords: Sequence[str]) -> str:
    """The text that is stored."""
    return '\n'.join(sealer.seal(one.encode(), context(bay_uuid)) for one in passwords)


def unseal(sealer: Sealer, bay_uuid: str, sealed: str) -> list[str]:
    """The passwords, the newest last.

    :raises SealingError: they were sealed with a key that is gone.
    """
    return [sealer.unseal(line, context(bay_uuid)).decode() for line in sealed.splitlines()]
