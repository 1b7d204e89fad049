"""What a later operation goes on with: those before it."""

import datetime

from magnum.db import models
from magnum.db.repositories import locking
from magnum.domain import states
from tests.operations.conftest import World

DEADLINE = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


def test_the_newest_come_first_and_a_hundred_of_them(world: World) -> None:
    uuid, other = world.create(), world.create(name='other')
    with world.database.writing() as session:
        for verb in (states.RESIZE, states.UPGRADE) * 120:
            for of in (uuid, other):
                session.add(models.Operation(
                    bay_uuid=of, bay_name='b', verb=verb, phase=states.START,
                    state=states.SUCCEEDED, parameters={}, roles=[], deadline=DEADLINE,
                ))
    *before, last = world.operations(uuid)
    resizes = [one.id for one in before if one.verb == states.RESIZE]
    with world.database.reading() as session:
        found = list(locking.earlier_operations(session, last, states.RESIZE))
        (newest,) = locking.earlier_operations(session, last, *states.VERBS, limit=1)
        of_first = list(locking.earlier_operations(session, before[1], states.UPGRADE))
    assert [one.id for one in found] == sorted(resizes, reverse=True)[:100]
    assert newest.id == before[-1].id
    assert of_first == []
