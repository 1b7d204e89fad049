"""What nodes fetch is there before Heat is asked for any of them."""

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudUnavailable
from magnum.conductor import archives
from magnum.db import models
from magnum.db.repositories import node_archives
from magnum.domain import states
from tests.operations.conftest import World


def kept(world: World) -> list[bytes]:
    return sorted(row.content for row in world.rows(models.NodeArchive))


@pytest.fixture(autouse=True)
def heat_is_away(world: World) -> None:
    """It has not heard of what is asked for next."""
    down = CloudUnavailable('orchestration', 'away')
    world.cloud.faults = {
        f'orchestration.{call}': down for call in ('create_stack', 'replace_stack')
    }


def test_those_of_a_bay_and_of_an_upgrade(world: World) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    assert (kept(world), world.cloud.stacks) == ([b'of a bay'], {})
    del world.cloud.faults['orchestration.create_stack']
    world.pass_time(600)
    world.build(uuid)
    world.ask('upgrade', uuid, world.new_baymodel())
    world.build(uuid)
    assert kept(world) == [b'of a bay', b'of an upgrade']


def test_those_of_a_node_group(world: World) -> None:
    del world.cloud.faults['orchestration.create_stack']
    uuid = world.built(1)
    world.add_nodegroup(uuid)
    world.cloud.faults['orchestration.create_stack'] = CloudUnavailable('orchestration', 'away')
    world.worker().turn()
    assert kept(world) == [b'of a bay', b'of a group']


def test_those_of_a_node_group_that_is_made_anew(world: World) -> None:
    """A later release has others."""
    world.cloud.faults = {}
    uuid = world.built(1)
    operation = world.add_nodegroup(uuid)
    world.fail()
    with world.database.writing() as session:
        session.execute(sa.delete(models.NodeArchive))
    again = world.about('retry', world.again(operation))
    world.build(uuid)
    assert world.again(again).state == states.SUCCEEDED
    assert kept(world) == [b'of a group']


def test_a_database_of_an_earlier_day_has_those_of_this_release_again(world: World) -> None:
    for _ in range(2):
        archives.keep(world.database, world.tools.drivers)
    assert kept(world) == [b'of a bay']


def test_they_are_written_once(world: World) -> None:
    for _ in range(2):
        node_archives.keep(world.database, {'a' * 64: b'one', 'b' * 64: b'two'})
    node_archives.keep(world.database, {})
    assert kept(world) == [b'one', b'two']


def test_another_worker_may_be_first(world: World) -> None:
    """Between the look and the insertion."""
    both = {'a' * 64: b'one', 'b' * 64: b'two'}

    class Late(dict[str, bytes]):
        def __getitem__(self, digest: str) -> bytes:
            node_archives.keep(world.database, both)
            return both[digest]

    node_archives.keep(world.database, Late(both))
    assert kept(world) == [b'one', b'two']
