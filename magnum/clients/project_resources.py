"""Resources of a project beside its stacks: load balancers, addresses, ports, volumes, shares.

And servers, which are of stacks, and outlive a compute host only as far as Nova deletes them.
"""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from keystoneauth1 import adapter
from keystoneauth1 import session as keystone_session
from keystoneauth1.exceptions.catalog import EndpointNotFound
from oslo_config import cfg

from magnum.clients.errors import CloudNotFound, calling
from magnum.clients.sessions import Sessions

LOAD_BALANCER: Final = 'load-balancer'
NETWORK: Final = 'network'
VOLUMES: Final = 'block-storage'
SHARES: Final = 'shared-file-system'
COMPUTE: Final = 'compute'
#: The status of a server that Nova keeps for a while, with its ports and volumes.
SOFT_DELETED: Final = 'SOFT_DELETED'

_VERSIONS: Final = {LOAD_BALANCER: '2', NETWORK: '2', VOLUMES: '3', SHARES: '2', COMPUTE: '2'}
_DELETED: Final = 'DELETED'


@dataclasses.dataclass(frozen=True)
class LoadBalancer:
    """A load balancer of Octavia; ``status`` is its provisioning status."""

    id: str
    name: str
    description: str
    project_id: str
    status: str
    vip_network_id: str | None
    vip_port_id: str | None
    tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class FloatingIP:
    """A floating IP; ``port_id`` is the port that it leads to, if any."""

    id: str
    address: str
    description: str
    project_id: str
    port_id: str | None


@dataclasses.dataclass(frozen=True)
class Port:
    """A port; ``device_owner`` says what kind of thing ``device_id`` is."""

    id: str
    name: str
    network_id: str
    device_owner: str
    device_id: str


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume, and the servers that it is attached to."""

    id: str
    name: str
    project_id: str | None          # Cinder tells it to some callers only
    status: str
    metadata: Mapping[str, str]
    server_ids: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A snapshot of a volume."""

    id: str
    name: str
    volume_id: str = ''
    project_id: str | None = None   # as for volumes
    status: str = ''
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ShareSnapshot:
    """A snapshot of a share of Manila."""

    id: str
    name: str


@dataclasses.dataclass(frozen=True)
class Share:
    """A share of Manila."""

    id: str
    name: str


