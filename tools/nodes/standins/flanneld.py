#!/usr/bin/python3
"""A stand-in for flanneld with Kubernetes' subnet manager: backends vxlan and host-gw.

It takes the options, the kubeconfig and the rights of flanneld, and does by iproute2
and iptables what that does by netlink. It runs on nodes, by their own Python, as
``flanneld``; PyYAML is there, as cloud-init needs it.
"""

import argparse
import contextlib
import ipaddress
import json
import os
import pathlib
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

import yaml

INTERFACE = 'flannel.1'
VNI = 1
PORT = 8472
ANNOTATION = 'flannel.alpha.coreos.com/'
SUBNET_FILE = pathlib.Path('/run/flannel/subnet.env')
INTERVAL = 2.0  # seconds


class Api:
    """The Kubernetes API, as a kubeconfig says."""

    def __init__(self, kubeconfig: str):
        content = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster = content['clusters'][0]['cluster']
        user = content['users'][0]['user']
        self._server = cluster['server']
        self._tls = ssl.create_default_context(cafile=cluster['certificate-authority'])
        self._tls.load_cert_chain(user['client-certificate'], user['client-key'])

    def call(self, path: str, patch: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Get an object, or patch it."""
        request = urllib.request.Request(
            self._server + path, method='PATCH' if patch else 'GET',
            data=json.dumps(patch).encode() if patch else None,
            headers={'Content-Type': 'application/strategic-merge-patch+json'},
        )
        with urllib.request.urlopen(request, context=self._tls, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def run(*words: str) -> None:
    """Run a command; raise an error if it fails."""
    subprocess.run(words, check=True)


def succeeds(*words: str) -> bool:
    """Run a command; say how it ended."""
    return subprocess.run(words, capture_output=True).returncode == 0


def share(api: Api, name: str) -> ipaddress.IPv4Network:
    """This node's share of the pods' network; the controller manager gives it."""
    while True:
        given = api.call(f'/api/v1/nodes/{name}')['spec'].get('podCIDR')
        if given:
            return ipaddress.IPv4Network(given)
        time.sleep(INTERVAL)


def tunnel(address: str, subnet: ipaddress.IPv4Network) -> str:
    """Make the interface of vxlan; its MAC."""
    if not succeeds('ip', 'link', 'show', INTERFACE):
        run(
            'ip', 'link', 'add', INTERFACE, 'type', 'vxlan', 'id', str(VNI), 'local', address,
            'dstport', str(PORT), 'nolearning',
        )
    run('ip', 'address', 'replace', f'{subnet.network_address}/32', 'dev', INTERFACE)
    run('ip', 'link', 'set', INTERFACE, 'up')
    return pathlib.Path(f'/sys/class/net/{INTERFACE}/address').read_text().strip()


def masquerade(network: str) -> None:
    """Pods leave the network of pods by the node's address."""
    for table, *rule in (
        ('nat', 'POSTROUTING', '-s', network, '!', '-d', network, '-j', 'MASQUERADE'),
        ('filter', 'FORWARD', '-s', network, '-j', 'ACCEPT'),
        ('filter', 'FORWARD', '-d', network, '-j', 'ACCEPT'),
    ):
        if not succeeds('iptables', '-w', '-t', table, '-C', *rule):
            run('iptables', '-w', '-t', table, '-A', *rule)


def reach(node: Mapping[str, Any], backend: str) -> None:
    """A route to another node's pods, once that node has said where it is."""
    annotations = node['metadata'].get('annotations', {})
    address = annotations.get(f'{ANNOTATION}public-ip')
    subnet = node['spec'].get('podCIDR')
    if not address or not subnet:
        return
    if backend == 'host-gw':
        run('ip', 'route', 'replace', subnet, 'via', address)
        return
    mac = json.loads(annotations[f'{ANNOTATION}backend-data'])['VtepMAC']
    gateway = subnet.partition('/')[0]
    run('bridge', 'fdb', 'replace', mac, 'dev', INTERFACE, 'dst', address)
    run('ip', 'neighbour', 'replace', gateway, 'lladdr', mac, 'dev', INTERFACE)
    run('ip', 'route', 'replace', subnet, 'via', gateway, 'dev', INTERFACE, 'onlink')


def main() -> None:
    """Join the network of pods, and follow the nodes that come."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--kube-subnet-mgr', action='store_true', required=True)
    parser.add_argument('--kubeconfig-file', required=True)
    parser.add_argument('--net-config-path', required=True)
    parser.add_argument('--iface', required=True)
    parser.add_argument('--ip-masq', action='store_true')
    options = parser.parse_args()
    config = json.loads(pathlib.Path(options.net_config_path).read_text())
    backend = config['Backend']['Type']
    name = os.environ['NODE_NAME']
    api = Api(options.kubeconfig_file)

    subnet = share(api, name)
    mac = tunnel(options.iface, subnet) if backend == 'vxlan' else ''
    api.call(f'/api/v1/nodes/{name}/status', {'metadata': {'annotations': {
        f'{ANNOTATION}public-ip': options.iface,
        f'{ANNOTATION}backend-type': backend,
        f'{ANNOTATION}backend-data': json.dumps({'VNI': VNI, 'VtepMAC': mac}),
        f'{ANNOTATION}kube-subnet-manager': 'true',
    }}})
    if options.ip_masq:
        masquerade(config['Network'])
    SUBNET_FILE.parent.mkdir(parents=True, exist_ok=True)
    SUBNET_FILE.write_text(
        f'FLANNEL_NETWORK={config["Network"]}\n'
        f'FLANNEL_SUBNET={subnet[1]}/{subnet.prefixlen}\n'
        # 50 bytes are the headers of vxlan.
        f'FLANNEL_MTU={_mtu(options.iface) - (50 if backend == "vxlan" else 0)}\n'
        f'FLANNEL_IPMASQ={str(options.ip_masq).lower()}\n'
    )
    print(f'stand-in for flanneld: {subnet} by {backend}', flush=True)
    while True:
        # The API may be away, and a node may go between two looks.
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            for node in api.call('/api/v1/nodes')['items']:
                if node['metadata']['name'] != name:
                    reach(node, backend)
        time.sleep(INTERVAL)


def _mtu(address: str) -> int:
    """That of the interface with the address."""
    shown = subprocess.run(
        ['ip', '-json', 'address', 'show', 'to', address], check=True, capture_output=True
    ).stdout
    found: int = next(one for one in json.loads(shown) if one)['mtu']
    return found


if __name__ == '__main__':
    main()
