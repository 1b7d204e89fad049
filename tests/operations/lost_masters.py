"""A master that nothing is heard of, and its replacement, step by step."""

import pytest

from magnum.db import models
from magnum.operations import upgrading
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World
from tests.operations.test_healing import Conductor, lose
from tests.operations.test_new_masters import replaceable, settle

DOWN = {'status': 'False', 'reason': 'APINotReady', 'message': 'etcd'}


def to_be_healed(world: World, monkeypatch: pytest.MonkeyPatch, masters: int) -> str:
    """A bay of so many masters and three workers that wants to be healed."""
    made = replaceable(world, monkeypatch, masters=masters, workers=3)
    with world.database.writing() as session:
        session.merge(world.bay(made)).labels = {'auto_healing_enabled': 'true'}
    return made


def of(masters: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('uuid', [masters], indirect=True)


def begin(world: World, uuid: str, conductor: Conductor) -> models.Operation:
    """The healer begins; a conductor goes on up to what another master is to do."""
    assert conductor.heal() == 1
    world.go_on_soon()
    world.go_on_soon()
    return world.operations(uuid)[-1]


def let_lost_go(world: World, nodes: Reporters, lost: str) -> None:
    """Another master drains one that is lost, and takes it out of the cluster."""
    other = next(name for name in nodes.masters if name != lost)
    for verb in ('drain', 'remove'):
        (given,) = nodes.report(other)
        assert (given['verb'], given['parameters']['nodes']) == (verb, [lost])
        nodes.result(other, given['id'])
        world.go_on_soon()


def come_back(world: World, nodes: Reporters, lost: str, operation: models.Operation) -> None:
    """Heat has made the server, and it is ready."""
    settle(world)
    nodes.boot(lost, operation.uuid)
    nodes.report()
    settle(world)


def heal(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, lost: str
) -> models.Operation:
    """From the loss to the end."""
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    let_lost_go(world, nodes, lost)
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    return asked


def values(world: World, uuid: str) -> tuple[dict[str, object], ...]:
    """What follows a baymodel in an upgrade: of the bay, and of each node group."""
    bay = world.bay(uuid)
    names = ('baymodel_id', 'labels', 'kept', 'flavor_id', 'master_flavor_id',
             'docker_volume_size')
    return (
        {name: getattr(bay, name) for name in names},
        *map(upgrading.columns_of, world.rows(models.Nodegroup, bay_uuid=uuid)),
    )


def complete(world: World, uuid: str) -> None:
    """Let the bay be complete, whatever has failed."""
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).status = 'UPDATE_COMPLETE'
