"""The nodes that an operation builds, for which its bootstrap tokens are."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from magnum.db.models import Bay, Nodegroup, Operation
from magnum.domain import rounds, states
from magnum.domain.nodegroups import kind_of
from magnum.domain.parameters import CreateNodegroup, Described, Parameters
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import Driver
from magnum.drivers.plans import nodegroup_plan

#: Operations that build nodes in one node group.
_OF_ONE_GROUP = frozenset(
    {states.RESIZE, states.RESIZE_MASTERS, states.CREATE_NODEGROUP, states.UPGRADE}
)

_AS_STORED: Final[Mapping[str, int]] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class NodesBuilt:
    """Nodes of one group.

    :ivar role: MASTER or WORKER.
    :ivar stack_name: of the stack that they are in.
    :ivar count: their indexes are below it; None: Heat chooses them.
    """

    role: str
    stack_name: str
    count: int | None = None

    def include(self, driver: Driver, name: str) -> bool:
        """Whether a server of this name is one of them."""
        index = driver.node_index(self.role, self.stack_name, name)
        return index is not None and (self.count is None or index < self.count)


def nodes_built(
    operation: Operation,
    bay: Bay,
    nodegroups: Sequence[Nodegroup],
    counts: Mapping[str, int] = _AS_STORED,
) -> tuple[NodesBuilt, ...]:
    """The nodes that an operation may build, a group each.

    :param nodegroups: those of the bay.
    :param counts: of nodes, by the uuid of a group whose row has the count of what waits.
    """
    if operation.verb == states.CREATE:
        return tuple(
            NodesBuilt(
                group.role, stack_of(bay, group), counts.get(group.uuid, group.node_count)
            )
            for group in nodegroups if group.is_default
        )
    concerned = rounds.nodegroup_uuid(Parameters.of(operation))
    if operation.verb not in _OF_ONE_GROUP:
        return ()
    return tuple(
        NodesBuilt(kind_of(group.role), stack_of(bay, group))
        for group in nodegroups if group.uuid == concerned
    )


def group_of(
    driver: Driver, bay: Bay, nodegroups: Sequence[Nodegroup], role: str, name: str
) -> Nodegroup | None:
    """The node group that a server of this role and name is in; None: no node of the bay is.

    :param nodegroups: those of the bay.
    """
    for group in nodegroups:
        of_group = stack_of(bay, group)
        if kind_of(group.role) == role and driver.node_index(role, of_group, name) is not None:
            return group
    return None


def is_made(group: Nodegroup) -> bool:
    """Whether Heat was asked for a node group: the default ones are in the bay's own stack."""
    return group.is_default or group.stack_id is not None


def with_nodes(
    groups: Iterable[Nodegroup], unfinished: Iterable[Described]
) -> list[Nodegroup]:
    """Those node groups that are made, or will be when it is the turn of what comes after.

    :param unfinished: what goes on at the bay, and what waits there.
    """
    asked = [Parameters.of(operation) for operation in unfinished]
    to_come = {one.nodegroup for one in asked if isinstance(one, CreateNodegroup)}
    return [group for group in groups if is_made(group) or group.uuid in to_come]


def stack_of(bay: Bay, group: Nodegroup) -> str:
    """The name of the stack that a node group is in."""
    return nodegroup_plan(bay, group).stack_name or stack_name(bay.name, bay.uuid)
