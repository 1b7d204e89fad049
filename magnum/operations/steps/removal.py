"""Which nodes a resize removes: those that were named, before any other.

Heat removes the nodes that it is told to. Where the count asks for fewer than
are left, it goes on with the highest indexes. What is no node of the group it
passes over, and a node that nobody named goes instead: so it is told indexes
of the group's nodes and nothing else.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import orm

from magnum.clients.heat import Stack
from magnum.db.models import Operation
from magnum.db.repositories import locking
from magnum.domain import nodegroups, states
from magnum.domain.failures import Failure
from magnum.domain.parameters import Resize
from magnum.operations.outcomes import StepFailed
from magnum.operations.steps import nodes
from magnum.operations.work import Situation, Work

_SHOWN: Final = 5  # names in a reason


@dataclasses.dataclass(frozen=True)
class Removal:
    """What Heat is told to remove, and what is to be kept of it."""

    names: tuple[str, ...]
    taken: Mapping[str, str]


def removal(work: Work, situation: Situation, stack: Stack, lost: tuple[str, ...]) -> Removal:
    """The nodes to remove: those named, and those that did not come up.

    Where the count takes more than these away, nodes follow that earlier
    resizes named and did not come to remove.

    :param lost: indexes of workers that did not come up.
    :raises StepFailed: something names no node of the group, or Heat cannot
        tell which nodes it has.
    """
    operation, group = situation.operation, situation.nodegroup
    asked = Resize.of(operation)
    names = asked.nodes_to_remove
    output = work.driver(situation).workers_output
    if output is None:
        return Removal(names + lost, {})
    with work.tools.database.reading() as session:
        earlier = _failed_before(session, operation)
    if not names and not any(one.nodes_to_remove for one in earlier):
        return Removal(lost, {})    # none is preferred: Heat need not be asked
    members = nodes.members_of(work, situation, stack)
    if members is None:
        if names:
            raise StepFailed(Failure(
                'stack_failed',
                f'The stack does not say which nodes the node group {group.name} has '
                f'(output {output}). Nothing was removed.',
            ))
        return Removal(lost, {})
    found = nodegroups.named(names, {**asked.taken, **members})
    if found.unknown:
        raise StepFailed(Failure(
            'node_unknown',
            f'nodes_to_remove: not of the node group {group.name}: '
            f'{", ".join(found.unknown[:_SHOWN])}. Nothing was removed.',
        ))
    going = dict.fromkeys((*found.nodes, *lost))
    surplus = len(members.keys() - going) - group.node_count
    if surplus > 0:
        left = [index for index in _left(earlier, members) if index not in going]
        going |= dict.fromkeys(left[:surplus])
    return Removal(tuple(going), found.nodes)


def _left(earlier: Iterable[Resize], members: Mapping[str, str]) -> Iterable[str]:
    """Nodes that are there yet, of those that earlier resizes named."""
    left: dict[str, None] = {}
    for asked in earlier:
        found = nodegroups.named(asked.nodes_to_remove, {**asked.taken, **members})
        # An upgrade puts other nodes into the same places.
        left |= dict.fromkeys(
            index for index in found.nodes
            if index in members and asked.taken.get(index, members[index]) == members[index]
        )
    return left


def _failed_before(session: orm.Session, operation: Operation) -> list[Resize]:
    """What the group's resizes asked for that failed since one succeeded, newest first.

    Who cancels a resize does not want it any more.
    """
    failed: list[Resize] = []
    nodegroup = Resize.of(operation).nodegroup
    for earlier in locking.earlier_operations(session, operation, states.RESIZE):
        asked = Resize.of(earlier)
        if asked.nodegroup != nodegroup:
            continue
        if earlier.state == states.SUCCEEDED:
            break
        if earlier.state == states.OPERATION_FAILED:
            failed.append(asked)
    return failed
