"""Watcher of stacks: batches, asked for with the service's token.

Only operations that wait are looked at, never idle bays. Several conductors
share the work: whoever looks first puts the next look off for the others.
"""

import contextlib
import datetime
import functools
import random
from collections.abc import Callable, Sequence

from oslo_log import log as logging
from sqlalchemy import orm

from magnum.clients.errors import CloudError
from magnum.clients.heat import BATCH, HeatClients, Stack
from magnum.db.engine import Database
from magnum.db.models import Operation
from magnum.db.repositories import locking, pending, waiting
from magnum.operations import apart, queue
from magnum.operations.steps.heat import is_done

LOG = logging.getLogger(__name__)

_JITTER = 0.25


class Watcher:
    """Queues operations again whose stack has moved or whose time is up."""

    def __init__(self, database: Database, heat: HeatClients, interval: Callable[[], float]):
        """Set up.

        :param interval: seconds between two looks at one stack, jittered.
        """
        self._database = database
        self._heat = heat
        self._interval = interval

    def look(self) -> int:
        """Look at one batch of due operations.

        :returns: how many were queued again.
        :raises CloudError: Heat did not answer; they stay waiting.
        """
        due = self._database.run(self._take_due)
        if not due:
            return 0
        stack_ids = sorted({operation.stack_id for operation in due if operation.stack_id})
        try:
            stacks = self._heat.service().by_ids(stack_ids) if stack_ids else {}
        except CloudError as error:
            LOG.warning('Heat cannot be asked for %d stacks: %s', len(stack_ids), error)
            raise
        moved = [
            operation.id for operation in due
            if has_moved(operation, stacks.get(operation.stack_id or ''))
        ]
        return self._database.run(lambda session: waiting.wake(session, moved))

    def fail_overdue(self) -> int:
        """Queue what waits past its deadline; its finishing flow ends it."""
        return self._database.run(waiting.wake_overdue)

    def give_turns(self, at_once: int) -> int:
        """Give what waits at idle bays its turn: a conductor of an earlier release gives none.

        :param at_once: how many operations of a bay may go on side by side.
        :returns: at how many bays.
        """
        with self._database.reading() as session:
            idle = pending.idle_bays(session, BATCH)
        for bay_uuid in idle:
            turn = functools.partial(_give_turn, bay_uuid=bay_uuid, at_once=at_once)
            apart.look_at(bay_uuid, self._database.run, turn)
        return len(idle)

    def hint(self, stack_id: str) -> bool:
        """Somebody says that the stack has moved: have it looked at now.

        :returns: whether anything waits for that stack.
        """
        return self._database.run(lambda session: waiting.look_soon(session, stack_id)) > 0

    def _take_due(self, session: orm.Session) -> Sequence[Operation]:
        return waiting.take_due(session, BATCH, self._next_look, self._database.skips_locked)

    def _next_look(self) -> datetime.timedelta:
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        return datetime.timedelta(seconds=self._interval() * jitter)


def _give_turn(session: orm.Session, bay_uuid: str, at_once: int) -> None:
    with contextlib.suppress(locking.BayGone):  # what waits is refused then
        locking.lock_bay(session, bay_uuid)
    queue.next_turn(session, bay_uuid, at_once)


def has_moved(operation: Operation, stack: Stack | None) -> bool:
    """Whether there is anything to finish: the stack is done, or gone."""
    return stack is None or is_done(operation, stack)
