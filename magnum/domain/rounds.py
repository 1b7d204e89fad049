"""Operations that go over several node groups, one after the other.

Their parameters (:class:`~magnum.domain.parameters.InRounds`) list what each
round is about. Any other operation has no rounds.
"""

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from magnum.domain import states
from magnum.domain.parameters import (
    Described,
    InRounds,
    OfNodegroup,
    Parameters,
    Round,
    Upgrade,
)
from magnum.domain.stack_names import short_id

_LONGEST: Final = 40  # characters of a step's name after its dot


def has_begun(parameters: Parameters) -> bool:
    """Whether it is settled what the rounds are about."""
    return current(parameters) is not None


def current(parameters: Parameters) -> Round | None:
    """What the round that goes on is about; None without rounds."""
    if isinstance(parameters, InRounds) and parameters.groups:
        return parameters.current
    return None


def is_last(parameters: Parameters) -> bool:
    """Whether no round follows the one that goes on."""
    return not isinstance(parameters, InRounds) or parameters.round + 1 >= len(parameters.groups)


def has_more(parameters: Parameters) -> bool:
    """Whether the round that goes on has nodes for another batch."""
    this = current(parameters)
    return this is not None and bool(this.coming)


def names(parameters: Parameters) -> list[str]:
    """How the steps of each round end, in order."""
    return [_name(one) for one in parameters.groups] if isinstance(parameters, InRounds) else []


def current_name(parameters: Parameters) -> str:
    """How the names of the steps of this round end."""
    this = current(parameters)
    return '' if this is None else _name(this)


def nodegroup_uuid(parameters: Parameters) -> str | None:
    """The node group that the operation is about now; None: no single one."""
    this = current(parameters)
    if this is not None:
        return this.uuid
    return parameters.nodegroup if isinstance(parameters, OfNodegroup | Upgrade) else None


def nodegroup_uuids(parameters: Parameters) -> set[str | None]:
    """All node groups that the operation is about; None among them: no single one."""
    groups = parameters.groups if isinstance(parameters, InRounds) else ()
    return {nodegroup_uuid(parameters), *(this.uuid for this in groups)}


class _Ended(Described, Protocol):
    @property
    def state(self) -> str:
        """What has become of the operation."""


E = TypeVar('E', bound=_Ended)


def left(operations: Iterable[_Ended], nodegroup_uuid: str) -> tuple[str, ...]:
    """Indexes of the nodes that Heat was making in a node group when an operation ended.

    :param operations: in rounds, of the bay, newest first; what has not ended leaves nothing
        yet.
    """
    by = left_by(operations, nodegroup_uuid)
    this = None if by is None else current(InRounds.of(by))
    return () if this is None else made(this)


def left_by(operations: Iterable[E], nodegroup_uuid: str) -> E | None:
    """The operation that ended while Heat was making nodes of a node group.

    :param operations: as of ``left``.
    """
    for operation in operations:
        asked = InRounds.of(operation)
        this = current(asked)
        is_done = operation.state == states.SUCCEEDED
        if (
            operation.state in states.ENDED and not is_done and this is not None
            and this.uuid == nodegroup_uuid and this.is_asked and made(this)
        ):
            return operation
        done = asked.groups if is_done else asked.groups[: asked.round]
        if nodegroup_uuid in {one.uuid for one in done}:
            return None
    return None


def made(this: Round) -> tuple[str, ...]:
    """Indexes of the nodes of a round's batch that are there when it is done."""
    count = this.values.get('node_count')
    return tuple(
        index for index in this.batch or () if count is None or int(index) < count
    )


def _name(this: Round) -> str:
    """The node group's name, cut so that it stays its own in a step's name."""
    if len(this.name) <= _LONGEST:
        return this.name
    unique = short_id(this.uuid)
    return f'{this.name[: _LONGEST - len(unique) - 1]}-{unique}'
