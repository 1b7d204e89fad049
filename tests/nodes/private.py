"""Bays without a way out: in a user's own network, without floating addresses.

What nodes need from outside is at a host that no name server knows: they reach it through
an HTTP proxy or not at all.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, Final

from tests.fakes.listening import listening
from tests.functional.people import Person
from tests.nodes.bays import Bay
from tests.nodes.proxy import Proxy
from tools.common import network
from tools.nodes.network import of_router

#: The host that the proxy alone knows.
HOST: Final = 'downloads.example'
CIDR: Final = '10.77.0.0/24'


@dataclasses.dataclass(frozen=True)
class Place:
    """A network of a user's own, and the proxy of its nodes.

    :ivar baymodel: what has bays there.
    """

    network: str
    proxy: Proxy
    baymodel: dict[str, Any]

    @property
    def inside(self) -> tuple[str, ...]:
        """What is put before a command to run it in the network."""
        return 'ip', 'netns', 'exec', of_router(self.network)


def has_no_other_address(bay: Bay) -> bool:
    """Whether a bay's addresses are those of its machines in the network."""
    document = bay.document()
    inside = {each.facts.address for each in bay.machines()}
    return {*document['node_addresses'], *document['master_addresses']} == inside


@contextlib.contextmanager
def place(person: Person, downloads: str) -> Iterator[Place]:
    """Make a network and a proxy; both are removed in the end.

    :param downloads: where the host is, as ``address:port``.
    """
    neutron = person.service('network')
    made = neutron.post('/v2.0/networks', json={'network': {'name': 'team'}}).json()['network']
    subnet = neutron.post('/v2.0/subnets', json={'subnet': {
        'name': 'team-nodes', 'network_id': made['id'], 'ip_version': 4, 'cidr': CIDR,
    }}).json()['subnet']
    port = network.find_free()
    proxy = Proxy((network.IP, port), {HOST: downloads})
    with listening(proxy):
        yield Place(made['id'], proxy, {
            'fixed_network': made['id'], 'fixed_subnet': subnet['id'],
            'floating_ip_enabled': False,
            'http_proxy': f'http://{network.IP}:{port}',
            'https_proxy': f'http://{network.IP}:{port}',
        })
    # Neutron refuses while a port is left.
    neutron.delete(f'/v2.0/networks/{made["id"]}')
