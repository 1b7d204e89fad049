"""Which operations of a bay may go on side by side, and which waits for which.

What changes one node group takes that group alone; anything else takes the whole
bay. The default node groups share the bay's own stack: one change of it at a time,
and a new node group, which is made with the outputs of that stack, not beside one.
"""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from magnum.domain import rounds, states
from magnum.domain.parameters import Described, Parameters

#: What is about one node group. Not an upgrade, even of one group: it may change the
#: masters and what the bay is made of.
CHANGES_OF_GROUPS: Final = frozenset(
    {states.RESIZE, states.CREATE_NODEGROUP, states.DELETE_NODEGROUP}
)


class Operation(Described, Protocol):
    """An operation, or a row with these columns."""

    @property
    def bay_uuid(self) -> str:
        """The bay."""

    @property
    def active_for(self) -> str | None:
        """What it has taken; None while it waits."""


T = TypeVar('T', bound=Operation)


@dataclasses.dataclass(frozen=True)
class Part:
    """The part of its bay that an operation takes.

    :ivar nodegroup: uuid of the node group; None: all of the bay.
    :ivar changes_stack: it changes the bay's own stack.
    :ivar reads_stack: it reads the outputs of that stack.
    """

    nodegroup: str | None = None
    changes_stack: bool = False
    reads_stack: bool = False

    def excludes(self, other: 'Part') -> bool:
        """Whether not both may be taken at once."""
        if self.nodegroup is None or other.nodegroup is None:
            return True
        return (
            self.nodegroup == other.nodegroup
            or (self.changes_stack and (other.changes_stack or other.reads_stack))
            or (other.changes_stack and self.reads_stack)
        )


def nodegroup_of(operation: Described) -> str | None:
    """The node group that an operation changes; None for one that is about the bay."""
    return part_of(Parameters.of(operation)).nodegroup


def part_of(asked: Parameters, defaults: Collection[str] = ()) -> Part:
    """What an operation with these parameters takes.

    :param defaults: uuids of the bay's default node groups.
    """
    if asked.verb not in CHANGES_OF_GROUPS:
        return Part()
    group = rounds.nodegroup_uuid(asked)
    return Part(group, group in defaults, asked.verb == states.CREATE_NODEGROUP)


def part_taken(operation: Operation, defaults: Collection[str]) -> Part:
    """What an operation that is active has taken, or one that waits is going to take.

    One that a conductor of an earlier release began has taken all of the bay.
    """
    if operation.active_for == operation.bay_uuid:
        return Part()
    return part_of(Parameters.of(operation), defaults)


def key(bay_uuid: str, part: Part, at_once: int) -> str:
    """What is unique to the operations that are active.

    :param at_once: how many may go on side by side; 1: each takes the whole bay, as
        earlier releases know it.
    """
    return bay_uuid if part.nodegroup is None or at_once == 1 else part.nodegroup


def before(
    wanted: Part, active: Sequence[T], waiting: Iterable[T], defaults: Collection[str],
    at_once: int,
) -> list[T]:
    """What an operation waits for: none of it may go on beside it.

    What waits before it is never overtaken by what it excludes. Where all that may go
    on side by side does, it waits for any of them.

    :param wanted: what it takes.
    :param waiting: what was accepted before it.
    """
    in_the_way = [
        other for other in (*active, *waiting)
        if part_taken(other, defaults).excludes(wanted)
    ]
    if not in_the_way and len(active) >= at_once:
        return [*active]
    return in_the_way
