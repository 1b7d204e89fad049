"""Load balancers, addresses, ports, volumes, shares and servers in memory.

The client has the methods of ``magnum.clients.project_resources``; what users
make, tests make here.
"""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

from magnum.clients.errors import CloudConflict, CloudForbidden, CloudRefused
from magnum.clients.heat import Resource
from magnum.clients.project_resources import (
    COMPUTE,
    LOAD_BALANCER,
    NETWORK,
    SHARES,
    SOFT_DELETED,
    VOLUMES,
    FloatingIP,
    LoadBalancer,
    Port,
    Share,
    ShareSnapshot,
    Snapshot,
    Volume,
)

#: Nova has no such status, but a task.
_DELETING = 'ACTIVE, deleting'


@dataclasses.dataclass
class Resources:
    """What exists."""

    services: set[str] = dataclasses.field(
        default_factory=lambda: {LOAD_BALANCER, NETWORK, VOLUMES}
    )
    #: Services that refuse the identities of bays, as for want of a role.
    refusing_bays: set[str] = dataclasses.field(default_factory=set)
    balancers: dict[str, LoadBalancer] = dataclasses.field(default_factory=dict)
    addresses: dict[str, FloatingIP] = dataclasses.field(default_factory=dict)
    ports: dict[str, Port] = dataclasses.field(default_factory=dict)
    volumes: dict[str, Volume] = dataclasses.field(default_factory=dict)
    #: By volume.
    snapshots: dict[str, list[Snapshot]] = dataclasses.field(default_factory=dict)
    #: By volume the snapshot that it was made of, which does not go before it.
    origins: dict[str, str] = dataclasses.field(default_factory=dict)
    #: By id a share, its project and its metadata.
    shares: dict[str, tuple[Share, str, dict[str, str]]] = dataclasses.field(default_factory=dict)
    share_snapshots: dict[str, list[ShareSnapshot]] = dataclasses.field(default_factory=dict)
    #: By id a server's status.
    servers: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Nova keeps servers that are deleted, for a while.
    keeps_deleted: bool = False
    subnets: dict[str, str] = dataclasses.field(default_factory=dict)   # id -> network's

    # What users and services of bays make --------------------------------------
    def add_balancer(
        self, network_id: str, description: str = '', name: str = 'web',
        project_id: str = 'demo', status: str = 'ACTIVE', tags: tuple[str, ...] = (),
    ) -> LoadBalancer:
        made = str(uuid.uuid4())
        port = self.add_port(network_id, f'octavia-lb-{made}', 'Octavia', f'lb-{made}')
        self.balancers[made] = LoadBalancer(
            made, name, description, project_id, status, network_id, port.id, tags
        )
        return self.balancers[made]

    def add_address(
        self, port_id: str | None, description: str = '', project_id: str = 'demo'
    ) -> FloatingIP:
        made = FloatingIP(str(uuid.uuid4()), '172.24.0.9', description, project_id, port_id)
        self.addresses[made.id] = made
        return made

    def add_port(
        self, network_id: str, name: str = 'stray', device_owner: str = '', device_id: str = ''
    ) -> Port:
        made = Port(str(uuid.uuid4()), name, network_id, device_owner, device_id)
        self.ports[made.id] = made
        return made

    def add_volume(
        self, metadata: dict[str, str], servers: tuple[str, ...] = (), project_id: str = 'demo'
    ) -> Volume:
        status = 'in-use' if servers else 'available'
        made = Volume(str(uuid.uuid4()), 'pvc', project_id, status, metadata, servers)
        self.volumes[made.id] = made
        return made

    def add_snapshot(
        self, volume: Volume, metadata: dict[str, str], status: str = 'available'
    ) -> Snapshot:
        made = Snapshot(
            str(uuid.uuid4()), 'snapshot-1', volume.id, volume.project_id, status, metadata
        )
        self.snapshots.setdefault(volume.id, []).append(made)
        return made

    def change_snapshot(self, snapshot: Snapshot, **values: Any) -> None:
        self.snapshots[snapshot.volume_id] = [
            dataclasses.replace(one, **values) if one.id == snapshot.id else one
            for one in self.snapshots[snapshot.volume_id]
        ]

    def add_share(self, metadata: dict[str, str], project_id: str = 'demo') -> Share:
        made = Share(str(uuid.uuid4()), 'pvc')
        self.shares[made.id] = made, project_id, metadata
        return made

    # What Heat makes -------------------------------------------------------------
    def of_stack(self, stack_id: str) -> list[Resource]:
        """A network, and one node in it."""
        network, subnet, server = (str(uuid.uuid4()) for _ in range(3))
        self.subnets[subnet] = network
        port = self.add_port(network, 'node', 'compute:nova', server)
        there = {
            'private_network': ('OS::Neutron::Net', network),
            'private_subnet': ('OS::Neutron::Subnet', subnet),
            'port': ('OS::Neutron::Port', port.id),
            'node': ('OS::Nova::Server', server),
        }
        return [
            Resource(name, kind, '', stack_id, made, None, 'CREATE')
            for name, (kind, made) in there.items()
        ]

    def in_use(self, there: list[Resource]) -> Resource | None:
        """What of a stack cannot be deleted; the node goes in any case."""
        own = {resource.physical_id for resource in there}
        servers = {one.physical_id for one in there if one.type == 'OS::Nova::Server'}
        self.ports = {key: port for key, port in self.ports.items() if key not in own}
        for key, volume in self.volumes.items():
            if set(volume.server_ids) & servers:
                self.volumes[key] = dataclasses.replace(
                    volume, server_ids=(), status='available'
                )
        for resource in there:
            network = self.subnets.get(resource.physical_id or '')
            if network and any(port.network_id == network for port in self.ports.values()):
                return dataclasses.replace(
                    resource, action='DELETE',
                    reason=(
                        f'Conflict: Unable to complete operation on subnet {resource.physical_id}:'
                        ' One or more ports have an IP allocation from this subnet.'
                    ),
                )
        return None

    def settle(self) -> None:
        """Octavia, Cinder and Nova finish what they are at."""
        for key, status in list(self.servers.items()):
            if status == _DELETING:
                del self.servers[key]
        for key, balancer in list(self.balancers.items()):
            if balancer.status == 'PENDING_DELETE':
                del self.balancers[key]
                self.remove_port(balancer.vip_port_id)
            elif balancer.status.startswith('PENDING_'):
                self.balancers[key] = dataclasses.replace(balancer, status='ACTIVE')
        needed = {self.origins[key] for key in self.origins if key in self.volumes}
        for key, volume in list(self.volumes.items()):
            if volume.status == 'deleting':
                del self.volumes[key]
        for key, found in self.snapshots.items():
            self.snapshots[key] = [
                dataclasses.replace(one, status='available') if one.id in needed else one
                for one in found if one.id in needed or one.status != 'deleting'
            ]

    def remove_port(self, port_id: str | None) -> None:
        self.ports.pop(port_id or '', None)
        for key, address in self.addresses.items():
            if address.port_id == port_id:
                self.addresses[key] = dataclasses.replace(address, port_id=None)


