"""Bays are told when the support of the release that they run ends."""

import datetime

import pytest

from magnum.db import models
from magnum.db.statements import database_now
from magnum.operations.node_watcher import NodeWatcher
from magnum.operations.release_watcher import ReleaseWatcher
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World


@pytest.fixture
def uuid(world: World) -> str:
    """A bay whose masters run a release."""
    uuid = world.built(workers=1)
    with world.database.writing() as session:
        session.query(models.Bay).filter_by(uuid=uuid).update({'coe_version': 'v1.33.5'})
    return uuid


def ends_in(world: World, monkeypatch: pytest.MonkeyPatch, days: int | None) -> str | None:
    """Let the support end in so many days; the last day."""
    with world.database.reading() as session:
        today = database_now(session).date()
    end = None if days is None else (today + datetime.timedelta(days=days)).isoformat()
    monkeypatch.setattr(FakeDriver, 'support_end', lambda _self, _version: end)
    return end


def look(world: World) -> int:
    return ReleaseWatcher(world.conf, world.database, world.tools.drivers).look()


def conditions(world: World, uuid: str) -> dict[str, dict[str, str]]:
    return world.bay(uuid).conditions or {}


def told(world: World, uuid: str) -> list[str]:
    return [
        event.message for event in world.rows(models.Event, bay_uuid=uuid)
        if event.kind == 'bay.release.support'
    ]


@pytest.mark.parametrize(('days', 'status', 'reason'), [
    (61, 'True', 'Supported'), (60, 'True', 'Supported'), (59, 'True', 'SupportEndsSoon'),
    (0, 'True', 'SupportEndsSoon'), (-1, 'False', 'SupportEnded'),
])
def test_a_bay_says_whether_its_release_is_supported(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch, days: int, status: str, reason: str
) -> None:
    end = ends_in(world, monkeypatch, days)
    assert look(world) == 1
    bay = world.bay(uuid)
    condition = conditions(world, uuid)['ReleaseSupported']
    assert (condition['status'], condition['reason']) == (status, reason)
    assert 'v1.33.5' in condition['message']
    assert str(end) in condition['message']
    assert bay.health_status is None
    assert not bay.health_status_reason
    assert told(world, uuid) == [condition['message']] * (reason != 'Supported')
    # Whoever looks next has nothing to say.
    assert look(world) == 0
    assert world.bay(uuid).generation == bay.generation


def test_the_end_is_told_when_it_comes(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days, more in ((90, 0), (30, 1), (-1, 1), (-2, 1)):
        before = len(told(world, uuid))
        ends_in(world, monkeypatch, days)
        assert look(world) == 1
        assert len(told(world, uuid)) == before + more
    ends_in(world, monkeypatch, None)
    assert look(world) == 1
    assert 'ReleaseSupported' not in conditions(world, uuid)


def test_health_follows_from_nodes_alone(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_in(world, monkeypatch, -1)
    Reporters(world.conf, world.database, world.tools.certificates, uuid).report()
    nodes = NodeWatcher(world.conf, world.database, world.tools.drivers)
    assert nodes.look() == 1
    assert look(world) == 1
    bay = world.bay(uuid)
    assert bay.health_status == 'HEALTHY'
    assert 'ended on' in bay.health_status_reason['ReleaseSupported']
    since = conditions(world, uuid)['NodesReady']['since']
    # What nodes say later changes nothing of it.
    Reporters(world.conf, world.database, world.tools.certificates, uuid).report(
        conditions={'Disk': {'status': 'False', 'reason': 'Full', 'message': 'full'}}
    )
    assert nodes.look() == 1
    bay = world.bay(uuid)
    assert conditions(world, uuid)['ReleaseSupported']['status'] == 'False'
    assert bay.health_status == 'UNHEALTHY'
    assert conditions(world, uuid)['NodesReporting']['since'] == since
