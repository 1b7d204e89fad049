"""Queries for certificates that were signed. They outlive their bay."""

import datetime
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row

TABLE: Final[sa.Table] = models.IssuedCertificate.__table__

_INSERT: Final = sa.insert(TABLE)
_FORGET_KEYS: Final = (
    sa.update(TABLE)
    .where(TABLE.c.bay_uuid == sa.bindparam('of_bay'), TABLE.c.public_key.is_not(None))
    .values(public_key=None)
)


def insert(
    session: orm.Session,
    bay_uuid: str,
    serial: str,
    subject: str,
    fingerprint: str,
    not_before: datetime.datetime,
    not_after: datetime.datetime,
    issued_to: str,
    public_key: str | None,
) -> None:
    """Record a certificate.

    :param issued_to: a user id, or a node; cut to the length of its column.
    :param public_key: SHA-256 of a node's key; None for a user's.
    """
    # A statement, for an object that nobody reads costs more than all the signing.
    session.execute(_INSERT, {
        'bay_uuid': bay_uuid,
        'serial': serial,
        'subject': subject,
        'fingerprint': fingerprint,
        'not_before': not_before,
        'not_after': not_after,
        'issued_to': issued_to[:models.ISSUED_TO_LENGTH],
        'public_key': public_key,
    })


def of_node(session: orm.Session, bay_uuid: str, prefix: str) -> Sequence[Row]:
    """``issued_to`` and ``public_key`` of a node's certificates, oldest first.

    :param prefix: what ``issued_to`` begins with.
    """
    return session.execute(
        sa.select(TABLE.c.issued_to, TABLE.c.public_key)
        .where(
            TABLE.c.bay_uuid == bay_uuid, TABLE.c.issued_to.startswith(prefix, autoescape=True)
        )
        .order_by(TABLE.c.id)
    ).all()


def first_to_end(
    session: orm.Session, bay_uuid: str, issued_to: str, now: datetime.datetime
) -> Row | None:
    """``not_before`` and ``not_after`` of the valid certificate of somebody that ends first."""
    return session.execute(
        sa.select(TABLE.c.not_before, TABLE.c.not_after)
        .where(
            TABLE.c.bay_uuid == bay_uuid, TABLE.c.issued_to == issued_to[:models.ISSUED_TO_LENGTH],
            TABLE.c.not_after > now,
        )
        .order_by(TABLE.c.not_after)
        .limit(1)
    ).first()


def forget_keys(session: orm.Session, bay_uuid: str) -> None:
    """Forget the public keys of a bay's certificates; the rest stays on record."""
    session.execute(_FORGET_KEYS, {'of_bay': bay_uuid})
