"""Queries for the key pairs that the service holds for bays, private keys sealed."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.selections import Row

TABLE: Final[sa.Table] = models.KeyPair.__table__

_IS_PAIR: Final = (
    TABLE.c.bay_uuid == sa.bindparam('of_bay'), TABLE.c.purpose == sa.bindparam('of_purpose')
)
# Made once: making a statement costs as much as running it.
_INSERT: Final = sa.insert(TABLE)
_CERTIFICATES: Final = sa.select(TABLE.c.purpose, TABLE.c.certificate).where(_IS_PAIR[0])
_PAIR: Final = sa.select(TABLE.c.certificate, TABLE.c.sealed_private_key).where(*_IS_PAIR)
_PAIRS: Final = sa.select(TABLE.c.purpose, TABLE.c.certificate, TABLE.c.sealed_private_key).where(
    _IS_PAIR[0], TABLE.c.purpose.in_(sa.bindparam('of_purposes', expanding=True))
)


def insert(
    session: orm.Session, bay_uuid: str, purpose: str, certificate: str, sealed_private_key: str
) -> None:
    """Insert a pair.

    Of two transactions that insert the same at once, the table's unique key
    fails the later one.
    """
    session.execute(_INSERT, {
        'bay_uuid': bay_uuid, 'purpose': purpose, 'certificate': certificate,
        'sealed_private_key': sealed_private_key,
    })


def find(session: orm.Session, bay_uuid: str, purpose: str) -> Row | None:
    """``certificate`` and ``sealed_private_key`` of a pair, or None."""
    return session.execute(_PAIR, {'of_bay': bay_uuid, 'of_purpose': purpose}).one_or_none()


def find_all(
    session: orm.Session, bay_uuid: str, purposes: Sequence[str]
) -> dict[str, Row]:
    """Those of ``find`` that there are, by purpose: as they are in one moment."""
    found = session.execute(_PAIRS, {'of_bay': bay_uuid, 'of_purposes': list(purposes)})
    return {row.purpose: row for row in found}


def certificates(session: orm.Session, bay_uuid: str) -> dict[str, str]:
    """The certificates of a bay's pairs, PEM, by purpose."""
    found = session.execute(_CERTIFICATES, {'of_bay': bay_uuid})
    return {row.purpose: row.certificate for row in found}


def has_any(session: orm.Session, bay_uuid: str) -> bool:
    """Whether there is a pair of the bay."""
    query = sa.select(TABLE.c.id).where(TABLE.c.bay_uuid == bay_uuid)
    return session.scalar(query) is not None


def sealed(session: orm.Session) -> Sequence[Row]:
    """``bay_uuid``, ``purpose`` and ``sealed_private_key`` of every pair."""
    query = sa.select(TABLE.c.bay_uuid, TABLE.c.purpose, TABLE.c.sealed_private_key)
    return session.execute(query.order_by(TABLE.c.id)).all()


def delete(session: orm.Session, bay_uuid: str, purpose: str) -> None:
    """Delete a pair; none is fine."""
    session.execute(
        sa.delete(TABLE).where(*_IS_PAIR), {'of_bay': bay_uuid, 'of_purpose': purpose}
    )


def delete_all(session: orm.Session, bay_uuid: str) -> None:
    """Delete every pair of a bay; none is fine."""
    session.execute(sa.delete(TABLE).where(_IS_PAIR[0]), {'of_bay': bay_uuid})
