"""Looking whether every secret in the database can be opened."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.certificates.stores import database
from magnum.db import models
from magnum.operations import passwords

_PAIRS: Final = sa.select(
    models.KeyPair.bay_uuid, models.KeyPair.purpose, models.KeyPair.sealed_private_key
)
_IDENTITIES: Final = sa.select(models.BayIdentity.bay_uuid, models.BayIdentity.sealed_password)
_TOKENS: Final = sa.select(
    models.BootstrapToken.bay_uuid, models.BootstrapToken.operation_uuid,
    models.BootstrapToken.role, models.BootstrapToken.salt,
).where(models.BootstrapToken.armed.is_(True))


def broken(session: orm.Session, sealer: Sealer) -> Iterator[SealingError]:
    """What is wrong with each secret that cannot be opened."""
    for pair in session.execute(_PAIRS.order_by(models.KeyPair.id)):
        try:
            sealer.unseal(pair.sealed_private_key, database.context(pair.bay_uuid, pair.purpose))
        except SealingError as error:
            yield error
    for identity in session.execute(_IDENTITIES.order_by(models.BayIdentity.id)):
        try:
            passwords.unseal(sealer, identity.bay_uuid, identity.sealed_password)
        except SealingError as error:
            yield error
    for token in session.execute(_TOKENS.order_by(models.BootstrapToken.id)):
        try:
            sealer.derive_token(
                token.salt, f'bootstrap/{token.bay_uuid}/{token.operation_uuid}/{token.role}'
            )
        except SealingError as error:
            yield error
