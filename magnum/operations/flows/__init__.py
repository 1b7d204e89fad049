"""Which steps an operation consists of: one module per verb.

``START`` runs up to the moment when Heat works by itself; ``FINISH`` runs
when the stack has moved, or the deadline has passed, as often as needed. A
flow without ``FINISH`` is done at the end of its ``START``.

An operation in rounds (:mod:`magnum.domain.rounds`) goes through both
once for each node group. ``OPENING`` settles what the rounds are about,
``CLOSING`` follows the last of them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from magnum.domain import rounds, states
from magnum.operations.flows import (
    create,
    create_nodegroup,
    delete,
    delete_nodegroup,
    resize,
    rotate_ca,
    rotate_credential,
    upgrade,
)
from magnum.operations.work import Work

Step = Callable[[Work], None]
Steps = tuple[Step, ...]
Named = list[tuple[str, Step]]


@dataclasses.dataclass(frozen=True)
class Flow:
    """The steps of a verb."""

    start: Steps
    finish: Steps = ()
    opening: Steps = ()
    closing: Steps = ()
    #: What comes first when it is a failed operation that is tried again.
    again: Steps = ()

    @property
    def has_rounds(self) -> bool:
        """Whether it goes over node groups one by one."""
        return bool(self.opening)


FLOWS: Final[dict[str, Flow]] = {
    states.CREATE: Flow(create.START, create.FINISH, again=create.AGAIN),
    states.RESIZE: Flow(resize.START, resize.FINISH),
    states.CREATE_NODEGROUP: Flow(create_nodegroup.START, create_nodegroup.FINISH),
    states.DELETE_NODEGROUP: Flow(delete_nodegroup.START, delete_nodegroup.FINISH),
    states.UPGRADE: Flow(upgrade.START, upgrade.FINISH, upgrade.OPENING, upgrade.CLOSING),
    states.ROTATE_CREDENTIAL: Flow(rotate_credential.START),
    states.ROTATE_CA: Flow(rotate_ca.START),
    states.DELETE: Flow(delete.START, delete.FINISH),
}


def phase_steps(verb: str, phase: str, parameters: Mapping[str, Any]) -> Named:
    """The steps, by name, that a worker runs in a row."""
    flow = FLOWS[verb]
    ending = rounds.current_name(parameters)
    if phase == states.START:
        opening = _opening(flow, parameters)
        if flow.has_rounds and not rounds.has_begun(parameters):
            return opening
        return opening + _named(flow.start, ending)
    closing = _named(flow.closing) if rounds.is_last(parameters) else []
    return _named(flow.finish, ending) + closing


def step_names(verb: str, parameters: Mapping[str, Any]) -> list[str]:
    """Every step of an operation, in order, as users see them.

    Of one whose rounds are not settled yet, the steps of one round.
    """
    flow = FLOWS[verb]
    middle = [
        name
        for ending in rounds.names(parameters) or ['']
        for name, _ in _named(flow.start + flow.finish, ending)
    ]
    opening = [name for name, _ in _opening(flow, parameters)]
    return opening + middle + [name for name, _ in _named(flow.closing)]


def _opening(flow: Flow, parameters: Mapping[str, Any]) -> Named:
    again = flow.again if parameters.get('is_retry') else ()
    return _named(again + flow.opening)


def _named(steps: Steps, ending: str = '') -> Named:
    return [(f'{step.__name__}.{ending}' if ending else step.__name__, step) for step in steps]
