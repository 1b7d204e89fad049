"""Neutron's networks of the machines, as bridges and routers in namespaces.

A network namespace per network is its router: a bridge with the gateway's
address, to which the machines' interfaces are plugged, and an interface outside
that has the floating addresses. The routers meet in one more namespace, the
external network, whose gateway is this machine: it reaches floating addresses,
and is answered. No machine opens a connection out of its network: what nodes
download comes by their own loopback, see ``forwarding.py``. All names begin with
``layout.PREFIX``.
"""

import contextlib
import ipaddress
import logging
import pathlib
import threading
from collections.abc import Iterable
from typing import Final

from tools.common.errors import ToolError
from tools.nodes import layout, programs
from tools.nodes.cloud import FloatingAddress, Link, Network
from tools.nodes.programs import run, run_in, write_in

LOG = logging.getLogger('nodes')

_BRIDGE: Final = 'br0'
_OUTSIDE: Final = 'ext0'
#: There is one bridge in a namespace. Without an address of its own it has the lowest of its
#: ports': the gateway's changed when a machine came or went, and others lost it for 45 s.
_BRIDGE_MAC: Final = '02:00:00:00:00:01'
_NO_IPV6: Final = {
    'ipv6/conf/all/disable_ipv6': '1', 'ipv6/conf/default/disable_ipv6': '1',
}
#: What is between machines and the bridge is the business of security.py alone.
_ROUTER: Final = {'ipv4/ip_forward': '1', **_NO_IPV6}
_BRIDGE_FILTER: Final = {'bridge/bridge-nf-call-iptables': '0'}
#: The rule of a router, with its chain, by which no machine gets out; refused at once,
#: so that whatever tries says so soon.
NO_WAY_OUT: Final = (
    'FORWARD', '-i', _BRIDGE, '-o', _OUTSIDE, '-m', 'conntrack', '--ctstate', 'NEW',
    '-j', 'REJECT', '--reject-with', 'icmp-admin-prohibited',
)
_EXTERNAL: Final = layout.namespace('o')
_HOST_LINK: Final = layout.namespace('h')


def of_router(network_id: str) -> str:
    """The namespace that is a network's router."""
    return layout.namespace('r', network_id)


def of_machine(server_id: str) -> str:
    """The namespace of a machine."""
    return layout.namespace('m', server_id)


class Networks:
    """The external network and the routers, made when the first machine needs them.

    :param external: the network of floating addresses.
    """

    def __init__(self, external: Network):
        self._external = external
        self._lock = threading.Lock()
        self._floating: dict[str, frozenset[FloatingAddress]] = {}

    def plug(self, link: Link, network: Network) -> str:
        """Make a machine's namespace, anew, with its interface ``eth0``; return its name."""
        name = of_machine(link.server)
        with self._lock:
            self._ensure_external()
            router = self._ensure_router(network)
            _remove_namespace(name)
            _add_namespace(name, _NO_IPV6)
            far = layout.namespace('v', link.id)
            mtu = str(network.mtu)
            with contextlib.suppress(ToolError):  # of a namespace that is not gone yet
                run_in(router, 'ip', 'link', 'del', far)
            run(
                'ip', 'link', 'add', far, 'netns', router, 'mtu', mtu, 'type', 'veth',
                'peer', 'name', 'eth0', 'netns', name, 'address', link.mac, 'mtu', mtu,
            )
            run_in(router, 'ip', 'link', 'set', far, 'up')
            self._switch(link)
        return name

    def switch(self, link: Link) -> None:
        """Connect a machine with its network, or cut it off, as its port says."""
        with self._lock:
            self._switch(link)

    def unplug(self, server_id: str) -> None:
        """Remove a machine's namespace, and its interface with it."""
        with self._lock:
            _remove_namespace(of_machine(server_id))

    def lead(self, network: Network, addresses: Iterable[FloatingAddress]) -> None:
        """Make these the floating addresses of a network's machines."""
        wanted = frozenset(addresses)
        with self._lock:
            had = self._floating.get(network.id)
            if had == wanted:
                return
            router = self._ensure_router(network)
            run_in(router, 'iptables-restore', '--wait', text=_translation(network, wanted))
            before = {floating.address for floating in had or ()}
            now = {floating.address for floating in wanted}
            for address in before - now:
                run_in(router, 'ip', 'address', 'del', f'{address}/32', 'dev', _OUTSIDE)
                self._route('del', address)
            for address in now - before:
                run_in(router, 'ip', 'address', 'add', f'{address}/32', 'dev', _OUTSIDE)
                self._route('add', address)
            self._floating[network.id] = wanted

    def remove(self, network_id: str) -> None:
        """Remove the router of a network that has no machine any more."""
        with self._lock:
            for floating in self._floating.pop(network_id, ()):
                self._route('del', floating.address)
            _remove_namespace(of_router(network_id))

    def _switch(self, link: Link) -> None:
        master = ('master', _BRIDGE) if link.is_up else ('nomaster',)
        far = layout.namespace('v', link.id)
        run_in(of_router(link.network), 'ip', 'link', 'set', far, *master)

    def _ensure_external(self) -> None:
        if _has_namespace(_EXTERNAL):
            return
        _add_namespace(_EXTERNAL, _NO_IPV6)
        _add_bridge(_EXTERNAL)
        run(
            'ip', 'link', 'add', _HOST_LINK, 'type', 'veth',
            'peer', 'name', 'host', 'netns', _EXTERNAL,
        )
        run_in(_EXTERNAL, 'ip', 'link', 'set', 'host', 'master', _BRIDGE, 'up')
        run('ip', 'address', 'add', f'{self._external.gateway}/32', 'dev', _HOST_LINK)
        run('ip', 'link', 'set', _HOST_LINK, 'up')

    def _ensure_router(self, network: Network) -> str:
        name = of_router(network.id)
        if _has_namespace(name):
            return name
        _add_namespace(name, _ROUTER)
        _add_bridge(name)
        run_in(name, 'iptables', '--wait', '-A', *NO_WAY_OUT)
        if network.gateway:
            gateway = f'{network.gateway}/{network.prefix_length}'
            run_in(name, 'ip', 'address', 'add', gateway, 'dev', _BRIDGE)
        port = layout.namespace('e', network.id)
        run(
            'ip', 'link', 'add', port, 'netns', _EXTERNAL, 'type', 'veth',
            'peer', 'name', _OUTSIDE, 'netns', name,
        )
        run_in(_EXTERNAL, 'ip', 'link', 'set', port, 'master', _BRIDGE, 'up')
        if network.outside:
            run_in(name, 'ip', 'address', 'add', f'{network.outside}/32', 'dev', _OUTSIDE)
        run_in(name, 'ip', 'link', 'set', _OUTSIDE, 'up')
        run_in(name, 'ip', 'route', 'add', self._external.cidr, 'dev', _OUTSIDE)
        return name

    def _route(self, verb: str, address: str) -> None:
        """The way of this machine to a floating address."""
        words = ['ip', 'route', verb, f'{address}/32', 'dev', _HOST_LINK]
        if verb == 'add':
            words += ['src', self._external.gateway]
        try:
            run(*words)
        except ToolError as error:
            LOG.error('%s cannot be reached from here: %s', address, error)


