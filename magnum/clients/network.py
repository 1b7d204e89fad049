"""Neutron, as the caller: networks and subnets by name or id."""

import dataclasses
from typing import Any, Final

from magnum.clients.callers import asking

SERVICE: Final = 'network'


@dataclasses.dataclass(frozen=True)
class Network:
    """A network or a subnet; ``network_id`` is its own id, or its network's."""

    id: str
    network_id: str


def networks(cloud: Any, ident: str, external: bool) -> tuple[Network, ...]:
    """The networks of an id, or else of a name.

    :param external: look among those of ``router:external`` only.
    :raises CloudError: Neutron refused, or did not answer.
    """
    condition = {'is_router_external': True} if external else {}
    with asking(SERVICE, 'list_networks'):
        by_id = cloud.network.networks(id=ident, **condition)
        found = tuple(Network(item.id, item.id) for item in by_id)
        if found:
            return found
        by_name = cloud.network.networks(name=ident, **condition)
        return tuple(Network(item.id, item.id) for item in by_name)


def subnets(cloud: Any, ident: str) -> tuple[Network, ...]:
    """The subnets of an id, or else of a name.

    :raises CloudError: Neutron refused, or did not answer.
    """
    with asking(SERVICE, 'list_subnets'):
        found = tuple(
            Network(item.id, item.network_id) for item in cloud.network.subnets(id=ident)
        )
        if found:
            return found
        return tuple(
            Network(item.id, item.network_id) for item in cloud.network.subnets(name=ident)
        )
