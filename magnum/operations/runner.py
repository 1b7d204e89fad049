"""Runner of claimed operations: the flow in TaskFlow, the outcome in the database."""

import concurrent.futures
import dataclasses
import datetime
import functools
from collections.abc import Callable
from typing import Final

from oslo_context import context
from oslo_db import exception as db_exc
from oslo_log import log as logging
from sqlalchemy import orm
from taskflow import engines
from taskflow import states as taskflow_states
from taskflow.exceptions import WrappedFailure
from taskflow.patterns import graph_flow

from magnum.certificates.errors import SealingError
from magnum.clients.errors import (
    CloudRefused,
    CloudUnavailable,
    Unauthenticated,
)
from magnum.db.away import UNAVAILABLE
from magnum.db.commits import OutcomeUnknown
from magnum.db.models import Operation
from magnum.db.repositories import (
    bays,
    events,
    locking,
    nodegroups,
    pending,
    steps,
    tokens,
    transitions,
)
from magnum.db.statements import database_now
from magnum.domain import machine, rounds, states, verbs
from magnum.domain.failures import NODE_IDENTITY_CONFLICT, Failure
from magnum.domain.parameters import DeleteNodegroup, InRounds, Parameters, Upgrade
from magnum.domain.plain_text import first_line
from magnum.operations import half_made, queue, staying
from magnum.operations.claims import Claim, Claims, LeaseLost
from magnum.operations.ending import end_cancelled, is_preempted
from magnum.operations.flows import phase_steps
from magnum.operations.outcomes import (
    Cancelled,
    DeadlinePassed,
    Handover,
    HeatIsBusy,
    NothingLeft,
    StackUnrecorded,
    StepFailed,
    TryLater,
)
from magnum.operations.step_task import StepTask, record_failure
from magnum.operations.steps.stop import Remains, look, may_be_unrecorded, stop_heat
from magnum.operations.work import Tools, Work

LOG = logging.getLogger(__name__)

#: How often an operation meets an error that may pass, and probably does not.
_ATTEMPTS: Final = 5
_LONGEST_INTERVAL: Final = 10  # times [conductor]retry_interval
_DATABASE_PAUSE: Final = 1.0    # seconds between attempts while the database is away
#: Errors that no other one, of a step beside, can have pass.
_DECISIVE: Final = (LeaseLost, StepFailed, SealingError)

#: Records how a claim ended, in one transaction.
Outcome = Callable[[orm.Session, Operation], None]


