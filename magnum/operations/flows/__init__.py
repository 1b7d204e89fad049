"""Which steps an operation consists of: one module per verb.

``START`` runs up to the moment when Heat works by itself; ``FINISH`` runs
when the stack has moved, or the deadline has passed, as often as needed.
"""

from collections.abc import Callable
from typing import Final

from magnum.domain import states
from magnum.operations.flows import create, delete, update
from magnum.operations.work import Work

Step = Callable[[Work], None]

FLOWS: Final[dict[tuple[str, str], tuple[Step, ...]]] = {
    (states.CREATE, states.START): create.START,
    (states.CREATE, states.FINISH): create.FINISH,
    (states.UPDATE, states.START): update.START,
    (states.UPDATE, states.FINISH): update.FINISH,
    (states.DELETE, states.START): delete.START,
    (states.DELETE, states.FINISH): delete.FINISH,
}


def step_names(verb: str) -> list[str]:
    """Every step of an operation, in order, as users see them."""
    return [
        step.__name__
        for phase in (states.START, states.FINISH)
        for step in FLOWS[verb, phase]
    ]
