"""Neutron: networks, subnets, and how much of the quota is used."""

import ipaddress
from typing import Any

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.world import World, matching, version


class Network:
    """Neutron's v2.0 API, as much as bays need of it.

    :ivar collections: ``networks`` and ``subnets``.
    :ivar quota: of any project, by resource.
    """

    def __init__(self, world: World):
        self._base = world.base
        self.collections: dict[str, list[dict[str, Any]]] = {'networks': [], 'subnets': []}
        self.quota: dict[str, dict[str, int]] = {}

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``network``."""
        rest = tuple(part.removesuffix('.json') for part in request.path[2:])
        match rest:
            case ():
                found = version('v2.0', f'{self._base}/network/v2.0/')
                return Reply('version', {'versions': [found]})
            case (collection,) if collection in self.collections:
                items = matching(self.collections[collection], request.query)
                return Reply(collection, {collection: items})
            case (collection, ident) if collection in self.collections:
                for item in self.collections[collection]:
                    if item['id'] == ident:
                        singular = collection.removesuffix('s')
                        return Reply(singular, {singular: item})
            case ('quotas', _, 'details'):
                return Reply('quota', {'quota': self.quota})
        return Reply('other', {'NeutronError': {'message': 'not found'}}, 404)


def network(ident: str, name: str, external: bool, *subnets: str) -> dict[str, Any]:
    """A network that everybody sees."""
    return {
        'id': ident, 'name': name, 'router:external': external, 'status': 'ACTIVE',
        'subnets': list(subnets), 'project_id': 'admin', 'shared': True,
    }


def subnet(
    ident: str, name: str, network_id: str, cidr: str = '10.20.0.0/24'
) -> dict[str, Any]:
    """A subnet."""
    return {
        'id': ident, 'name': name, 'network_id': network_id, 'cidr': cidr,
        'ip_version': ipaddress.ip_network(cidr).version,
    }
