"""What conductors make of the reports of nodes."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import bays, node_watch, reports
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World, error_of

BAD = {'status': 'False', 'reason': 'Full', 'message': '/var has 2 % left'}
WELL = {'status': 'True', 'reason': 'Enough', 'message': ''}


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of a master and three workers."""
    return world.built(workers=3)


@pytest.fixture
def nodes(world: World, uuid: str) -> Reporters:
    """The nodes of the bay, which report."""
    return Reporters(world.conf, world.database, world.tools.certificates, uuid)


def look(world: World) -> int:
    return NodeWatcher(world.conf, world.database, world.tools.drivers).look()


def events(world: World, uuid: str) -> list[tuple[str, str]]:
    return [
        (event.kind, event.message)
        for event in world.rows(models.Event, bay_uuid=uuid) if event.kind.startswith('bay.node.')
    ]


def pass_time(world: World, seconds: float, *but: str) -> None:
    """All nodes but some were heard of that much earlier."""
    with world.database.writing() as session:
        for node in session.scalars(sa.select(models.Node)):
            if node.heard_at is not None and node.name not in but:
                node.heard_at -= datetime.timedelta(seconds=seconds)


def health(world: World, uuid: str) -> tuple[str | None, dict[str, str]]:
    bay = world.bay(uuid)
    return bay.health_status, {
        name: condition['status'] for name, condition in (bay.conditions or {}).items()
    }


ALL_WELL = dict.fromkeys(
    ('NodesReporting', 'NodesReady', 'ControlPlaneReady', 'CertificatesValid'), 'True'
)


def test_a_bay_whose_nodes_report_nothing_is_as_before(world: World, uuid: str) -> None:
    assert look(world) == 0
    assert health(world, uuid) == (None, {})
    assert world.bay(uuid).conditions is None


