"""The config drive of a machine."""

import json
import pathlib

from tools.nodes import seed
from tools.nodes.cloud import Link, Network, Server


def test_the_guest_is_told_its_port_and_gets_its_user_data(tmp_path: pathlib.Path) -> None:
    link = Link('port', 'id', 'net', 'subnet', 'fa:16:3e:00:00:01', '10.0.0.5', (), True)
    network = Network('net', 1450, '10.0.0.0/24', '10.0.0.1', ('192.0.2.53',))
    seed.write(tmp_path, Server('id', 'node-0', 'ACTIVE', ''), b'#!/bin/sh\n\xff', link, network)
    folder = tmp_path / 'var/lib/cloud/seed/config_drive/openstack/latest'
    assert (folder / 'user_data').read_bytes() == b'#!/bin/sh\n\xff'
    assert json.loads((folder / 'meta_data.json').read_text())['hostname'] == 'node-0.novalocal'
    told = json.loads((folder / 'network_data.json').read_text())
    assert told['links'][0]['ethernet_mac_address'] == 'fa:16:3e:00:00:01'
    assert told['networks'][0]['ip_address'] == '10.0.0.5'
    assert told['networks'][0]['netmask'] == '255.255.255.0'
    assert told['networks'][0]['routes'][0]['gateway'] == '10.0.0.1'
    assert told['services'] == [{'type': 'dns', 'address': '192.0.2.53'}]
