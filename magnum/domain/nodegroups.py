"""Rules of node groups that need no I/O."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from magnum.domain.uuids import is_uuid

#: Roles of the nodes that every bay has; further groups of workers have roles of their own.
MASTER: Final = 'master'
WORKER: Final = 'worker'

#: Roles of the groups that the cluster autoscaler looks after, where they have an upper bound.
AUTOSCALED: Final = (WORKER, 'autoscaling')

#: Names of the two node groups that every bay has.
DEFAULT_MASTER: Final = 'default-master'
DEFAULT_WORKER: Final = 'default-worker'

#: Attributes that bound the number of a group's nodes.
LOWEST: Final = 'min_node_count'
HIGHEST: Final = 'max_node_count'

EFFECTS: Final = ('NoSchedule', 'PreferNoSchedule', 'NoExecute')

#: How the ids begin by which Kubernetes knows servers of OpenStack.
_PROVIDER: Final = 'openstack:///'

# A kubelet may not set any other label of these domains on itself.
_RESERVED_DOMAINS: Final = ('kubernetes.io', 'k8s.io')
_KUBELET_PREFIXES: Final = frozenset({'kubelet.kubernetes.io', 'node.kubernetes.io'})
_KUBELET_KEYS: Final = frozenset(
    f'{prefix}/{name}'
    for prefix, names in {
        'beta.kubernetes.io': ('arch', 'instance-type', 'os'),
        'failure-domain.beta.kubernetes.io': ('region', 'zone'),
        'kubernetes.io': ('arch', 'hostname', 'os'),
        'node.kubernetes.io': ('instance-type', 'windows-build'),
        'topology.kubernetes.io': ('region', 'zone'),
    }.items()
    for name in names
)


def kind_of(role: str) -> str:
    """MASTER or WORKER: groups beside the default ones have roles of their own."""
    return MASTER if role == MASTER else WORKER


class Invalid(Exception):
    """A node group's values do not fit together; ``field`` is the one at fault."""

    def __init__(self, field: str, reason: str):
        super().__init__(reason)
        self.field = field


def check_bounds(lowest: int, highest: int | None) -> None:
    """Check that the minimum is not above the maximum.

    :raises Invalid: naming the upper one.
    """
    if highest is not None and highest < lowest:
        raise Invalid(HIGHEST, f'{HIGHEST} {highest} is less than {LOWEST} {lowest}.')


def check_range(node_count: int, lowest: int, highest: int | None) -> None:
    """Check that the count of a new group lies between its bounds.

    :raises Invalid: naming the bound.
    """
    check_bounds(lowest, highest)
    bound = broken_bound(node_count, lowest, highest)
    if bound == LOWEST:
        raise Invalid(bound, f'{bound} {lowest} is more than node_count {node_count}.')
    if bound == HIGHEST:
        raise Invalid(bound, f'{bound} {highest} is less than node_count {node_count}.')


def broken_bound(node_count: int, lowest: int, highest: int | None) -> str | None:
    """Which bound of a group a count of nodes breaks: LOWEST, HIGHEST or none."""
    if node_count < lowest:
        return LOWEST
    return HIGHEST if highest is not None and node_count > highest else None


@dataclasses.dataclass(frozen=True)
class Named:
    """Nodes of a group by index, with the ids of their servers, and what names none."""

    nodes: Mapping[str, str]
    unknown: Sequence[str]


def named(names: Iterable[str], members: Mapping[str, str]) -> Named:
    """Which nodes of a group are named, by their index or by the id of their server.

    Kubernetes has the id behind the name of the provider.

    :param members: ids of the group's servers by index.
    """
    # In place of a server that was not made Heat has some other text.
    by_server = {
        server.lower(): index for index, server in members.items()
        if is_uuid(server)
    }
    nodes, unknown = {}, []
    for name in names:
        index = name if name in members else by_server.get(name.lower().removeprefix(_PROVIDER))
        if index is None:
            unknown.append(name)
        else:
            nodes[index] = members[index]
    return Named(nodes, unknown)


def check_scheduling(
    role: str, node_labels: Mapping[str, str], node_taints: Sequence[Mapping[str, str]]
) -> None:
    """Check that a kubelet may give its own node these labels and taints.

    :raises Invalid: naming the field.
    """
    for field, value in (('node_labels', node_labels), ('node_taints', node_taints)):
        if role == MASTER and value:
            raise Invalid(field, f'{field} of a master node group cannot be set.')
    for key in node_labels:
        if not may_label(key):
            raise Invalid('node_labels', f'The label {key} is for Kubernetes itself to set.')


def may_label(key: str) -> bool:
    """Whether a kubelet may set a label on its own node."""
    prefix, slash, _ = key.rpartition('/')
    reserved = slash and any(
        prefix == domain or prefix.endswith(f'.{domain}') for domain in _RESERVED_DOMAINS
    )
    return not reserved or prefix in _KUBELET_PREFIXES or key in _KUBELET_KEYS