def test_nodes_that_are_well_make_a_healthy_bay(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    assert look(world) == 1
    assert health(world, uuid) == ('HEALTHY', ALL_WELL)
    bay = world.bay(uuid)
    assert bay.health_status_reason['NodesReporting'] == '4 of 4 nodes report'
    assert sorted(events(world, uuid)) == sorted(
        ('bay.node.ready', f'node {name}: is ready') for name in nodes.names
    )
    generation = bay.generation
    assert look(world) == 0
    nodes.report()      # nothing new
    assert look(world) == 0
    assert world.bay(uuid).generation == generation


def test_a_condition_that_comes_and_goes(world: World, uuid: str, nodes: Reporters) -> None:
    nodes.report()
    look(world)
    told = len(events(world, uuid))
    since = (world.bay(uuid).conditions or {})['NodesReporting']['since']
    name = nodes.workers[0]
    nodes.report(name, conditions={'Disk': BAD})
    look(world)
    assert health(world, uuid) == ('UNHEALTHY', {**ALL_WELL, 'NodesReady': 'False'})
    bay = world.bay(uuid)
    assert name in bay.health_status_reason['NodesReady']
    assert (bay.conditions or {})['NodesReporting']['since'] == since
    nodes.report(name, conditions={'Disk': {**BAD, 'status': 'Unknown'}})
    look(world)
    nodes.report(name, conditions={'Disk': {**WELL, 'message': 'all free'}})
    look(world)
    assert health(world, uuid)[0] == 'HEALTHY'
    assert events(world, uuid)[told:] == [
        ('bay.node.condition', f'node {name}: Disk is False: /var has 2 % left'),
        ('bay.node.condition', f'node {name}: Disk is True again'),
    ]


def test_addons_are_a_condition_and_no_matter_of_health(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    look(world)
    told = len(events(world, uuid))
    master = next(name for name in nodes.names if name not in nodes.workers)

    def say(status: str, message: str = '') -> tuple[str | None, dict[str, str]]:
        said = {'status': status, 'reason': 'R', 'message': message}
        nodes.report(master, conditions={'Addons': said})
        look(world)
        return health(world, uuid)

    assert say('Unknown', 'traefik') == ('HEALTHY', {**ALL_WELL, 'AddonsReady': 'Unknown'})
    assert say('False', 'traefik: no such chart') == (
        'HEALTHY', {**ALL_WELL, 'AddonsReady': 'False'}
    )
    assert world.bay(uuid).health_status_reason['AddonsReady'] == 'traefik: no such chart'
    assert say('True') == ('HEALTHY', {**ALL_WELL, 'AddonsReady': 'True'})
    say('False', 'traefik: no such chart')
    nodes.report(master)    # another master cares for them
    look(world)
    assert health(world, uuid) == ('HEALTHY', ALL_WELL)
    said = ('bay.node.condition', f'node {master}: Addons is False: traefik: no such chart')
    assert events(world, uuid)[told:] == [
        said, ('bay.node.condition', f'node {master}: Addons is True again'), said,
    ]


def test_a_node_that_is_silent_and_is_heard_again(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    look(world)
    name = nodes.workers[1]
    others = [one for one in nodes.names if one != name]
    pass_time(world, 240, *others)      # of 300, as a slow machine takes some, too
    assert look(world) == 0
    pass_time(world, 61, *others)
    look(world)
    assert health(world, uuid) == ('UNHEALTHY', {**ALL_WELL, 'NodesReporting': 'False'})
    assert name in world.bay(uuid).health_status_reason['NodesReporting']
    assert events(world, uuid)[-1][0] == 'bay.node.silent'
    assert events(world, uuid)[-1][1].startswith(f'node {name}: has not been heard of since 20')
    assert look(world) == 0     # told once
    nodes.report(name)
    look(world)
    assert health(world, uuid) == ('HEALTHY', ALL_WELL)
    assert events(world, uuid)[-1] == ('bay.node.reporting', f'node {name}: reports again')


def test_nothing_is_known_of_a_bay_that_is_not_heard_of(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    look(world)
    pass_time(world, 301)
    look(world)
    assert health(world, uuid)[0] == 'UNKNOWN'


def test_what_somebody_else_says_of_health_holds_until_a_change(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    look(world)
    with world.database.writing() as session:
        bays.update_health(session, uuid, {'health_status': 'UNHEALTHY'})
    nodes.report(nodes.workers[0], versions={'docker': '20'})
    look(world)
    assert health(world, uuid)[0] == 'UNHEALTHY'
    nodes.report(nodes.workers[0], conditions={'Disk': BAD})
    look(world)
    nodes.report(nodes.workers[0])
    look(world)
    assert health(world, uuid)[0] == 'HEALTHY'


def test_nodes_that_are_silent_are_marked_some_at_a_time(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.report()
    look(world)
    marked: list[int] = []
    real = node_watch.silence

    def silence(session: orm.Session, **given: Any) -> int:
        marked.append(real(session, **given))
        return marked[-1]

    monkeypatch.setattr(node_watch, 'MOST', 3)
    monkeypatch.setattr(node_watch, 'silence', silence)
    pass_time(world, 301)
    assert look(world) == 1
    assert marked == [3, 1]
    assert health(world, uuid)[1]['NodesReporting'] == 'False'


def test_what_is_reported_while_it_is_looked_at_is_looked_at_again(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite lets no second writer in: the report comes right before the commit."""
    nodes.report()
    look(world)
    name = nodes.workers[0]
    real = bays.update_health

    def update(session: Any, *args: Any) -> None:
        real(session, *args)
        node = session.scalars(sa.select(models.Node).filter_by(name=name)).one()
        reports.store(session.connection(), node.id, 10**6, {'state': 'failed', 'is_changed': True})

    nodes.report(name, conditions={'Disk': BAD})
    monkeypatch.setattr(bays, 'update_health', update)
    assert look(world) == 1
    monkeypatch.undo()
    assert look(world) == 1
    assert events(world, uuid)[-1][0] == 'bay.node.failed'


def test_a_failed_node_fails_the_operation_at_once_in_its_words(world: World) -> None:
    made = world.create(name='bay')
    worker = world.worker()
    worker.turn()
    assert world.operations(made)[-1].state == 'WAITING'
    nodes = Reporters(world.conf, world.database, world.tools.certificates, made)
    name = nodes.workers[0]
    nodes.report(
        name, state='failed', step='40-docker', position=5, steps=11, lines=['E: no package']
    )
    worker.turn()       # Heat is not asked: it goes on
    failed = world.operations(made)[-1]
    assert failed.state == 'FAILED'
    assert (error_of(failed)['code'], error_of(failed)['resource']) == ('node_failed', name)
    assert world.bay(made).status == 'CREATE_FAILED'
    assert world.bay(made).status_reason == (
        f'OS::Nova::Server {name}: The step 40-docker failed (5 of 11): E: no package'
    )
    look(world)
    # Told once, and before the operation's end.
    kinds = [event.kind for event in world.rows(models.Event, bay_uuid=made)]
    assert kinds.count('bay.node.failed') == 1
    assert kinds.index('bay.node.failed') < kinds.index('bay.create.failed')


def test_nodes_of_a_group_that_is_gone_are_not_missed(
    world: World, uuid: str, nodes: Reporters
) -> None:
    world.add_nodegroup(uuid)
    world.build(uuid)
    more = Reporters(world.conf, world.database, world.tools.certificates, uuid, 'gpu')
    nodes.report()
    more.report()
    look(world)
    assert world.bay(uuid).health_status_reason['NodesReporting'] == '6 of 6 nodes report'
    world.conf.set_override('drain_timeout', 0, 'nodes')
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build(uuid)
    pass_time(world, 301, *nodes.names)
    look(world)
    look(world)
    assert health(world, uuid) == ('HEALTHY', ALL_WELL)
    assert not [kind for kind, _ in events(world, uuid) if kind == 'bay.node.silent']


def test_nodes_that_a_resize_removed_are_not_missed(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    look(world)
    world.conf.set_override('drain_timeout', 0, 'nodes')
    world.ask('resize', uuid, 2, nodes_to_remove=('0',))
    world.build(uuid)
    look(world)
    assert world.bay(uuid).health_status_reason['NodesReporting'] == '3 of 3 nodes report'
    assert nodes.send(nodes.workers[0]).status_int == 401


def test_a_bay_that_is_deleted_leaves_nothing(
    world: World, uuid: str, nodes: Reporters
) -> None:
    nodes.report()
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert world.rows(models.Node) == world.rows(models.Directive) == []
    assert look(world) == 0
    assert nodes.send(nodes.workers[0]).status_int == 410
