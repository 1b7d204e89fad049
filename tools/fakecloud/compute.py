"""Nova: flavors, key pairs, zones, limits, and servers that somebody has booted."""

import datetime
import re
import uuid
from typing import Any

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.identity import Identity
from tools.fakecloud.world import World, version


class Compute:
    """Nova's v2.1 API, as much as bays need of it.

    :ivar flavors: see :func:`flavor`.
    :ivar keypairs: public keys by name; of all users.
    :ivar zones: see :func:`zone`.
    :ivar limits: the absolute ones of any project.
    """

    def __init__(self, world: World, identity: Identity):
        self._base = world.base
        self._identity = identity
        self.flavors: list[dict[str, Any]] = []
        self.keypairs: dict[str, str] = {}
        self.zones: list[dict[str, Any]] = []
        self.limits: dict[str, int] = {}
        self.servers: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``compute/v2.1``."""
        match request.path[2:]:
            case ():
                found = version(
                    'v2.1', f'{self._base}/compute/v2.1/', version='2.95', min_version='2.1'
                )
                return Reply('version', {'version': found})
            case ('flavors',) | ('flavors', 'detail'):
                return Reply('flavors', {'flavors': self.flavors})
            case ('flavors', ident):
                for found in self.flavors:
                    if found['id'] == ident:
                        return Reply('flavor', {'flavor': found})
            case ('os-keypairs', name) if name in self.keypairs:
                return Reply('keypair', {'keypair': _keypair(name, self.keypairs[name])})
            case ('servers', 'detail'):
                return self._list(request)
            case ('os-availability-zone',):
                return Reply('zones', {'availabilityZoneInfo': self.zones})
            case ('limits',):
                return Reply('limits', {'limits': {'rate': [], 'absolute': self.limits}})
        return Reply('other', {'itemNotFound': {'code': 404, 'message': 'not found'}}, 404)

    def boot(
        self, name: str, user_id: str, addresses: tuple[str, ...], project_id: str
    ) -> str:
        """Make a server, as that user; its id."""
        server = {
            'id': str(uuid.uuid4()), 'name': name, 'user_id': user_id, 'tenant_id': project_id,
            'status': 'ACTIVE',
            'created': datetime.datetime.now(datetime.UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
            'addresses': {'net': [{'addr': address, 'version': 4} for address in addresses]},
        }
        self.servers.append(server)
        return str(server['id'])

    def _list(self, request: Request) -> Reply:
        asking = self._identity.of(request)
        if request.first('all_tenants') == '1' and not (asking and asking.is_service):
            document = {'forbidden': {'code': 403, 'message': 'not for you'}}
            return Reply('servers-403', document, 403)
        name, project = request.first('name') or '', request.first('project_id')
        found = [
            server for server in self.servers
            if re.search(name, server['name']) and project in (None, server['tenant_id'])
        ]
        return Reply('servers', {'servers': found})


def flavor(
    ident: str, name: str, memory: int, processors: int, disk: int
) -> dict[str, Any]:
    """A flavor; memory in MB, disk in GB."""
    return {
        'id': ident, 'name': name, 'ram': memory, 'vcpus': processors, 'disk': disk, 'swap': '',
        'OS-FLV-EXT-DATA:ephemeral': 0, 'OS-FLV-DISABLED:disabled': False, 'rxtx_factor': 1.0,
        'os-flavor-access:is_public': True, 'links': [],
    }


def zone(name: str, available: bool = True) -> dict[str, Any]:
    """An availability zone, of Nova or of Cinder."""
    return {'zoneName': name, 'zoneState': {'available': available}, 'hosts': None}


def _keypair(name: str, public_key: str) -> dict[str, Any]:
    return {
        'name': name, 'public_key': public_key, 'fingerprint': 'aa:bb', 'user_id': 'somebody',
        'id': 1, 'deleted': False, 'type': 'ssh', 'created_at': '2026-01-01T00:00:00',
    }
