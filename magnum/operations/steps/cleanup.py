"""Removal of a bay or a node group by the entries of its ledger.

Each step removes the things of one kind and strikes their entries. What is
not there counts as removed. A step that is run again finds less to do.
"""

import datetime
from collections.abc import Sequence
from typing import Final

from magnum.clients.heat import HeatClient, Stack
from magnum.db.models import Bay, LedgerEntry
from magnum.db.repositories import ledger, locking, tokens, transitions
from magnum.db.statements import database_now
from magnum.domain import machine, states
from magnum.domain.failures import root_cause
from magnum.domain.parameters import Removing
from magnum.drivers.plans import nodegroup_plan
from magnum.operations.outcomes import HeatIsBusy, StepFailed, TryLater
from magnum.operations.steps.entries import entries_of, strike
from magnum.operations.steps.heat import DELETE, as_anybody, tag_of
from magnum.operations.steps.in_use import clear_the_way
from magnum.operations.work import Work

#: Heat fails a delete for things that pass (a port still in use, a volume
#: still detaching): it is asked this often before that counts as a failure.
ATTEMPTS = 3
#: How long after it was sent a request may still make something: as long as
#: Heat's API waits for its engine ([DEFAULT]rpc_response_timeout in Heat).
_LATE: Final = datetime.timedelta(seconds=60)


def disarm_all_bootstrap(work: Work) -> None:
    """Disarm every bootstrap token of the bay."""
    with work.writing() as session:
        tokens.delete_all(session, work.claim.bay_uuid)


def delete_stacks(work: Work) -> None:
    """Ask Heat to remove the stacks that go first."""
    for entries in _stack_entries(work):
        found = [stack for entry in entries for stack in _stacks_of(work, entry)]
        for stack in found:
            _ask_for_the_end(work, stack)
        if found:
            return


def remove_remains(work: Work) -> None:
    """Remove the bay's stack that a failed attempt left.

    An update would not mend it: nodes that failed do not boot again, others
    have lost their tokens, and what waits for a node's word remembers it. The
    authority goes, too: no certificate of that attempt is good in the next.

    :raises TryLater: Heat is at it.
    """
    bay_uuid = work.claim.bay_uuid
    for entry in entries_of(work, ledger.HEAT_STACK):
        for stack in _stacks_of(work, entry):
            if stack.action == DELETE and stack.is_failed:
                _see_refusal(work, stack)
            if stack.action != DELETE or stack.is_failed:
                _delete(work, stack)
            raise TryLater(f'What the failed attempt left is being removed: {stack.status}')
        with work.changing_bay() as (session, _):
            ledger.forget_id(session, bay_uuid, entry.kind, entry.name)
            locking.set_values(session, Bay, bay_uuid, stack_id=None, template_version=None)
    with work.writing() as session:
        work.tools.certificates.discard_authority(session, bay_uuid)


def await_late_requests(work: Work) -> None:
    """Give requests that were on their way when the bay was deleted their time.

    A thing in the ledger without an id was asked for and never confirmed: the
    cloud may make it yet.
    """
    asked_for = [entry for entries in _stack_entries(work) for entry in entries]
    if work.claim.verb == states.DELETE:
        asked_for += entries_of(work, ledger.KEYSTONE_USER)
    unconfirmed = [entry.name for entry in asked_for if entry.external_id is None]
    if not unconfirmed:
        return
    with work.fenced() as (session, operation):
        begun = operation.started_at or operation.created_at
        left = (begun + _LATE - database_now(session)).total_seconds()
    if left > 0:
        raise TryLater(f'{", ".join(unconfirmed)} may yet be made', left)


def await_stacks_gone(work: Work) -> None:
    """Wait until the stacks are deleted; ask again where Heat failed.

    :raises HeatIsBusy: a stack is still there.
    :raises StepFailed: Heat failed as often as it is asked.
    """
    for entries in _stack_entries(work):
        found = [stack for entry in entries for stack in _stacks_of(work, entry)]
        for stack in found:
            if stack.action != DELETE:      # it was made late, or others went first
                _ask_for_the_end(work, stack)
            elif not stack.is_busy:
                _see_refusal(work, stack)
                _ask_for_the_end(work, stack)
        if found:
            _watch(work, found[0])
            raise HeatIsBusy(', '.join(stack.status for stack in found))