def add_to_router(network_id: str, address: str) -> None:
    """Give the router of a network one more address inside."""
    run_in(of_router(network_id), 'ip', 'address', 'replace', f'{address}/32', 'dev', _BRIDGE)


def remove_from_router(network_id: str, address: str) -> None:
    """Take an address from the router of a network, if both are there."""
    with contextlib.suppress(ToolError):
        run_in(of_router(network_id), 'ip', 'address', 'del', f'{address}/32', 'dev', _BRIDGE)


def remove_all() -> None:
    """Remove all namespaces and interfaces of this cloud's machines."""
    for path in pathlib.Path('/run/netns').glob(f'{layout.PREFIX}*'):
        _remove_namespace(path.name)
    if pathlib.Path('/sys/class/net', _HOST_LINK).exists():
        with contextlib.suppress(ToolError):
            run('ip', 'link', 'del', _HOST_LINK)


def _translation(network: Network, addresses: Iterable[FloatingAddress]) -> str:
    """The router's table ``nat``."""
    inside = f'-s {network.cidr}'
    ordered = sorted(addresses, key=lambda floating: ipaddress.ip_address(floating.address))
    lines = ['*nat']
    for floating in ordered:
        lines.append(
            f'-A PREROUTING -d {floating.address} -j DNAT --to-destination {floating.fixed}'
        )
    # A machine that asks for a floating address of its own network.
    lines.append(
        f'-A POSTROUTING {inside} -d {network.cidr} -m conntrack --ctstate DNAT -j MASQUERADE'
    )
    for floating in ordered:
        lines.append(
            f'-A POSTROUTING -s {floating.fixed} -o {_OUTSIDE} '
            f'-j SNAT --to-source {floating.address}'
        )
    if network.outside:
        lines.append(
            f'-A POSTROUTING {inside} -o {_OUTSIDE} -j SNAT --to-source {network.outside}'
        )
    return '\n'.join([*lines, 'COMMIT', ''])


def _has_namespace(name: str) -> bool:
    return pathlib.Path('/run/netns', name).exists()


def _add_namespace(name: str, parameters: dict[str, str]) -> None:
    run('ip', 'netns', 'add', name)
    run_in(name, 'ip', 'link', 'set', 'lo', 'up')
    write_in(name, parameters)


def _remove_namespace(name: str) -> None:
    if _has_namespace(name):
        run('ip', 'netns', 'del', name)


def _add_bridge(name: str) -> None:
    run_in(name, 'ip', 'link', 'add', _BRIDGE, 'address', _BRIDGE_MAC, 'type', 'bridge')
    run_in(name, 'ip', 'link', 'set', _BRIDGE, 'up')
    if programs.succeeds(
        'ip', 'netns', 'exec', name, 'test', '-e', '/proc/sys/net/bridge/bridge-nf-call-iptables'
    ):
        write_in(name, _BRIDGE_FILTER)
