"""The only master of a bay is replaced where its cluster outlives its server."""

import pytest

from magnum.clients.heat import Resource
from magnum.db import models
from magnum.domain.parameters import Upgrade
from magnum.domain.stack_names import short_id
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import DIRECTIVES, Reporters
from tests.operations.conftest import World, error_of
from tests.operations.test_healing import Conductor, lose
from tests.operations.test_new_masters import own_baymodel, replaceable, settle, told

ABOUT = ('saved', 'not_saved', 'not_drained', 'not_removed')


@pytest.fixture
def uuid(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(FakeDriver, 'is_lasting', True)
    return replaceable(world, monkeypatch, masters=1, workers=2)


def upgrade(world: World, uuid: str) -> models.Operation:
    asked: models.Operation = world.ask('upgrade', uuid, world.new_baymodel(), max_batch_size=2)
    world.go_on_soon()
    world.go_on_soon()
    return asked


def forget(world: World, uuid: str) -> None:
    """It is not known whether it has a volume, as of bays that an earlier release made."""
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).is_lasting = None


def come_up(world: World, nodes: Reporters, asked: models.Operation) -> None:
    settle(world)
    nodes.boot(nodes.masters[0], asked.uuid)
    nodes.report()
    settle(world)
    world.go_on_soon()


def events(world: World, uuid: str) -> list[str]:
    """What was told of masters that go."""
    return [
        event.message for event in world.rows(models.Event, bay_uuid=uuid)
        if event.kind.removeprefix('bay.upgrade.') in ABOUT
    ]


def asked_heat(world: World) -> int:
    return world.cloud.calls.count('orchestration.replace_stack')


def test_it_saves_what_it_knows_and_is_replaced_before_the_workers(
    world: World, uuid: str, nodes: Reporters
) -> None:
    (master,) = nodes.masters
    asked = upgrade(world, uuid)
    ((name, given),) = nodes.told().items()
    assert (name, given['verb'], given['parameters']) == (master, 'snapshot', {'nodes': [master]})
    assert asked_heat(world) == 0
    nodes.result(master, given['id'], lines=['note what etcd has is kept in /a/b.db'])
    world.go_on_soon()
    assert events(world, uuid) == [f'saved: {master}; {master}: what etcd has is kept in /a/b.db']
    found = told(world, uuid)
    assert (found['master_image'], found['kept_masters']) == ('debian-13', {})
    assert found['image'] == 'debian', 'workers follow'
    come_up(world, nodes, asked)
    assert world.nodegroup('default-master').image_id == 'debian-13'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_IN_PROGRESS'


def test_it_stays_where_its_cluster_would_go_with_it(
    world: World, uuid: str, nodes: Reporters
) -> None:
    forget(world, uuid)
    upgrade(world, uuid)
    assert world.nodegroup('default-master').image_id == 'debian'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_IN_PROGRESS'


def test_it_is_not_replaced_when_it_cannot_save(
    world: World, uuid: str, nodes: Reporters
) -> None:
    (master,) = nodes.masters
    asked = upgrade(world, uuid)
    given = nodes.told()[master]
    nodes.result(master, given['id'], outcome='failed', lines=['no space', 'none goes without'])
    world.go_on_soon()
    assert error_of(world.again(asked))['reason'] == (
        f'It was not saved, and was not replaced: {master}: no space | none goes without'
    )
    assert asked_heat(world) == 0


@pytest.mark.parametrize('versions', [None, {'directives': DIRECTIVES.replace('snapshot ', '')}])
def test_one_that_cannot_be_asked_is_replaced_as_it_is(
    world: World, uuid: str, nodes: Reporters, versions: dict[str, str] | None
) -> None:
    """It is lost, or was made by an earlier release."""
    (master,) = nodes.masters
    if versions is None:
        upgrade(world, uuid)        # what it changes in place is done
        with world.database.writing() as session:
            for directive in session.query(models.Directive):
                session.delete(directive)
            session.merge(world.rows(models.Node, name=master)[0]).is_silent = True
    else:
        nodes.report(master, versions=versions)
        upgrade(world, uuid)
    world.go_on_soon()
    (message,) = events(world, uuid)
    assert message == (
        f'nodes that go are not saved ({master}): it is lost, or does not know how, as one that '
        'an earlier release made'
    )
    assert told(world, uuid)['master_image'] == 'debian-13'


def test_heat_makes_nothing_anew_of_what_the_cluster_is(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a volume that its check found in a backup."""
    monkeypatch.setattr(FakeDriver, 'lasting_resource', 'etcd_volume')
    world.stack(short_id(uuid))['failed'] = [
        Resource('etcd_volume', 'OS::Cinder::Volume', 'backing-up', None, 'id', '1', 'CHECK')
    ]
    asked = world.again(upgrade(world, uuid))
    assert error_of(asked)['reason'].startswith('Heat calls it failed, and would make another')
    assert (nodes.told(), asked_heat(world)) == ({}, 0)


def test_it_is_healed(world: World, uuid: str, nodes: Reporters) -> None:
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).labels = {'auto_healing_enabled': 'true'}
    lose(world, nodes, nodes.masters[0])
    conductor = Conductor(world)
    assert conductor.heal() == 1
    asked = world.operations(uuid)[-1]
    assert Upgrade.of(asked).nodes == ('0',)
    world.go_on_soon()
    world.go_on_soon()
    come_up(world, nodes, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    assert Upgrade.of(asked).baymodel == own_baymodel(world, uuid).uuid
    forget(world, uuid)
    world.conf.set_override('heal_pause', 0, 'nodes')
    lose(world, nodes, nodes.masters[0])
    assert conductor.heal() == 0


def test_nothing_is_changed_while_nobody_can_say_what_that_breaks(
    world: World, uuid: str, nodes: Reporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost one is not asked, and is not said to have what it never took over."""
    monkeypatch.setattr(
        FakeDriver, 'master_settings', lambda *_: {'MAGNUM_KUBE_VERSION': 'v1.99.0'}
    )
    lose(world, nodes, nodes.masters[0])
    before = world.bay(uuid).coe_version
    asked = world.again(upgrade(world, uuid))
    assert error_of(asked)['reason'].startswith('The only master is lost')
    assert world.bay(uuid).coe_version == before
    assert asked_heat(world) == 0