class FakeProjectResources:
    """As one identity: a bay's sees its project only."""

    def __init__(self, cloud: Any, project_id: str | None):
        self._cloud, self._there, self._project = cloud, cloud.resources, project_id

    @contextlib.contextmanager
    def _call(self, service: str, action: str) -> Iterator[None]:
        with self._cloud.call(service, action):
            if self._project is not None and service in self._there.refusing_bays:
                raise CloudForbidden(service, 'Policy does not allow this request.', 403)
            yield

    def has(self, service: str) -> bool:
        return service in self._there.services

    def load_balancers(self, project_id: str) -> list[LoadBalancer]:
        with self._call(LOAD_BALANCER, 'list_load_balancers'):
            if self._project not in (None, project_id):
                raise CloudForbidden(LOAD_BALANCER, 'Policy does not allow this request.', 403)
            return [one for one in self._there.balancers.values() if one.project_id == project_id]

    def load_balancer(self, load_balancer_id: str) -> LoadBalancer | None:
        with self._call(LOAD_BALANCER, 'get_load_balancer'):
            found: LoadBalancer | None = self._there.balancers.get(load_balancer_id)
            return found

    def delete_load_balancer(self, load_balancer_id: str) -> None:
        with self._call(LOAD_BALANCER, 'delete_load_balancer'):
            found = self._there.balancers.get(load_balancer_id)
            if found is None:
                return
            if found.status.startswith('PENDING_'):
                raise CloudConflict(
                    LOAD_BALANCER,
                    f'Invalid state {found.status} of loadbalancer resource {found.id}', 409,
                )
            self._there.balancers[found.id] = dataclasses.replace(found, status='PENDING_DELETE')

    def floating_ips(self, project_id: str) -> list[FloatingIP]:
        with self._call(NETWORK, 'list_floating_ips'):
            return [one for one in self._there.addresses.values() if one.project_id == project_id]

    def delete_floating_ip(self, floating_ip_id: str) -> None:
        with self._call(NETWORK, 'delete_floating_ip'):
            self._there.addresses.pop(floating_ip_id, None)

    def ports(self, **query: str) -> list[Port]:
        with self._call(NETWORK, 'list_ports'):
            wanted = dict(query)
            subnet = wanted.pop('fixed_ips', '').removeprefix('subnet_id=')
            if subnet:
                wanted['network_id'] = self._there.subnets.get(subnet, '')
            return [
                port for port in self._there.ports.values()
                if all(getattr(port, name) == value for name, value in wanted.items())
            ]

    def port(self, port_id: str) -> Port | None:
        with self._call(NETWORK, 'get_port'):
            found: Port | None = self._there.ports.get(port_id)
            return found

    def volumes(self, project_id: str, key: str, value: str) -> list[Volume]:
        with self._call(VOLUMES, 'list_volumes'):
            return [
                one for one in self._there.volumes.values()
                if one.project_id == project_id and one.metadata.get(key) == value
            ]

    def volume(self, volume_id: str) -> Volume | None:
        with self._call(VOLUMES, 'get_volume'):
            found: Volume | None = self._there.volumes.get(volume_id)
            return found

    def delete_volume(self, volume_id: str) -> None:
        with self._call(VOLUMES, 'delete_volume'):
            found = self._there.volumes.get(volume_id)
            if found is None:
                return
            if found.status not in ('available', 'error') or self._there.snapshots.get(volume_id):
                raise CloudRefused(VOLUMES, 'Invalid volume: Volume status must be available', 400)
            self._there.volumes[found.id] = dataclasses.replace(found, status='deleting')

    def snapshots(self, volume_id: str) -> list[Snapshot]:
        with self._call(VOLUMES, 'list_snapshots'):
            return list(self._there.snapshots.get(volume_id, ()))

    def marked_snapshots(self, project_id: str, key: str, value: str) -> list[Snapshot]:
        with self._call(VOLUMES, 'list_snapshots'):
            return [
                one for found in self._there.snapshots.values() for one in found
                if one.project_id == project_id and one.metadata.get(key) == value
            ]

    def snapshot(self, snapshot_id: str) -> Snapshot | None:
        with self._call(VOLUMES, 'get_snapshot'):
            there: list[Snapshot] = [
                one for found in self._there.snapshots.values() for one in found
                if one.id == snapshot_id
            ]
            return there[0] if there else None

    def delete_snapshot(self, snapshot_id: str) -> None:
        found = self.snapshot(snapshot_id)
        with self._call(VOLUMES, 'delete_snapshot'):
            if found is None:
                return
            if found.status not in ('available', 'error'):
                raise CloudRefused(VOLUMES, 'Invalid snapshot: Snapshot status must be available',
                                   400)
            self._there.change_snapshot(found, status='deleting')

    def share_snapshots(self, share_id: str) -> list[ShareSnapshot]:
        with self._call(SHARES, 'list_share_snapshots'):
            return list(self._there.share_snapshots.get(share_id, ()))

    def shares(self, project_id: str, key: str, value: str) -> list[Share]:
        with self._call(SHARES, 'list_shares'):
            return [
                share for share, of, metadata in self._there.shares.values()
                if of == project_id and metadata.get(key) == value
            ]

    def server_status(self, server_id: str) -> str | None:
        with self._call(COMPUTE, 'get_server'):
            found: str | None = self._there.servers.get(server_id)
            return found

    def delete_server(self, server_id: str, is_forced: bool = False) -> None:
        with self._call(COMPUTE, 'force_delete_server' if is_forced else 'delete_server'):
            if server_id in self._there.servers:
                is_kept = self._there.keeps_deleted and not is_forced
                self._there.servers[server_id] = SOFT_DELETED if is_kept else _DELETING


class FakeProjectResourcesClients:
    """Like ``magnum.clients.project_resources.ProjectResourcesClients``."""

    def __init__(self, cloud: Any):
        self.cloud = cloud

    def service(self) -> FakeProjectResources:
        return FakeProjectResources(self.cloud, None)

    def user(self, user_id: str, password: str, project_id: str) -> FakeProjectResources:
        return FakeProjectResources(self.cloud, project_id)
