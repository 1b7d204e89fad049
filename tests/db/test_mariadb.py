"""What the engines say to MariaDB: no more than is wanted of it."""

import sqlalchemy as sa

from magnum.db import models
from magnum.db.engine import Database


def _sent(database: Database) -> int:
    """How many commands the reader's connection has sent."""
    with database.reading() as session:
        query = sa.text("SHOW SESSION STATUS LIKE 'Questions'")
        return int(session.execute(query).one()[1])


def test_a_look_costs_one_command(database: Database) -> None:
    before = _sent(database)
    with database.reading() as session:
        session.execute(sa.select(models.Quota)).all()
    # The look, and the question that counts itself.
    assert _sent(database) - before == 2


def test_every_connection_is_prepared(database: Database) -> None:
    query = sa.text('SELECT @@SESSION.tx_isolation')
    for engine in database.engines:
        with engine.connect() as one, engine.connect() as two:
            assert {one.scalar(query), two.scalar(query)} == {'READ-COMMITTED'}
