"""The secrets of bays' application credentials, sealed.

They are the service's own choice and stored before Keystone hears of them, so
that what a crash leaves in Keystone can be used.
"""

import secrets
from typing import Final, Protocol

from magnum.certificates.sealing import Sealer

_BYTES: Final = 32


class Sealed(Protocol):
    """What has a sealed secret: a row of the table, or some of its columns."""

    bay_uuid: str
    generation: int
    sealed_secret: str


def new(sealer: Sealer, bay_uuid: str, generation: int, purpose: str = '') -> str:
    """A secret that nobody has used, as it is stored."""
    secret = secrets.token_urlsafe(_BYTES)
    return sealer.seal(secret.encode(), _context(bay_uuid, generation, purpose))


def unseal(sealer: Sealer, credential: Sealed, purpose: str = '') -> str:
    """The secret of a credential.

    :param purpose: the only one that it is for; empty: it is for all that have none.
    :raises SealingError: it was sealed with a key that is gone.
    """
    context = _context(credential.bay_uuid, credential.generation, purpose)
    return sealer.unseal(credential.sealed_secret, context).decode()


def _context(bay_uuid: str, generation: int, purpose: str) -> str:
    found = f'cloud_credential/{bay_uuid}/{generation}'
    return f'{found}/{purpose}' if purpose else found
