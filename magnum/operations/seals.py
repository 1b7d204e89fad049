"""Check that every sealed secret in the database can be opened."""

from collections.abc import Iterator

from sqlalchemy import orm

from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.certificates.stores import database
from magnum.db.repositories import cloud_credentials, identities, key_pairs, tokens
from magnum.operations import cloud_secrets, passwords


def broken(session: orm.Session, sealer: Sealer) -> Iterator[SealingError]:
    """What is wrong with each secret that cannot be opened."""
    for pair in key_pairs.sealed(session):
        try:
            sealer.unseal(pair.sealed_private_key, database.context(pair.bay_uuid, pair.purpose))
        except SealingError as error:
            yield error
    for identity in identities.sealed(session):
        try:
            passwords.unseal(sealer, identity.bay_uuid, identity.sealed_password)
        except SealingError as error:
            yield error
    for credential in cloud_credentials.sealed(session):
        try:
            cloud_secrets.unseal(sealer, credential, credential.purpose)
        except SealingError as error:
            yield error
    for token in tokens.all_armed(session):
        try:
            sealer.derive_token(
                token.salt, f'bootstrap/{token.bay_uuid}/{token.operation_uuid}/{token.role}'
            )
        except SealingError as error:
            yield error
