"""A bay with what its workload has made, and its deletion."""

from typing import Any

from magnum.db import models
from magnum.domain.stack_names import stack_name
from tests.operations.conftest import World

SERVICE = 'Kubernetes external service default/web from cluster '
ADDRESS = 'Floating IP for ' + SERVICE


def built(world: World, **values: Any) -> tuple[str, str]:
    """A bay and its network."""
    uuid = world.create(**values)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    return uuid, network(world, uuid)


def network(world: World, uuid: str) -> str:
    stack = world.cloud.stacks[str(world.bay(uuid).stack_id)]
    (network,) = [one.physical_id for one in stack['there'] if one.type == 'OS::Neutron::Net']
    return str(network)


def server(world: World, uuid: str) -> str:
    stack = world.cloud.stacks[str(world.bay(uuid).stack_id)]
    (server,) = [one.physical_id for one in stack['there'] if one.type == 'OS::Nova::Server']
    return str(server)


def delete(world: World, uuid: str) -> models.Operation:
    world.ask('delete', uuid)
    world.build(uuid)
    return world.operations(uuid)[-1]


def events(world: World, kind: str) -> list[str]:
    return [event.message for event in world.rows(models.Event, kind=kind)]


NAMES = {
    'uuid': lambda bay: bay.uuid,
    'stack': lambda bay: stack_name(bay.name, bay.uuid),
    'bay name': lambda bay: bay.name,
}
