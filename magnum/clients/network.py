"""Neutron, as the caller: networks and subnets by name or id."""

import dataclasses
from typing import Any, Final

from magnum.clients.callers import CallerCloud

SERVICE: Final = 'network'


@dataclasses.dataclass(frozen=True)
class Network:
    """A network or a subnet.

    :ivar network_id: its own id, or its network's.
    :ivar ip_version: of a subnet: 4 or 6.
    :ivar cidr: of a subnet.
    """

    id: str
    network_id: str
    ip_version: int | None = None
    cidr: str = ''


def networks(cloud: CallerCloud, ident: str, external: bool) -> tuple[Network, ...]:
    """The networks of an id, or else of a name.

    :param external: look among those of ``router:external`` only.
    :raises CloudError: Neutron refused, or did not answer.
    """
    condition = {'router:external': True} if external else {}
    return tuple(
        Network(item['id'], item['id']) for item in _found(cloud, 'networks', ident, condition)
    )


def subnets(cloud: CallerCloud, ident: str) -> tuple[Network, ...]:
    """The subnets of an id, or else of a name.

    :raises CloudError: Neutron refused, or did not answer.
    """
    return tuple(map(_subnet, _found(cloud, 'subnets', ident, {})))


def subnets_of(cloud: CallerCloud, network_id: str) -> tuple[Network, ...]:
    """The subnets of a network.

    :raises CloudError: Neutron refused, or did not answer.
    """
    found = cloud.get(SERVICE, 'list_subnets', '/subnets', network_id=network_id)['subnets']
    return tuple(map(_subnet, found))


def _subnet(item: dict[str, Any]) -> Network:
    return Network(item['id'], item['network_id'], item['ip_version'], item['cidr'])


def _found(
    cloud: CallerCloud, collection: str, ident: str, condition: dict[str, Any]
) -> list[dict[str, Any]]:
    for attribute in ('id', 'name'):
        query = {attribute: ident, **condition}
        found: list[dict[str, Any]] = cloud.get(
            SERVICE, f'list_{collection}', f'/{collection}', **query
        )[collection]
        if found:
            return found
    return []