class ProjectResources:
    """Calls to Octavia, Neutron, Cinder, Manila and Nova as one identity."""

    def __init__(self, session: keystone_session.Session, sessions: Sessions):
        self._session = session
        self._where: dict[str, Any] = {
            'interface': sessions.interface, 'region_name': sessions.region_name,
        }

    def has(self, service: str) -> bool:
        """Whether the catalogue has a service of this type."""
        with calling('identity', 'catalogue'):
            try:
                url = self._session.get_endpoint(service_type=service, **self._where)
            except EndpointNotFound:
                return False
        return url is not None

    def load_balancers(self, project_id: str) -> list[LoadBalancer]:
        """All load balancers of a project."""
        found = self._list(
            LOAD_BALANCER, 'list_load_balancers', '/lbaas/loadbalancers', project_id=project_id
        )
        return [
            balancer for balancer in map(_load_balancer, found) if balancer.status != _DELETED
        ]

    def load_balancer(self, load_balancer_id: str) -> LoadBalancer | None:
        """A load balancer by id; None when there is none (any more)."""
        found = self._get(
            LOAD_BALANCER, 'get_load_balancer', f'/lbaas/loadbalancers/{load_balancer_id}'
        )
        balancer = _load_balancer(found['loadbalancer']) if found else None
        return None if balancer is None or balancer.status == _DELETED else balancer

    def delete_load_balancer(self, load_balancer_id: str) -> None:
        """Ask for the end of a load balancer with all its parts; one that is gone is fine.

        :raises CloudConflict: Octavia is at work on it.
        """
        self._delete(
            LOAD_BALANCER, 'delete_load_balancer',
            f'/lbaas/loadbalancers/{load_balancer_id}', cascade='true',
        )

    def floating_ips(self, project_id: str) -> list[FloatingIP]:
        """All floating IPs of a project."""
        found = self._list(NETWORK, 'list_floating_ips', '/floatingips', project_id=project_id)
        return [_floating_ip(row) for row in found]

    def delete_floating_ip(self, floating_ip_id: str) -> None:
        """Release a floating IP; one that is gone is fine."""
        self._delete(NETWORK, 'delete_floating_ip', f'/floatingips/{floating_ip_id}')

    def ports(self, **query: str) -> list[Port]:
        """The ports that a query of Neutron's finds.

        :param query: ``network_id``, ``device_id``, ``security_groups``,
            ``fixed_ips`` as ``subnet_id=<id>``.
        """
        return [_port(row) for row in self._list(NETWORK, 'list_ports', '/ports', **query)]

    def port(self, port_id: str) -> Port | None:
        """A port by id; None when there is none (any more)."""
        found = self._get(NETWORK, 'get_port', f'/ports/{port_id}')
        return _port(found['port']) if found else None

    def volumes(self, project_id: str, key: str, value: str) -> list[Volume]:
        """The volumes of a project whose metadata have this value."""
        found = self._list(
            VOLUMES, 'list_volumes', '/volumes/detail', all_tenants='1', project_id=project_id,
            metadata=str({key: value}),
        )
        # Cinder drops filters that its configuration does not allow.
        return [
            volume for volume in map(_volume, found)
            if volume.metadata.get(key) == value and volume.project_id in (None, project_id)
        ]

    def volume(self, volume_id: str) -> Volume | None:
        """A volume by id; None when there is none (any more)."""
        found = self._get(VOLUMES, 'get_volume', f'/volumes/{volume_id}')
        return _volume(found['volume']) if found else None

    def delete_volume(self, volume_id: str) -> None:
        """Ask for a volume's end; one that is gone is fine.

        :raises CloudRefused: it is attached, or has snapshots.
        """
        self._delete(VOLUMES, 'delete_volume', f'/volumes/{volume_id}')

    def snapshots(self, volume_id: str) -> list[Snapshot]:
        """The snapshots of a volume."""
        found = self._list(
            VOLUMES, 'list_snapshots', '/snapshots', all_tenants='1', volume_id=volume_id
        )
        return list(map(_snapshot, found))

    def marked_snapshots(self, project_id: str, key: str, value: str) -> list[Snapshot]:
        """The snapshots of a project whose metadata have this value."""
        found = self._list(
            VOLUMES, 'list_snapshots', '/snapshots/detail', all_tenants='1',
            project_id=project_id, metadata=str({key: value}),
        )
        # The filter is one of later releases, as that of volumes is of some clouds.
        return [
            snapshot for snapshot in map(_snapshot, found)
            if snapshot.metadata.get(key) == value
            and snapshot.project_id in (None, project_id)
        ]

    def snapshot(self, snapshot_id: str) -> Snapshot | None:
        """A snapshot by id; None when there is none (any more)."""
        found = self._get(VOLUMES, 'get_snapshot', f'/snapshots/{snapshot_id}')
        return _snapshot(found['snapshot']) if found else None

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Ask for a snapshot's end; one that is gone is fine.

        :raises CloudRefused: Cinder is at work on it.
        """
        self._delete(VOLUMES, 'delete_snapshot', f'/snapshots/{snapshot_id}')

    def shares(self, project_id: str, key: str, value: str) -> list[Share]:
        """The shares of a project whose metadata have this value."""
        found = self._list(
            SHARES, 'list_shares', '/shares/detail', all_tenants='1', project_id=project_id,
            metadata=str({key: value}),
        )
        return [
            Share(row['id'], row.get('name') or '') for row in found
            if row['project_id'] == project_id and (row.get('metadata') or {}).get(key) == value
        ]

    def share_snapshots(self, share_id: str) -> list[ShareSnapshot]:
        """The snapshots of a share."""
        found = self._list(
            SHARES, 'list_share_snapshots', '/snapshots/detail', all_tenants='1',
            share_id=share_id,
        )
        return [
            ShareSnapshot(row['id'], row.get('name') or '') for row in found
            if row['share_id'] == share_id
        ]

    def server_status(self, server_id: str) -> str | None:
        """The status of a server; None when there is none (any more)."""
        found = self._get(COMPUTE, 'get_server', f'/servers/{server_id}')
        status: str | None = found['server']['status'] if found else None
        return None if status == _DELETED else status

    def delete_server(self, server_id: str, is_forced: bool = False) -> None:
        """Ask for a server's end; one that is gone is fine.

        :param is_forced: also of one that was deleted, and that Nova keeps for a while.
        :raises CloudRefused: it is locked.
        """
        path = f'/servers/{server_id}'
        if not is_forced:
            self._delete(COMPUTE, 'delete_server', path)
            return
        with contextlib.suppress(CloudNotFound), calling(COMPUTE, 'force_delete_server'):
            self._api(COMPUTE).post(f'{path}/action', json={'forceDelete': None})

    def _api(self, service: str) -> adapter.Adapter:
        version = _VERSIONS[service]
        return adapter.Adapter(
            self._session, service_type=service, min_version=version,
            max_version=f'{version}.latest', **self._where,
        )

    def _get(self, service: str, action: str, path: str) -> dict[str, Any] | None:
        try:
            with calling(service, action):
                document: dict[str, Any] = self._api(service).get(path).json()
        except CloudNotFound:
            return None
        return document

    def _list(self, service: str, action: str, path: str, **query: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        collection = path.split('/')[-1 if not path.endswith('/detail') else -2]
        found: list[dict[str, Any]] = []
        with calling(service, action):
            api = self._api(service)
            while True:
                page = api.get(path, params=query).json()
                rows = page[collection]
                found += rows
                links = {link['rel'] for link in page.get(f'{collection}_links') or ()}
                if not rows or 'next' not in links:
                    return found
                query = {**query, 'marker': rows[-1]['id']}

    def _delete(self, service: str, action: str, path: str, **query: str) -> None:
        try:
            with calling(service, action):
                self._api(service).delete(path, params=query)
        except CloudNotFound:
            return


class ProjectResourcesClients:
    """A project's resources as the service itself, or as a bay's identity."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions):
        self._sessions = sessions

    def service(self) -> ProjectResources:
        """As ``[keystone_auth]``'s account."""
        return ProjectResources(self._sessions.service, self._sessions)

    def user(self, user_id: str, password: str, project_id: str) -> ProjectResources:
        """As a bay's identity."""
        session = self._sessions.as_user(user_id, password, project_id)
        return ProjectResources(session, self._sessions)


