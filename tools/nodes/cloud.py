"""Servers, their ports, volumes and load balancers, read from the services that have them."""

import base64
import dataclasses
import datetime
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

from keystoneauth1 import adapter, loading, plugin, session
from keystoneauth1.exceptions import ClientException, NotFound

from tools.devcloud import settings

#: From this microversion on Nova shows administrators the user data of servers.
_USER_DATA_VERSION: Final = '2.3'
_USER_DATA: Final = 'OS-EXT-SRV-ATTR:user_data'
_PAGE: Final = 500
_OVERLAP: Final = datetime.timedelta(seconds=10)
_BOOTS: Final = frozenset({'reboot', 'rebuild'})

Row = Mapping[str, Any]

__all__ = [
    'Balancer', 'ClientException', 'Cloud', 'FloatingAddress', 'Link', 'Listener', 'Network',
    'NotFound', 'Server',
]


@dataclasses.dataclass(frozen=True)
class Server:
    """A server as Nova lists it.

    :ivar updated: when anything of it was changed.
    """

    id: str
    name: str
    status: str
    updated: str


@dataclasses.dataclass(frozen=True)
class Link:
    """A server's port, and what of its subnet a guest is told.

    :ivar groups: ids of security groups.
    :ivar is_up: False for a port that an administrator has switched off.
    """

    id: str
    server: str
    network: str
    subnet: str
    mac: str
    address: str
    groups: tuple[str, ...]
    is_up: bool


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, its first subnet, and the address of its router outside.

    :ivar gateway: empty without one.
    :ivar outside: of the router; empty without one.
    """

    id: str
    mtu: int
    cidr: str
    gateway: str
    resolvers: tuple[str, ...]
    outside: str = ''

    @property
    def prefix_length(self) -> int:
        """That of the subnet."""
        return ipaddress.ip_network(self.cidr).prefixlen


@dataclasses.dataclass(frozen=True)
class FloatingAddress:
    """A floating address and where it leads to."""

    address: str
    fixed: str
    port: str


@dataclasses.dataclass(frozen=True)
class Check:
    """How members of a pool are asked whether they work: seconds, and how many in a row."""

    delay: int
    timeout: int
    failures: int
    successes: int


@dataclasses.dataclass(frozen=True)
class Listener:
    """A port of a load balancer, with its pool.

    :ivar allowed: who may connect; everybody when empty.
    :ivar members: as ``address:port``.
    """

    id: str
    port: int
    allowed: tuple[str, ...]
    algorithm: str
    members: tuple[str, ...]
    check: Check | None


@dataclasses.dataclass(frozen=True)
class Balancer:
    """A load balancer.

    :ivar vip: the id of the port with its address.
    """

    id: str
    network: str
    address: str
    vip: str
    listeners: tuple[Listener, ...]


class Cloud:
    """Reads as an administrator; methods raise ``ClientException``."""

    def __init__(self) -> None:
        options = dict(settings.password_options('admin'))
        options.pop('auth_type', None)
        region = options.pop('region_name', None)
        auth: plugin.BaseAuthPlugin = loading.get_plugin_loader('password').load_from_options(
            **options
        )
        keystone = session.Session(auth=auth)

        def service(service_type: str) -> adapter.Adapter:
            return adapter.Adapter(
                keystone, service_type=service_type, region_name=region, connect_retries=0
            )

        self._nova = service('compute')
        self._neutron = service('network')
        self._glance = service('image')
        self._cinder = service('block-storage')
        self._octavia = service('load-balancer')
        #: By id, with what they were read at.
        self._balancers: dict[str, tuple[str, Balancer]] = {}
        self._since: datetime.datetime | None = None
        self._networks: dict[str, Network] = {}
        self._outside: Network | None = None

    # Nova ---------------------------------------------------------------------
    def changed_servers(self) -> list[Server]:
        """Servers that have changed since the last call, and those that are gone.

        The first call gives all that there are.
        """
        query: dict[str, str] = {'all_tenants': '1', 'limit': str(_PAGE)}
        now = datetime.datetime.now(datetime.UTC)
        if self._since is not None:
            query['changes-since'] = (self._since - _OVERLAP).strftime('%Y-%m-%dT%H:%M:%SZ')
        found: list[Server] = []
        while True:
            page = self._nova.get('/servers/detail', params=query).json()['servers']
            found += [
                Server(row['id'], row['name'], row['status'], row['updated']) for row in page
            ]
            if len(page) < _PAGE:
                break
            query['marker'] = page[-1]['id']
        self._since = now
        return found

    def user_data(self, server_id: str) -> bytes:
        """The user data of a server, as its guest sees it; NotFound when it is gone."""
        row = self._nova.get(
            f'/servers/{server_id}', microversion=_USER_DATA_VERSION
        ).json()['server']
        return base64.b64decode(row.get(_USER_DATA) or '')

    def status(self, server_id: str) -> str:
        """What Nova takes a server for now."""
        return str(self._nova.get(f'/servers/{server_id}').json()['server']['status'])

    def image(self, server_id: str) -> str:
        """The name of a server's image; empty for one that boots from a volume."""
        image = self._nova.get(f'/servers/{server_id}').json()['server']['image']
        if not image:
            return ''
        return str(self._glance.get(f'/v2/images/{image["id"]}').json()['name'])

    def boots(self, server_id: str) -> dict[str, str]:
        """Reboots and rebuilds that were asked for, by the id of the request."""
        rows = self._nova.get(f'/servers/{server_id}/os-instance-actions').json()
        return {
            row['request_id']: row['action']
            for row in rows['instanceActions']
            if row['action'] in _BOOTS
        }

    def volumes(self, server_id: str) -> list[str]:
        """Ids of the attached volumes."""
        rows = self._nova.get(f'/servers/{server_id}/os-volume_attachments').json()
        return [str(row['volumeId']) for row in rows['volumeAttachments']]

    def act(self, server_id: str, action: str, arguments: object = None) -> None:
        """Start, stop or reboot a server, as ``os-start``, ``os-stop``, ``reboot``."""
        self._nova.post(f'/servers/{server_id}/action', json={action: arguments})

    # Cinder -------------------------------------------------------------------
    def has_volume(self, volume_id: str) -> bool:
        """Whether there is a volume of this id, whoever has it."""
        try:
            self._volume(volume_id)
        except NotFound:
            return False
        return True

    def volume_size(self, volume_id: str) -> int:
        """GB."""
        return int(self._volume(volume_id)['size'])

    def _volume(self, volume_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._cinder.get(f'/volumes/{volume_id}').json()['volume']
        return found

    # Neutron ------------------------------------------------------------------
    def links(self, **of: str) -> list[Link]:
        """The ports of servers, such as those with ``network_id`` or ``device_id``."""
        return [
            Link(
                row['id'], row['device_id'], row['network_id'], row['fixed_ips'][0]['subnet_id'],
                row['mac_address'], row['fixed_ips'][0]['ip_address'],
                tuple(row['security_groups']), row['admin_state_up'],
            )
            for row in self._list('ports', **of)
            if row['device_owner'].startswith('compute:') and row['fixed_ips']
        ]

    def switch(self, port: str, on: bool) -> None:
        """Enable or disable a port."""
        self._neutron.put(f'/v2.0/ports/{port}', json={'port': {'admin_state_up': on}})

    def network(self, link: Link) -> Network:
        """The network and the subnet of a port; asked for once."""
        if link.network not in self._networks:
            network = self._read_network(link.network, link.subnet)
            self._networks[link.network] = dataclasses.replace(
                network, outside=self._router_address(link.network)
            )
        return self._networks[link.network]

    def outside(self) -> Network:
        """The external network, from which floating addresses are."""
        if self._outside is None:
            (row,) = self._list('networks', name=settings.EXTERNAL_NETWORK)
            self._outside = self._read_network(row['id'], row['subnets'][0])
        return self._outside

    def floating_addresses(self, ports: Iterable[str]) -> list[FloatingAddress]:
        """Those that lead to one of these ports."""
        wanted = set(ports)
        return [
            FloatingAddress(row['floating_ip_address'], row['fixed_ip_address'], row['port_id'])
            for row in self._list('floatingips')
            if row['port_id'] in wanted
        ]

    def rules(self, groups: Iterable[str]) -> dict[str, list[Row]]:
        """The rules of these security groups, by id of the group."""
        found: dict[str, list[Row]] = {group: [] for group in groups}
        if not found:
            return found
        for row in self._list('security-group-rules', security_group_id=list(found)):
            found[row['security_group_id']].append(row)
        return found

    # Octavia ------------------------------------------------------------------
    def balancers(self) -> list[Balancer]:
        """All load balancers that are there, or nearly."""
        rows = self._listed('loadbalancers')
        known, self._balancers = self._balancers, {}
        for row in rows:
            version = f'{row["updated_at"]} {row["provisioning_status"]}'
            before = known.get(row['id'])
            balancer = (
                before[1] if before and before[0] == version else self._read_balancer(row)
            )
            self._balancers[row['id']] = version, balancer
        return [balancer for _, balancer in self._balancers.values()]

    def _read_balancer(self, row: Row) -> Balancer:
        pools = {pool['id']: pool for pool in self._listed('pools', row['id'])}
        checks = {
            check['id']: Check(
                check['delay'], check['timeout'], check['max_retries_down'], check['max_retries']
            )
            for check in self._listed('healthmonitors') if pools
        }

        def listener(found: Row) -> Listener:
            pool = pools.get(found['default_pool_id'], {})
            members = self._listed(f'pools/{pool["id"]}/members') if pool else []
            return Listener(
                found['id'], found['protocol_port'], tuple(found['allowed_cidrs'] or ()),
                pool.get('lb_algorithm', ''),
                tuple(f'{member["address"]}:{member["protocol_port"]}' for member in members),
                checks.get(pool.get('healthmonitor_id')),
            )

        return Balancer(
            row['id'], row['vip_network_id'], row['vip_address'], row['vip_port_id'],
            tuple(listener(found) for found in self._listed('listeners', row['id'])),
        )

    def _listed(self, path: str, balancer: str = '') -> list[Row]:
        """Rows of a collection: of one load balancer, if it is named."""
        rows = self._octavia.get(f'/v2/lbaas/{path}').json()[path.rpartition('/')[2]]
        return [
            row for row in rows if not balancer or {'id': balancer} in row['loadbalancers']
        ]

    def _read_network(self, network: str, subnet: str) -> Network:
        row = self._neutron.get(f'/v2.0/networks/{network}').json()['network']
        of_subnet = self._neutron.get(f'/v2.0/subnets/{subnet}').json()['subnet']
        return Network(
            network, row['mtu'], of_subnet['cidr'], of_subnet['gateway_ip'] or '',
            tuple(of_subnet['dns_nameservers']),
        )

    def _router_address(self, network: str) -> str:
        for port in self._list(
            'ports', network_id=network, device_owner='network:router_interface'
        ):
            try:
                router = self._neutron.get(f'/v2.0/routers/{port["device_id"]}').json()['router']
            except NotFound:
                continue
            for fixed in (router['external_gateway_info'] or {}).get('external_fixed_ips', []):
                return str(fixed['ip_address'])
        return ''

    def _list(self, collection: str, **query: str | list[str]) -> list[Row]:
        rows: list[Row] = self._neutron.get(f'/v2.0/{collection}', params=query).json()[
            collection.replace('-', '_')
        ]
        return rows