def delete_identity(work: Work) -> None:
    """Remove the bay's Keystone user, and with it the application credentials that it has."""
    keystone = work.tools.keystone
    for entry in entries_of(work, ledger.KEYSTONE_USER):
        user_id = entry.external_id or keystone.find_user(entry.name)
        if user_id:
            keystone.delete_user(user_id)
        strike(work, entry)
    for entry in entries_of(work, ledger.APPLICATION_CREDENTIAL):
        strike(work, entry)


def delete_certificates(work: Work) -> None:
    """Forget the bay's keys."""
    for entry in entries_of(work, ledger.CERTIFICATES):
        with work.writing() as session:
            work.tools.certificates.forget(session, entry.bay_uuid)
            ledger.strike(session, entry)


def look_once_more(work: Work) -> None:
    """Look for stacks by name once more before the bay is deleted.

    A request of a worker that lost its lease may have reached Heat late.
    """
    heat = work.tools.heat.service()
    for entries in _stack_entries(work):
        for entry in entries:
            for stack in _ours(heat.by_name(entry.name), entry):
                if stack.is_failed and stack.action == DELETE:
                    _see_refusal(work, stack)
                _ask_for_the_end(work, stack)
                raise HeatIsBusy(stack.status)
            strike(work, entry)


def _stack_entries(work: Work) -> list[Sequence[LedgerEntry]]:
    """The stacks to remove, those first that use what the later ones hold."""
    of_nodegroups = entries_of(work, ledger.NODEGROUP_STACK)
    if work.claim.verb == states.DELETE:
        return [of_nodegroups, entries_of(work, ledger.HEAT_STACK)]
    situation = work.situation()
    name = nodegroup_plan(situation.bay, situation.nodegroup).stack_name
    return [[entry for entry in of_nodegroups if entry.name == name]]


def _stacks_of(work: Work, entry: LedgerEntry) -> list[Stack]:
    """The living stack of an entry, by its id or, without one, by its name."""

    def look(heat: HeatClient) -> list[Stack]:
        if entry.external_id is None:
            return _ours(heat.by_name(entry.name), entry)
        found = heat.get(entry.external_id)
        return [found] if found is not None else []

    return as_anybody(work, look)


def _ours(stacks: list[Stack], entry: LedgerEntry) -> list[Stack]:
    return [stack for stack in stacks if tag_of(entry.bay_uuid) in stack.tags]


def _ask_for_the_end(work: Work, stack: Stack) -> None:
    _delete(work, stack)
    _watch(work, stack)


def _delete(work: Work, stack: Stack) -> None:
    as_anybody(work, lambda heat: heat.delete(stack.id))


def _watch(work: Work, stack: Stack) -> None:
    """Wait until one stack is deleted."""
    with work.fenced() as (_, operation):
        transitions.write(operation, machine.FOLLOW, stack_id=stack.id, stack_action=DELETE)


def _see_refusal(work: Work, stack: Stack) -> None:
    """Handle a failed stack delete: ask again, unless that cannot help.

    :raises TryLater: what is in the way is being removed.
    :raises StepFailed: somebody uses what is to go, or Heat failed too often.
    """
    clear_the_way(work, stack)
    _count_attempt(work, stack)


def _count_attempt(work: Work, stack: Stack) -> None:
    with work.fenced() as (_, operation):
        asked = Removing.of(operation)
        attempts = asked.delete_attempts.get(stack.id, 1) + 1
        operation.parameters = asked.with_attempts(stack.id, attempts).stored()
    if attempts > ATTEMPTS:
        failed = as_anybody(work, lambda heat: heat.failed_resources(stack.id))
        raise StepFailed(root_cause(failed, stack.reason or 'Heat could not delete the stack.'))