def _load_balancer(row: dict[str, Any]) -> LoadBalancer:
    return LoadBalancer(
        id=row['id'],
        name=row.get('name') or '',
        description=row.get('description') or '',
        project_id=row['project_id'],
        status=row['provisioning_status'],
        vip_network_id=row.get('vip_network_id'),
        vip_port_id=row.get('vip_port_id'),
        tags=tuple(row.get('tags') or ()),
    )


def _floating_ip(row: dict[str, Any]) -> FloatingIP:
    return FloatingIP(
        id=row['id'],
        address=row['floating_ip_address'],
        description=row.get('description') or '',
        project_id=row['project_id'],
        port_id=row.get('port_id'),
    )


def _port(row: dict[str, Any]) -> Port:
    return Port(
        id=row['id'],
        name=row.get('name') or '',
        network_id=row['network_id'],
        device_owner=row.get('device_owner') or '',
        device_id=row.get('device_id') or '',
    )


def _volume(row: dict[str, Any]) -> Volume:
    return Volume(
        id=row['id'],
        name=row.get('name') or '',
        project_id=row.get('os-vol-tenant-attr:tenant_id'),
        status=row['status'],
        metadata=row.get('metadata') or {},
        server_ids=tuple(place['server_id'] for place in row.get('attachments') or ()),
    )


def _snapshot(row: dict[str, Any]) -> Snapshot:
    return Snapshot(
        id=row['id'],
        name=row.get('name') or '',
        volume_id=row['volume_id'],
        project_id=row.get('os-extended-snapshot-attributes:project_id'),
        status=row['status'],
        metadata=row.get('metadata') or {},
    )
