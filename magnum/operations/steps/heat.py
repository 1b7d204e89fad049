"""Heat as the steps use it: identities, stacks, completion."""

import contextlib
import datetime
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from magnum.clients.errors import CloudConflict, CloudForbidden
from magnum.clients.heat import HeatClient, Resource, Stack
from magnum.db.models import Operation
from magnum.domain.failures import Failure
from magnum.operations.outcomes import StepFailed, TryLater
from magnum.operations.work import Work

T = TypeVar('T')
C = TypeVar('C')

# Heat's actions.
CREATE, UPDATE, DELETE, ROLLBACK = 'CREATE', 'UPDATE', 'DELETE', 'ROLLBACK'
#: Those that users ask for, and that change no stack but its time stamp.
_NO_CHANGES: Final = frozenset({'CHECK', 'SUSPEND', 'RESUME', 'SNAPSHOT'})


def tag_of(bay_uuid: str) -> str:
    """The tag of a bay's stacks that says whose they are."""
    return f'magnum-bay-{bay_uuid}'


def own_heat(work: Work) -> HeatClient:
    """Heat with the bay's own identity, which alone creates and changes stacks.

    :raises StepFailed: the bay has no identity.
    """
    heat = work.heat_as_bay()
    if heat is None:
        raise StepFailed(Failure('identity_missing', 'The bay has no identity of its own.'))
    return heat


def as_anybody(work: Work, call: Callable[[HeatClient], T]) -> T:
    """Call Heat as the bay or, where that is refused, as the service."""
    return first_allowed(work.heat_identities(), call)


def first_allowed(identities: Iterable[C], call: Callable[[C], T]) -> T:
    """Call as the first of several identities that is not refused.

    :raises CloudForbidden: all of them are.
    """
    refused: CloudForbidden | None = None
    for client in identities:
        try:
            return call(client)
        except CloudForbidden as error:
            refused = error
    raise refused or CloudForbidden('identity', 'no identity is left to ask as')


@contextlib.contextmanager
def unless_busy() -> Iterator[None]:
    """Context of a request to change a stack.

    :raises TryLater: Heat works on it, and takes no other change meanwhile.
    """
    try:
        yield
    except CloudConflict as busy:
        # Perhaps with the same change, asked for by a worker that died since.
        raise TryLater(f'Heat works on the stack: {busy.reason}') from busy


def look(work: Work, stack_id: str, outputs: bool = False) -> Stack | None:
    """Get the stack as it is now; None if Heat has none."""
    return as_anybody(work, lambda heat: heat.get(stack_id, outputs))


def existing(work: Work, stack_id: str | None, outputs: bool = False) -> Stack:
    """Get a stack that must exist.

    :raises StepFailed: it is not.
    """
    if stack_id is None:
        raise StepFailed(Failure('stack_missing', 'There is no stack to change.'))
    stack = look(work, stack_id, outputs)
    if stack is None:
        raise StepFailed(
            Failure('stack_missing', f'Stack with id {stack_id} not found in Heat.')
        )
    return stack


def existing_resources(work: Work, stack_id: str) -> list[Resource]:
    """Resources of a stack, nested stacks included; none if it is gone."""
    return as_anybody(work, lambda heat: heat.existing_resources(stack_id))


def check_ours(stack: Stack, bay_uuid: str) -> None:
    """Check that the stack carries the bay's tag.

    :raises StepFailed: it lacks the bay's tag.
    """
    if tag_of(bay_uuid) not in stack.tags:
        raise StepFailed(
            Failure('stack_foreign', f"a stack {stack.name} exists that is not the bay's")
        )


def is_done(operation: Operation, stack: Stack) -> bool:
    """Whether Heat did, well or not, what the operation asked it for last."""
    changed = operation.stack_action != UPDATE or moved_since(stack, operation)
    return changed and not stack.is_busy


def was_asked(operation: Operation, stack: Stack) -> bool:
    """Whether Heat has been asked already for the change that was noted before."""
    return stack.is_busy or moved_since(stack, operation)


def need_not_be_asked(operation: Operation, stack: Stack) -> bool:
    """As ``was_asked``, for who would ask: what Heat has done already it does not do again."""
    return was_asked(operation, stack) and stack.action not in _NO_CHANGES


def moved_since(stack: Stack, operation: Operation) -> bool:
    """Whether the stack was changed since the operation noted its time stamp."""
    return (stack.updated_time or '') != (operation.stack_updated_before or '')


def minutes_left(work: Work, operation: Operation, now: datetime.datetime) -> int:
    """Heat's own timeout: a little before the operation's deadline."""
    margin = datetime.timedelta(seconds=work.tools.conf.cluster_heat.deadline_margin)
    left = operation.deadline - margin - now
    return max(1, int(left.total_seconds() // 60))
