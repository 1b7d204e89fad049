"""Users of a stack's resources, which keep Heat from deleting it.

Heat names its own resource that could not be deleted, and Neutron does not say
by what it is used. So the ports of that resource are looked at: those that are
not the stack's own belong to something that a user made.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from oslo_log import log as logging

from magnum.clients.errors import CloudForbidden
from magnum.clients.heat import Resource, Stack
from magnum.clients.project_resources import LOAD_BALANCER, Port, ProjectResources
from magnum.domain import states
from magnum.domain.failures import Failure
from magnum.domain.plain_text import few, one_line
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.steps.heat import as_anybody, existing_resources
from magnum.operations.steps.workload import remove_late_services
from magnum.operations.work import Work

LOG = logging.getLogger(__name__)

#: How many users of a resource are named.
_NAMED: Final = 10
_DELAY: Final = 3.0
#: Ports of Neutron itself, that go by themselves.
_NEUTRONS_OWN: Final = ('network:dhcp', 'network:distributed', 'network:metadata')
#: Ports by which a router is in a network. Its gateway and those of its own
#: network between replicas go with it.
_INTERFACES: Final = (
    'network:router_interface', 'network:router_interface_distributed',
    'network:ha_router_replicated_interface',
)
_AMPHORA: Final = 'octavia-lb-vrrp-'
_BALANCER: Final = 'OS::Octavia::LoadBalancer'


@dataclasses.dataclass(frozen=True)
class User:
    """Something that is in the way, in Heat's words for its type."""

    type: str
    name: str
    id: str
    is_going: bool = False

    def __str__(self) -> str:
        name = f' {one_line(self.name, 255)}' if self.name else ''
        return f'{self.type}{name} ({self.id})'


def clear_the_way(work: Work, stack: Stack) -> None:
    """See what kept Heat from deleting a stack; it returns when nothing does (any more).

    :raises TryLater: it is being removed.
    :raises StepFailed: it belongs to somebody who has to be asked.
    """
    if work.claim.verb != states.DELETE_NODEGROUP:      # the bay's services are to live
        removing = remove_late_services(work)
        if removing:
            raise TryLater(f'Being removed: {", ".join(removing)}', _DELAY, 'resource_in_use')
    failed = as_anybody(work, lambda heat: heat.failed_resources(stack.id))
    held = [resource for resource in failed if resource.type in _USERS and resource.physical_id]
    if not held:
        return
    own = frozenset(
        resource.physical_id or ''
        for resource in existing_resources(work, stack.id)
    )
    for resource in held:
        users = _users_of(work, resource, own)
        if users:
            _refuse(resource, users)


def _refuse(resource: Resource, users: Sequence[User]) -> NoReturn:
    going = [str(user) for user in users if user.is_going]
    if len(going) == len(users):
        raise TryLater(f'Being removed: {", ".join(going)}', _DELAY, 'resource_in_use')
    named = [str(user) for user in users if not user.is_going]
    raise StepFailed(
        Failure(
            'resource_in_use',
            f'It is in use by {few(named, _NAMED)}. '
            'Remove what uses it, and delete again.',
            resource.name, resource.type,
        )
    )


def _users_of(work: Work, resource: Resource, own: frozenset[str]) -> list[User]:
    """Who uses a resource; nobody when that cannot be found out."""
    for cloud in work.resources_identities(service_first=True):
        try:
            return _USERS[resource.type](cloud, resource.physical_id or '', own)
        except CloudForbidden:
            continue
    LOG.warning('Who uses %s %s cannot be seen', resource.type, resource.physical_id)
    return []


def _of_subnet(cloud: ProjectResources, subnet_id: str, own: frozenset[str]) -> list[User]:
    return _of_ports(cloud, cloud.ports(fixed_ips=f'subnet_id={subnet_id}'), own)


def _of_network(cloud: ProjectResources, network_id: str, own: frozenset[str]) -> list[User]:
    return _of_ports(cloud, cloud.ports(network_id=network_id), own)


def _of_router(cloud: ProjectResources, router_id: str, own: frozenset[str]) -> list[User]:
    return [
        User('OS::Neutron::Port', port.name, port.id)
        for port in cloud.ports(device_id=router_id)
        if port.device_owner in _INTERFACES and not own & {port.id, port.network_id}
    ]


def _of_interface(cloud: ProjectResources, interface: str, own: frozenset[str]) -> list[User]:
    """Of a router's interface, which Heat names ``<router>:subnet_id=<subnet>``."""
    return _of_subnet(cloud, interface.rpartition('=')[2], own)


def _of_group(cloud: ProjectResources, group_id: str, own: frozenset[str]) -> list[User]:
    return _of_ports(cloud, cloud.ports(security_groups=group_id), own)


def _of_volume(cloud: ProjectResources, volume_id: str, own: frozenset[str]) -> list[User]:
    return [
        User('OS::Cinder::Snapshot', snapshot.name, snapshot.id)
        for snapshot in cloud.snapshots(volume_id)
    ]


#: Type of the resource that Heat could not delete -> who may use such a one.
_USERS: Final[Mapping[str, Callable[[ProjectResources, str, frozenset[str]], list[User]]]] = {
    'OS::Neutron::Subnet': _of_subnet,
    'OS::Neutron::Net': _of_network,
    'OS::Neutron::Router': _of_router,
    'OS::Neutron::RouterInterface': _of_interface,
    'OS::Neutron::SecurityGroup': _of_group,
    'OS::Cinder::Volume': _of_volume,
}


def _of_ports(cloud: ProjectResources, ports: Sequence[Port], own: frozenset[str]) -> list[User]:
    """Who has ports that are not the stack's own: once each."""
    users = [user for port in ports for user in _of_port(cloud, port, own)]
    if any(user.type == _BALANCER for user in users):
        # The ports of its amphorae are beside it.
        users = [user for user in users if not user.name.startswith(_AMPHORA)]
    return list(dict.fromkeys(users))


def _of_port(cloud: ProjectResources, port: Port, own: frozenset[str]) -> list[User]:
    device = port.device_id.removeprefix('lb-')
    if own & {port.id, device} or port.device_owner.startswith(_NEUTRONS_OWN):
        return []
    if port.device_owner.startswith('compute:'):
        return [User('OS::Nova::Server', port.name, device)]
    if port.device_owner.startswith('network:router'):
        return [User('OS::Neutron::Router', port.name, device)]
    if port.device_owner == 'Octavia' and cloud.has(LOAD_BALANCER):
        balancer = cloud.load_balancer(device)
        if balancer is None:
            return [User('OS::Neutron::Port', port.name, port.id)]
        is_going = balancer.status == 'PENDING_DELETE'
        return [User(_BALANCER, balancer.name, balancer.id, is_going)]
    return [User('OS::Neutron::Port', port.name, port.id)]
