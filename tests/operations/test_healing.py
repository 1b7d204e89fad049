"""Workers that nothing is heard of are replaced, where the bay asks for it."""

import datetime

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db.repositories import node_watch
from magnum.domain.parameters import Resize
from magnum.operations.healer import EVENT, Healer
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World
from tests.operations.test_node_reports import pass_time

WORKERS = 4


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of a master and some workers, to be healed."""
    made = world.create(name='bay', labels={'auto_healing_enabled': 'True'})
    world.build(made)
    world.ask('resize', made, WORKERS)
    world.build(made)
    world.conf.set_override('drain_timeout', 0, 'nodes')     # no master is asked
    return made


@pytest.fixture
def nodes(world: World, uuid: str) -> Reporters:
    """The nodes of the bay, which report."""
    found = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    found.report()
    return found


def names(nodes: Reporters) -> list[str]:
    return sorted(name for name in nodes.names if '-node-' in name)


def lose(world: World, nodes: Reporters, *lost: str, seconds: float = 700) -> None:
    """Hear nothing of nodes for some time, and of all others."""
    pass_time(world, seconds, *(set(nodes.names) - set(lost)))
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()


def heal(world: World) -> int:
    return Healer(world.conf, world.database, world.tools.drivers).look()


def test_a_lost_worker_is_replaced(world: World, uuid: str, nodes: Reporters) -> None:
    lost = names(nodes)[1]
    lose(world, nodes, lost)
    assert heal(world) == 1
    operation = world.operations(uuid)[-1]
    asked = Resize.of(operation)
    assert (asked.node_count, asked.nodes_to_remove) == (WORKERS, (lost.rpartition('-')[2],))
    assert (operation.user_id, operation.requester_project_id) == (None, 'demo')
    assert operation.request_id
    (told,) = world.rows(models.Event, kind=EVENT)
    assert told.message == f'not heard of for 600 s, so replaced: {lost}'
    assert heal(world) == 0                     # while it goes on
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert world.stack('bay')['parameters']['removed'] == [lost.rpartition('-')[2]]
    assert world.nodegroup('default-worker').node_count == WORKERS


def test_no_more_than_one_in_a_while(world: World, uuid: str, nodes: Reporters) -> None:
    first, second = names(nodes)[:2]
    lose(world, nodes, first)
    assert heal(world) == 1
    world.build(uuid)
    with world.database.writing() as session:   # the new server reports
        session.execute(
            sa.update(models.Node).where(models.Node.name == first)
            .values(is_silent=False, heard_at=datetime.datetime.now(datetime.UTC))
        )
    lose(world, nodes, second)
    world.conf.set_override('heal_pause', 10**6, 'nodes')
    assert heal(world) == 0
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert heal(world) == 1


def test_a_bay_that_does_not_ask_for_it(world: World, uuid: str, nodes: Reporters) -> None:
    lose(world, nodes, names(nodes)[0])
    for labels in ({}, {'auto_healing_enabled': 'false'}, {'auto_healing_enabled': ''}):
        with world.database.writing() as session:
            session.merge(world.bay(uuid)).labels = labels
        assert heal(world) == 0


def test_an_operator_who_does_not_want_it(world: World, uuid: str, nodes: Reporters) -> None:
    lose(world, nodes, names(nodes)[0])
    world.conf.set_override('heal_after', 0, 'nodes')
    assert heal(world) == 0


def test_silence_that_is_not_long_enough(world: World, uuid: str, nodes: Reporters) -> None:
    lose(world, nodes, names(nodes)[0], seconds=400)
    assert world.rows(models.Node, is_silent=True)
    assert heal(world) == 0


def test_masters_are_not_replaced(world: World, uuid: str, nodes: Reporters) -> None:
    (master,) = set(nodes.names) - set(names(nodes))
    lose(world, nodes, master)
    assert heal(world) == 0


@pytest.mark.parametrize(('at_most', 'begun'), [(34, 0), (50, 1)])
def test_many_at_once_are_the_network(
    world: World, uuid: str, nodes: Reporters, at_most: int, begun: int
) -> None:
    world.conf.set_override('heal_at_most', at_most, 'nodes')
    lose(world, nodes, *names(nodes)[:2])
    assert heal(world) == begun


def test_nothing_is_heard_of_the_whole_bay(world: World, uuid: str, nodes: Reporters) -> None:
    world.conf.set_override('heal_at_most', 100, 'nodes')
    lose(world, nodes, *nodes.names)
    assert heal(world) == 0


def test_not_after_a_failure(world: World, uuid: str, nodes: Reporters) -> None:
    world.ask('resize', uuid, WORKERS + 1)
    world.fail()
    lose(world, nodes, names(nodes)[0])
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert heal(world) == 0


def test_one_resize_for_several_conductors(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have found the bay before either has begun."""
    lose(world, nodes, names(nodes)[0])
    with world.database.reading() as session:
        found = node_watch.bays_with_lost(session, datetime.timedelta(seconds=600))
    monkeypatch.setattr(node_watch, 'bays_with_lost', lambda *_: found)
    assert (heal(world), heal(world)) == (1, 0)