class Runner:
    """Carries claimed operations as far as they go now."""

    def __init__(self, tools: Tools, claims: Claims):
        self._tools = tools
        self._claims = claims
        # One for all claims: however many steps may run side by side.
        self._executor = concurrent.futures.ThreadPoolExecutor(
            tools.conf.conductor.threads, thread_name_prefix='step'
        )

    def run(self, claim: Claim) -> None:
        """Run the claim's flow and record how far it came. Never raises."""
        # Log lines carry the id of the request that asked for the operation.
        context.RequestContext(request_id=claim.request_id)
        work = Work(self._tools, self._claims, claim)
        try:
            outcome = self._outcome(work)
            self._record_in_time(work, outcome)
        except LeaseLost:
            LOG.warning('Operation %s went on elsewhere', claim.operation_uuid)
        except Exception:
            # The lease lapses and somebody takes the operation over.
            LOG.exception('Operation %s could not be recorded', claim.operation_uuid)
        finally:
            self._claims.forget(claim)
            context.RequestContext()    # what this thread logs next is of no request

    def _outcome(self, work: Work) -> Outcome:
        """Run the flow; what is left to do is to record how it went."""
        try:
            self._run_steps(work)
        except LeaseLost:
            raise
        except (Cancelled, Handover):
            return self._hand_over
        except DeadlinePassed:
            return self._too_late
        except NothingLeft:
            return self._succeed_early
        except HeatIsBusy as busy:
            return functools.partial(self._wait, seen=str(busy))
        except (*UNAVAILABLE, OutcomeUnknown) as away:
            # Recorded when the database is back, and then continued at once.
            LOG.warning(
                'Operation %s: no database: %s', work.claim.operation_uuid, first_line(away)
            )
            return self._hand_over_in_time
        except StepFailed as failed:
            return functools.partial(self._fail, failure=failed.failure)
        except TryLater as later:
            failure = Failure(later.code, str(later))
            return functools.partial(self._retry, failure=failure, delay=later.delay)
        except CloudUnavailable as down:
            LOG.warning('Operation %s waits: %s', work.claim.operation_uuid, down)
            failure = Failure('cloud_unavailable', str(down))
            return functools.partial(self._retry, failure=failure)
        except Unauthenticated as refused:
            # Keystone revokes the tokens of the very second in which a password
            # changed, as when a resumed step adopts the bay's user.
            failure = Failure('forbidden', str(refused))
            return functools.partial(self._retry, failure=failure, attempts=_ATTEMPTS)
        except SealingError as sealed:
            failure = Failure('seal_broken', str(sealed))
            return functools.partial(self._fail, failure=failure)
        except CloudRefused as refused:
            failure = Failure('cloud_refused', str(refused))
            return functools.partial(self._fail, failure=failure)
        except Exception as error:
            LOG.exception('Operation %s met an unforeseen error', work.claim.operation_uuid)
            failure = Failure('internal', f'An internal error ({type(error).__name__}).')
            return functools.partial(self._retry, failure=failure, attempts=_ATTEMPTS)
        return self._next(work.claim)

    def _run_steps(self, work: Work) -> None:
        """Run the steps of the phase.

        Their own rows are the record by which a phase is resumed; TaskFlow
        keeps none.
        """
        claim = work.claim
        asked = Parameters.of(claim)
        order = verbs.step_names(claim.verb, asked)
        flow = graph_flow.Flow(f'{claim.verb}.{claim.phase}')
        for step in phase_steps(claim.verb, claim.phase, asked):
            flow.add(StepTask(step, order.index(step.name), work))
        engine = engines.load(flow, engine='parallel', executor=self._executor)
        engine.atom_notifier.register(taskflow_states.FAILURE, record_failure, args=(work,))
        try:
            engine.run()
        except WrappedFailure as several:
            raise _foremost(several) from several

    def _next(self, claim: Claim) -> Outcome:
        """What follows a phase whose steps are all done."""
        of_verb, asked = verbs.STEPS[claim.verb], Parameters.of(claim)
        if claim.phase == states.START:
            if of_verb.has_rounds and not rounds.has_begun(asked):
                return self._begin_round
            if of_verb.finish:
                return functools.partial(self._wait, seen=None)
        elif rounds.has_more(asked):
            return self._next_batch
        elif not rounds.is_last(asked):
            return self._next_round
        return self._succeed

    def _record_in_time(self, work: Work, outcome: Outcome) -> None:
        """Record, as soon as the database is there: this claim's lease may last till then."""
        while True:
            try:
                return self._tools.database.retrying(lambda: self._record(work, outcome))
            except (*UNAVAILABLE, OutcomeUnknown):
                if self._claims.stopping.wait(_DATABASE_PAUSE):
                    raise

    def _record(self, work: Work, outcome: Outcome) -> None:
        try:
            try:
                self._apply(work, outcome, may_have_failed=True)
            except StackUnrecorded as ending:
                self._apply(work, functools.partial(
                    self._end_failed, failure=ending.failure, remains=_remains(work, look)
                ))
        except Cancelled:
            self._stop(work)

    def _apply(self, work: Work, outcome: Outcome, may_have_failed: bool = False) -> None:
        """Record an outcome, unless the operation is to stop.

        :param may_have_failed: a failure that was found elsewhere comes first.
        """
        with work.changing_bay() as (session, operation):
            # What is done is done, unless a delete waits for the bay.
            is_done = outcome == self._succeed and not is_preempted(operation)
            if operation.cancel_requested and not is_done:
                raise Cancelled(operation.uuid)
            if may_have_failed and operation.found_failure is not None:
                self._fail(session, operation, Failure.from_dict(operation.found_failure))
                return
            outcome(session, operation)

    def _stop(self, work: Work) -> None:
        """End a cancelled operation, and what Heat does for it."""
        remains = Remains()
        if not is_preempted(work.operation()):
            remains = _remains(work, stop_heat)
        with work.changing_bay() as (session, operation):
            if not is_preempted(operation):
                remains.record(session, operation)
            tokens.disarm(session, operation.uuid)
            end_cancelled(
                self._tools.conf, session, operation, functools.partial(remains.told, operation)
            )

    def _succeed(self, session: orm.Session, operation: Operation) -> None:
        if operation.verb == states.DELETE:
            bays.delete(session, operation.bay_uuid)
        if operation.verb == states.DELETE_NODEGROUP:
            nodegroups.delete(session, DeleteNodegroup.of(operation).nodegroup)
        transitions.write(operation, machine.SUCCEED, finished_at=database_now(session))
        events.record(
            session, operation, f'bay.{operation.verb}.succeeded',
            f'{operation.verb} succeeded',
        )
        self._follow(session, operation, states.COMPLETE)

    def _succeed_early(self, session: orm.Session, operation: Operation) -> None:
        """Succeed in the middle: no node comes that would need a token."""
        tokens.disarm(session, operation.uuid)
        self._succeed(session, operation)

    def _follow(
        self, session: orm.Session, operation: Operation, outcome: str, reason: str | None = None
    ) -> None:
        """Let what is shown follow the end of the operation, and what waits go on."""
        at_once = self._tools.conf.conductor.operations_per_bay
        queue.follow(session, operation, outcome, at_once, reason)

    def _begin_round(self, session: orm.Session, operation: Operation) -> None:
        if not rounds.has_begun(Parameters.of(operation)):      # there is nothing to do
            self._succeed(session, operation)
            return
        minutes = datetime.timedelta(minutes=InRounds.of(operation).current.minutes)
        locking.set_nodegroup_status(session, operation, states.IN_PROGRESS)
        queue.show_waiting(session, operation.bay_uuid)
        transitions.write(
            operation, machine.NEXT_ROUND, deadline=database_now(session) + minutes
        )

    def _next_round(self, session: orm.Session, operation: Operation) -> None:
        """The round's node group is done; the next one begins."""
        asked = InRounds.of(operation)
        queue.settle(session, operation, states.COMPLETE)
        events.record(
            session, operation, f'bay.{operation.verb}.advanced',
            f'node group {rounds.current_name(asked)} is done',
        )
        operation.parameters = asked.next_round().stored()
        self._begin_round(session, operation)

    def _next_batch(self, session: orm.Session, operation: Operation) -> None:
        """Nodes of the round's node group are done; others of it are next."""
        asked = Upgrade.of(operation)
        this = asked.current
        done = ', '.join(asked.awaited) or f'{len(this.batch or ())} nodes'
        events.record(
            session, operation, f'bay.{operation.verb}.advanced',
            f'node group {rounds.current_name(asked)}: {done} done, {len(this.coming)} to go',
        )
        steps.repeat(session, operation.uuid, verbs.batch_step_names(operation.verb, asked))
        operation.parameters = asked.next_batch().stored()
        self._begin_round(session, operation)

    def _wait(self, session: orm.Session, operation: Operation, seen: str | None) -> None:
        """Hand the operation to the watcher; no thread is held."""
        now = database_now(session)
        if now >= operation.deadline:
            self._too_late(session, operation)
            return
        interval = datetime.timedelta(seconds=self._tools.conf.conductor.watch_interval)
        transitions.write(operation, machine.WAIT, not_before=now + interval if seen else now)
        if seen is None:
            events.record(
                session, operation, f'bay.{operation.verb}.requested',
                'Heat was asked; waiting for the stack',
            )

    def _retry(
        self,
        session: orm.Session,
        operation: Operation,
        failure: Failure,
        delay: datetime.timedelta | None = None,
        attempts: int | None = None,
    ) -> None:
        """Queue the operation again, later each time that it meets the same.

        :param attempts: fail it when it has met the same this often.
        """
        now = database_now(session)
        met = operation.error or {}
        times = met.get('times', 0) + 1 if met.get('code') == failure.code else 1
        if attempts is None or times < attempts:
            if delay is None:
                factor = min(2 ** min(times - 1, 8), _LONGEST_INTERVAL)
                delay = datetime.timedelta(
                    seconds=self._tools.conf.conductor.retry_interval * factor
                )
            if now < operation.deadline:
                transitions.write(
                    operation, machine.RETRY, not_before=min(now + delay, operation.deadline),
                    error={**failure.as_dict(), 'times': times},
                )
                return
            failure = _overdue(failure.reason)
        self._fail(session, operation, failure)

    def _hand_over(self, session: orm.Session, operation: Operation) -> None:
        transitions.write(operation, machine.HAND_OVER)

    def _hand_over_in_time(self, session: orm.Session, operation: Operation) -> None:
        if database_now(session) >= operation.deadline:
            self._too_late(session, operation)
        else:
            self._hand_over(session, operation)

    def _too_late(self, session: orm.Session, operation: Operation) -> None:
        self._fail(session, operation, _overdue((operation.error or {}).get('reason')))

    def _fail(self, session: orm.Session, operation: Operation, failure: Failure) -> None:
        if may_be_unrecorded(session, operation):
            raise StackUnrecorded(failure)
        self._end_failed(session, operation, failure, Remains())

    def _end_failed(
        self, session: orm.Session, operation: Operation, failure: Failure, remains: Remains
    ) -> None:
        remains.record(session, operation)
        reason = half_made.told_of_nodes(session, operation, failure.reason)
        failure = dataclasses.replace(failure, reason=remains.told(operation, reason))
        tokens.disarm(session, operation.uuid)
        if operation.verb == states.CREATE and failure.code == NODE_IDENTITY_CONFLICT:
            # One of those that hold its certificates is not a node of the bay.
            self._tools.certificates.discard_authority(session, operation.bay_uuid)
        if operation.stack_action is None:  # Heat was never asked
            pending.restore_count(session, operation)
        staying.admit(session, operation)
        transitions.write(
            operation, machine.FAIL, error=failure.as_dict(), finished_at=database_now(session)
        )
        events.record(
            session, operation, f'bay.{operation.verb}.failed', failure.sentence()
        )
        self._follow(session, operation, states.FAILED, failure.sentence())
        LOG.warning(
            'Operation %s (%s of bay %s) failed: %s',
            operation.uuid, operation.verb, operation.bay_uuid, failure.sentence(),
        )


def _foremost(several: WrappedFailure) -> BaseException:
    """What to go by when steps that ran side by side failed."""
    errors: list[BaseException] = [failure.exception for failure in several]
    return next((error for error in errors if isinstance(error, _DECISIVE)), errors[0])


def _remains(work: Work, see: Callable[[Work], Remains]) -> Remains:
    """What Heat has of the operation, as far as can be seen."""
    try:
        return see(work)
    except (LeaseLost, db_exc.DBError):
        raise
    except Exception:
        LOG.exception('Operation %s: Heat was not asked', work.claim.operation_uuid)
        return Remains(unheard='an internal error')


def _overdue(met: str | None) -> Failure:
    """The failure of an operation past its deadline.

    :param met: the reason of what it met last.
    """
    last = '' if met is None else f' The last thing it met: {met}'
    return Failure('deadline_exceeded', f'It was not finished by its deadline.{last}')
