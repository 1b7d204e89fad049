"""Claims, leases and fences of operations.

A claim is one conditional UPDATE that raises the operation's ``fence``. Every
later write of the worker happens in a transaction that checks the fence
first, so a worker that lost its lease cannot write.
"""

import contextlib
import dataclasses
import datetime
import threading
from collections.abc import Iterator
from typing import Final

from oslo_db import exception as db_exc
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.db.away import UNAVAILABLE
from magnum.db.engine import Database
from magnum.db.models import Operation
from magnum.db.repositories import bays
from magnum.db.repositories import claims as repository
from magnum.db.statements import database_now
from magnum.domain.parameters import Stored
from magnum.domain.plain_text import first_line

LOG = logging.getLogger(__name__)

#: Steps that have Heat make a stack.
_MAKING: Final = ('create_stack', 'create_nodegroup_stack')


class LeaseLost(Exception):
    """Another worker holds the operation now; this one must stop."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """The right to work on an operation, while its fence stands."""

    operation_uuid: str
    bay_uuid: str
    verb: str
    phase: str
    fence: int
    request_id: str | None
    parameters: Stored


@dataclasses.dataclass(frozen=True)
class Standing:
    """What may keep a claim's holder from going on."""

    is_cancelled: bool
    is_overdue: bool


class Claims:
    """Claims of one worker process."""

    def __init__(self, database: Database, worker: str, lease: int, client_timeout: int):
        """Set up.

        :param worker: name of this process, unique among living ones.
        :param lease: seconds a claim lasts unless renewed.
        :param client_timeout: the longest a call to the cloud may take, seconds.
        """
        self._database = database
        self._worker = worker
        self._lease = datetime.timedelta(seconds=lease)
        # A fence cannot stop a request that is on its way to Heat already.
        self._in_flight = datetime.timedelta(seconds=client_timeout)
        self._held: dict[str, Claim] = {}
        #: Set when this process is to end: work is handed back between steps.
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    def claim(self, limit: int) -> list[Claim]:
        """Take up to ``limit`` operations that wait for a worker."""

        def work(session: orm.Session) -> list[Claim]:
            now = database_now(session)
            candidates = repository.claimable(
                session, now, self._in_flight, limit, self._database.skips_locked
            )
            return [
                Claim(
                    row.uuid, row.bay_uuid, row.verb, row.phase, row.fence + 1, row.request_id,
                    row.parameters,
                )
                for row in candidates
                if repository.take(session, row, self._worker, now + self._lease)
            ]

        claims = self._database.run(work)
        with self._lock:
            self._held.update({claim.operation_uuid: claim for claim in claims})
        return claims

    @contextlib.contextmanager
    def writing(self, claim: Claim) -> Iterator[orm.Session]:
        """A transaction that only this claim's holder gets.

        :raises LeaseLost: the fence has risen since.
        """
        with self._database.writing() as session:
            if not repository.hold(session, claim.operation_uuid, claim.fence):
                raise LeaseLost(claim.operation_uuid)
            yield session

    @contextlib.contextmanager
    def fenced(
        self, claim: Claim, with_bay: bool = False
    ) -> Iterator[tuple[orm.Session, Operation]]:
        """As ``writing``, with the operation's locked row.

        :param with_bay: lock the bay's row, too. Whoever writes it, or ends the
            operation, needs it: requests lock the bay first, and two that lock
            in different orders wait for each other.
        """
        with self._database.writing() as session:
            if with_bay:
                bays.hold(session, claim.bay_uuid)
            operation = repository.load(session, claim.operation_uuid, claim.fence)
            if operation is None:
                raise LeaseLost(claim.operation_uuid)
            yield session, operation

    @contextlib.contextmanager
    def renewed(self, claim: Claim) -> Iterator[tuple[orm.Session, Standing]]:
        """As ``writing``, with the lease lengthened, from now."""
        with self._database.writing() as session:
            standing, now = _standing(session, claim)
            self._lengthen(session, claim, now)
            yield session, standing

    def _keep(self, claim: Claim) -> None:
        """Lengthen a lease by the heartbeat: not that of a worker that should stop.

        One that hangs past its deadline, or past being cancelled, loses its
        lease, and the operation is ended by another.
        """
        with self._database.writing() as session:
            standing, now = _standing(session, claim)
            if not (standing.is_cancelled or standing.is_overdue):
                self._lengthen(session, claim, now)

    def _lengthen(self, session: orm.Session, claim: Claim, now: datetime.datetime) -> None:
        repository.lengthen(session, claim.operation_uuid, now + self._lease)

    def renew_all(self) -> None:
        """Lengthen the leases of everything this process works on."""
        with self._lock:
            held = list(self._held.values())
        for claim in held:
            try:
                self._keep(claim)
            except LeaseLost:
                LOG.warning('The lease of operation %s was lost', claim.operation_uuid)
                self.forget(claim)
            except (db_exc.DBError, *UNAVAILABLE) as error:
                LOG.warning(
                    'The lease of operation %s was not renewed: %s',
                    claim.operation_uuid, first_line(error),
                )

    def lapse(self, worker: str) -> None:
        """End the leases of a worker that is known to be dead.

        What it has asked the cloud for last may still arrive: a cancelled
        operation waits for that as after a lease that ran out. One that asks
        for a stack keeps the rest of its lease: Heat does not keep two stacks
        of one name apart while it checks the first request.
        """
        self._database.run(
            lambda session: repository.lapse(session, worker, database_now(session), _MAKING)
        )

    def forget(self, claim: Claim) -> None:
        """Renew this claim no longer; a later one of the same operation stays."""
        with self._lock:
            if self._held.get(claim.operation_uuid) == claim:
                del self._held[claim.operation_uuid]

    @property
    def held(self) -> int:
        """How many operations this process works on."""
        return len(self._held)


def _standing(session: orm.Session, claim: Claim) -> tuple[Standing, datetime.datetime]:
    """What may keep the claim's holder from going on, and what time it is.

    :raises LeaseLost: the fence has risen since.
    """
    found = repository.standing(session, claim.operation_uuid, claim.fence)
    if found is None:
        raise LeaseLost(claim.operation_uuid)
    return Standing(found.cancel_requested, found.now >= found.deadline), found.now
