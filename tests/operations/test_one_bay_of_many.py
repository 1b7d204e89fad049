"""What a conductor meets at one bay keeps it from no other one."""

import random
from typing import Any

import pytest

from magnum.db import models
from magnum.operations.healer import EVENT
from magnum.operations.node_watcher import NodeWatcher
from magnum.operations.release_watcher import ReleaseWatcher
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World
from tests.operations.test_healing import Conductor
from tests.operations.test_new_masters import succeed
from tests.operations.test_node_reports import pass_time

WORKERS = 2


@pytest.fixture
def bays(world: World) -> list[str]:
    """Two bays, to be healed."""
    made = [
        world.create(name=name, labels={'auto_healing_enabled': 'true'}) for name in ('a', 'b')
    ]
    for uuid in made:
        world.build(uuid)
        world.ask('resize', uuid, WORKERS)
        world.build(uuid)
    return made


def stumble(monkeypatch: pytest.MonkeyPatch, bays: list[str]) -> None:
    """Let the first bay be looked at first, and the driver stumble over what it has."""
    index_of = FakeDriver.node_index

    def node_index(driver: FakeDriver, role: str, stack: str, name: str) -> int | None:
        if stack.startswith('a-'):
            raise ValueError(name)
        return index_of(driver, role, stack, name)

    monkeypatch.setattr(FakeDriver, 'node_index', node_index)
    monkeypatch.setattr(random, 'shuffle', lambda found: found.sort(key=bays.index))


def reporters(world: World, uuid: str) -> Reporters:
    made = Reporters(world.conf, world.database, world.tools.certificates, uuid)
    made.report()
    return made


def test_nodes_of_others_are_looked_at(
    world: World, bays: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for uuid in bays:
        reporters(world, uuid)
    stumble(monkeypatch, bays)
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()
    assert [world.bay(uuid).health_status for uuid in bays] == [None, 'HEALTHY']


def test_nodes_of_others_are_healed(
    world: World, bays: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [reporters(world, uuid) for uuid in bays]
    lost = [one.workers[0] for one in nodes]
    pass_time(world, 400, *(name for one in nodes for name in one.names if name not in lost))
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()
    stumble(monkeypatch, bays)
    assert Conductor(world).heal() == 1
    (told,) = world.rows(models.Event, kind=EVENT)
    assert (told.bay_uuid, lost[1] in told.message) == (bays[1], True)


@pytest.mark.parametrize('position', [0, 1])
def test_others_have_their_turns(world: World, bays: list[str], position: int) -> None:
    """What waits may be of another release, or written by hand."""
    waiting = []
    for uuid in bays:
        first = world.ask('resize', uuid, WORKERS + 1)
        world.worker().turn()
        waiting.append(world.ask('resize', uuid, WORKERS + 2))
        succeed(world, first)
    with world.database.writing() as session:
        session.merge(waiting[position]).parameters = {'nodegroup': {'no': 'uuid'}}
    world.worker().watch()
    assert world.again(waiting[position]).state == 'PENDING'
    assert world.again(waiting[1 - position]).state == 'QUEUED'


def test_others_are_told_of_their_releases(
    world: World, bays: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: dict[str, Any] = {'v1.33.5': 'next year', 'v1.34.1': '2020-01-01'}
    monkeypatch.setattr(FakeDriver, 'support_end', lambda _self, version: ends[version])
    with world.database.writing() as session:
        for uuid, version in zip(bays, ends, strict=True):
            session.merge(world.bay(uuid)).coe_version = version
    assert ReleaseWatcher(world.conf, world.database, world.tools.drivers).look() == 1
    assert 'ReleaseSupported' in (world.bay(bays[1]).conditions or {})
