"""The network of pods: what depends on the bay's network driver.

flannel is a program of every node. The others are add-ons (``addons.yaml``), which a
master installs before any node is ready.
"""

import ipaddress
import itertools
from collections.abc import Mapping
from typing import Final

from magnum.drivers import checks
from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused

FLANNEL: Final = 'flannel'
CALICO: Final = 'calico'
CILIUM: Final = 'cilium'
#: The first is the default.
DRIVERS: Final = (FLANNEL, CALICO, CILIUM)

SERVICES: Final = 'service_cluster_ip_range'
NODES: Final = 'fixed_subnet_cidr'
#: The label that has the addresses of pods. Nodes know it by the same rule.
PODS: Final[Mapping[str, str]] = {
    FLANNEL: 'flannel_network_cidr',
    CALICO: 'calico_ipv4pool',
    CILIUM: 'cilium_ipv4pool',
}
#: Bits of the prefix of one node's share, where no label has them. Of Calico it is the
#: size of its blocks, of which a node takes as many as it needs.
_SHARES: Final[Mapping[str, str]] = {CALICO: '26', CILIUM: '24'}
_SHARE: Final = 'flannel_network_subnetlen'

_BACKEND, _VXLAN = 'flannel_backend', 'vxlan'

#: By so many bits a share may be longer than the whole.
_MOST_BITS: Final = 16

#: How Calico calls what the label ``calico_ipv4pool_ipip`` says.
ENCAPSULATIONS: Final[Mapping[str, str]] = {
    'Always': 'IPIP', 'CrossSubnet': 'IPIPCrossSubnet', 'Never': 'None', 'Off': 'None',
}


def flannel_backend(plan: BayPlan) -> str:
    """How flannel brings packets from node to node; of no matter in other networks.

    :param plan: labels are complete.
    """
    return plan.labels[_BACKEND] if plan.network_driver == FLANNEL else _VXLAN


def pods(plan: BayPlan) -> str:
    """The addresses of pods.

    :param plan: with resolved labels, as everywhere here.
    """
    return plan.labels[PODS[plan.network_driver]]


def share(plan: BayPlan) -> str:
    """Bits of the prefix of one node's share of those."""
    return _SHARES.get(plan.network_driver) or plan.labels[_SHARE]


def controller_options(plan: BayPlan) -> str:
    """Options of the controller manager: Calico gives nodes their shares by itself."""
    return '--allocate-node-cidrs=false ' if plan.network_driver == CALICO else ''


def check(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Ranges of pods, services and nodes that do not overlap.

    :raises PlanRefused: naming the label at fault.
    """
    of_pods = PODS[plan.network_driver]
    ranges = {}
    for label in (NODES, of_pods, SERVICES):
        text = plan.labels[label]
        try:
            ranges[label] = ipaddress.ip_network(text)
        except ValueError:
            raise PlanRefused(f'labels/{label}', f'{text!r} is no network address.') from None
    # Addresses of the API and of the DNS server are the first and the tenth.
    if ranges[SERVICES].prefixlen > 28:
        raise PlanRefused(f'labels/{SERVICES}', 'A network of at least 16 addresses is needed.')
    bits = share(plan)
    if int(bits) <= ranges[of_pods].prefixlen:
        label = of_pods if plan.network_driver in _SHARES else _SHARE
        raise PlanRefused(
            f'labels/{label}',
            f'Nodes cannot have shares of {ranges[of_pods]} with prefixes of {bits} bits.',
        )
    if plan.network_driver != CALICO:
        _check_shares(plan, ranges[of_pods].prefixlen, int(bits))
    del ranges[NODES]
    cidr = checks.cidr_of_nodes(plan)
    # Where it is not known, the first node looks.
    if cidr is not None:
        own = 'fixed_subnet' if plan.fixed_network else NODES
        ranges = {own: ipaddress.ip_network(cidr), **ranges}
    for (one, first), (other, second) in itertools.combinations(ranges.items(), 2):
        if first.overlaps(second):
            raise PlanRefused(
                f'labels/{other}', f'{second} overlaps with {first}, the {one} of this bay.'
            )


def _check_shares(plan: BayPlan, prefix: int, bits: int) -> None:
    """Check that there is a share of the addresses of pods for every node."""
    label = f'labels/{PODS[plan.network_driver]}'
    if bits - prefix > _MOST_BITS:
        raise PlanRefused(
            label,
            f'The controller manager divides a network into shares of at most {_MOST_BITS} bits '
            f'more: a prefix of {bits - _MOST_BITS} bits or more is needed.',
        )
    nodes, shares = plan.masters.node_count + plan.workers.node_count, 2 ** (bits - prefix)
    if nodes > shares:
        raise PlanRefused(label, f'There are shares for {shares} nodes, and {nodes} nodes.')
