"""Errors of node groups."""

from typing import Final

from magnum.api.errors.kinds import Kind

NOT_FOUND: Final = Kind(
    'magnum.nodegroup.not_found', 404,
    'The bay has no node group of this name or uuid.',
    "List the bay's node groups.",
)
EXISTS: Final = Kind(
    'magnum.nodegroup.exists', 409,
    'The bay has a node group of this name.',
    'Choose another name.',
)
NOT_CREATED: Final = Kind(
    'magnum.nodegroup.not_created', 409,
    'The creation of the node group failed or was cancelled before Heat was asked: it has no '
    'nodes.',
    'Retry the operation that was to create it, or delete the node group.',
)
INVALID: Final = Kind(
    'magnum.nodegroup.invalid', 409,
    'The node group contradicts itself: in its counts, labels or taints.',
    'Change the field that the detail begins with.',
)
OUT_OF_RANGE: Final = Kind(
    'magnum.nodegroup.out_of_range', 400,
    'The number of nodes is outside of what the node group allows.',
    'Stay within "min_node_count" and "max_node_count", or change these first.',
)
NOT_AUTOSCALED: Final = Kind(
    'magnum.nodegroup.not_autoscaled', 403,
    'The credential that the masters of the bay have asked for another number of nodes of a '
    'node group that the autoscaler may not change.',
    'Give the node group of workers a "max_node_count", or resize it as a user.',
)
ZERO_NODES: Final = Kind(
    'magnum.nodegroup.zero_nodes', 400,
    'A bay or a node group without nodes was asked for, at a microversion that has none such.',
    'Ask for microversion 1.10 or later, or for one node at least.',
)
NODE_UNKNOWN: Final = Kind(
    'magnum.nodegroup.node_unknown', 400,
    'A node to remove is not of the node group.',
    'Name servers of the group by their id, or nodes by their index in the group.',
)
IS_DEFAULT: Final = Kind(
    'magnum.nodegroup.is_default', 400,
    'The two node groups that a bay begins with stay as long as the bay does.',
    'Resize the default worker group, or delete the bay.',
)
OF_MASTERS: Final = Kind(
    'magnum.nodegroup.of_masters', 400,
    'This cannot be done to the node group of masters of this bay.',
    'Follow the detail, or name a node group of workers.',
)
