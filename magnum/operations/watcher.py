"""Sees that Heat is done: batches of stacks, asked for by the service's token.

Only operations that wait are looked at, never idle bays. Several conductors
share the work: whoever looks first puts the next look off for the others.
"""

import datetime
import random
from collections.abc import Callable

import sqlalchemy as sa
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.clients.errors import CloudError
from magnum.clients.heat import BATCH, HeatClients, Stack
from magnum.db.engine import Database
from magnum.db.models import Operation
from magnum.db.statements import changed_rows, database_now
from magnum.domain import states
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
        return self._database.run(lambda session: _queue(session, Operation.id.in_(moved)))

    def fail_overdue(self) -> int:
        """Queue what waits past its deadline; its finishing flow ends it."""
        return self._database.run(
            lambda session: _queue(session, Operation.deadline <= database_now(session))
        )

    def hint(self, stack_id: str) -> bool:
        """Somebody says that the stack has moved: have it looked at now.

        :returns: whether anything waits for that stack.
        """

        def work(session: orm.Session) -> bool:
            waiting = sa.update(Operation).filter_by(stack_id=stack_id, state=states.WAITING)
            return changed_rows(session, waiting.values(not_before=database_now(session))) > 0

        return self._database.run(work)

    def _take_due(self, session: orm.Session) -> list[Operation]:
        now = database_now(session)
        query = (
            sa.select(Operation)
            .filter_by(state=states.WAITING)
            .where(sa.or_(Operation.not_before.is_(None), Operation.not_before <= now))
            .order_by(Operation.not_before, Operation.id)
            .limit(BATCH)
        )
        if self._database.skips_locked:
            query = query.with_for_update(skip_locked=True)
        due = list(session.scalars(query))
        for operation in due:
            wait = self._interval() * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
            operation.not_before = now + datetime.timedelta(seconds=wait)
        return due


def has_moved(operation: Operation, stack: Stack | None) -> bool:
    """Whether there is anything to finish: the stack is done, or gone."""
    return stack is None or is_done(operation, stack)


def _queue(session: orm.Session, which: sa.ColumnElement[bool]) -> int:
    return changed_rows(
        session,
        sa.update(Operation)
        .where(Operation.state == states.WAITING)
        .where(which)
        .values(state=states.QUEUED, not_before=None),
    )
