"""The config drive: what a server's guest finds of Nova at its first boot."""

import ipaddress
import json
import pathlib
from typing import Final

from tools.nodes.cloud import Link, Network, Server

_ANY: Final = str(ipaddress.IPv4Address(0))
#: Where cloud-init finds a config drive that is a folder instead of a disk.
FOLDER: Final = pathlib.Path('var/lib/cloud/seed/config_drive/openstack/latest')


def write(
    root: pathlib.Path, server: Server, user_data: bytes, link: Link, network: Network
) -> None:
    """Write the files of the drive below the guest's root."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'user_data').write_bytes(user_data)
    (folder / 'meta_data.json').write_text(json.dumps(_metadata(server)))
    (folder / 'network_data.json').write_text(json.dumps(_network_data(link, network)))


def _metadata(server: Server) -> dict[str, object]:
    return {
        'uuid': server.id, 'name': server.name, 'hostname': f'{server.name}.novalocal',
        'availability_zone': 'nova', 'launch_index': 0, 'meta': {},
    }


def _network_data(link: Link, network: Network) -> dict[str, object]:
    resolvers = [{'type': 'dns', 'address': address} for address in network.resolvers]
    routes = []
    if network.gateway:
        routes.append({'network': _ANY, 'netmask': _ANY, 'gateway': network.gateway})
    return {
        'links': [{
            'id': 'tap0', 'vif_id': link.id, 'type': 'ovs', 'mtu': network.mtu,
            'ethernet_mac_address': link.mac,
        }],
        'networks': [{
            'id': 'network0', 'type': 'ipv4', 'link': 'tap0', 'network_id': network.id,
            'ip_address': link.address, 'netmask': str(ipaddress.ip_network(network.cidr).netmask),
            'routes': routes, 'services': resolvers,
        }],
        'services': resolvers,
    }
