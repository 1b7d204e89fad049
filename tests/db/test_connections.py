"""Connections to databases that are servers."""

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db.engine import Database


def test_a_connection_that_the_database_dropped_is_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql = database.dialect == 'postgresql'
    own = 'SELECT pg_backend_pid()' if postgresql else 'SELECT CONNECTION_ID()'
    with database.reading() as session:
        mine = session.scalar(sa.text(own))
    kill = f'SELECT pg_terminate_backend({mine}, 10000)' if postgresql else f'KILL {mine}'
    with database.engine.connect() as other:
        other.execute(sa.text(kill))
    monkeypatch.setattr('magnum.db.engine._TRUSTED', 0.0)
    with database.reading() as session:
        assert session.scalars(sa.select(models.Quota)).all() == []
        assert session.scalar(sa.text(own)) != mine
