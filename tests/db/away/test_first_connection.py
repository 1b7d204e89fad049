"""A database that goes away while it is connected to for the first time."""

import pathlib

import sqlalchemy as sa

from magnum.db import away
from tests import databases
from tests.fakes.gateway import Gateway

_MOST = 60   # far more chunks than a first connection takes


def test_it_is_unavailable_whatever_it_was_asked(tmp_path: pathlib.Path) -> None:
    """SQLAlchemy asks a server what it is, in several statements, before any other."""
    refused = 0
    for chunks in range(1, _MOST):
        gateway, url = Gateway.to_database(databases.url(tmp_path))
        gateway.cut_after(chunks)
        database = databases.connect(url)
        try:
            with database.reading() as session:
                session.execute(sa.select(1))
        except away.UNAVAILABLE:
            refused += 1
        else:
            break
        finally:
            database.close()
            gateway.close()
    assert 3 < refused < _MOST - 1
