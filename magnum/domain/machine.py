"""The state machine of operations: every event, and the columns that it writes.

One table. :mod:`magnum.db.repositories.transitions` writes what it says, and
nothing else writes these columns. The documentation draws it.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from magnum.domain.states import (
    CANCELLED,
    FINISH,
    OPERATION_FAILED,
    PENDING,
    QUEUED,
    RUNNING,
    START,
    SUCCEEDED,
    WAITING,
)

#: The state of an operation that is not there yet.
NEW: Final = ''


class EventNotAllowed(ValueError):
    """The event cannot happen to an operation in its state."""


@dataclasses.dataclass(frozen=True, eq=False)
class Event:
    """Something that happens to an operation.

    :param meaning: one phrase, for the documentation.
    :param moves: the states in which it may happen, each with the one that follows.
    :param sets: columns that it always gives the same value.
    :param takes: columns whose values come with it.
    :param if_cancelled: True for one that only happens to an operation that is to
        stop, False for one that happens to no such operation.
    :param if_preempted: the same of an operation whose bay a delete has taken.
    """

    name: str
    meaning: str
    moves: Mapping[str, str]
    sets: Mapping[str, Any]
    takes: frozenset[str]
    if_cancelled: bool | None = None
    if_preempted: bool | None = None

    def is_allowed(self, state: str, is_cancelled: bool, is_preempted: bool) -> bool:
        """Whether it may happen to an operation."""
        return (
            state in self.moves
            and self.if_cancelled in (None, is_cancelled)
            and self.if_preempted in (None, is_preempted)
        )

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The columns to write beside ``state``.

        :raises TypeError: other columns were given than the event takes.
        """
        if given.keys() != self.takes:
            raise TypeError(f'{self.name} takes {sorted(self.takes)}, not {sorted(given)}')
        return {**self.sets, **given}


def _event(
    name: str,
    meaning: str,
    moves: Mapping[str, str],
    sets: Mapping[str, Any] | None = None,
    takes: str = '',
    **conditions: bool,
) -> Event:
    return Event(
        name, meaning, MappingProxyType(moves), MappingProxyType(sets or {}),
        frozenset(takes.split()), **conditions,
    )


_FREE: Final = {'worker': None, 'lease_expires_at': None}
_DUE: Final = {'not_before': None}
_ENDED: Final = {**_FREE, **_DUE, 'active_for': None}
_NO_STACK: Final = {'stack_id': None, 'stack_action': None, 'stack_updated_before': None}
_WORKING: Final = {RUNNING: RUNNING}

ACCEPT: Final = _event(
    'accept', 'a request promises the work; the bay is taken',
    {NEW: QUEUED}, {'phase': START}, 'active_for deadline',
)
ENQUEUE: Final = _event(
    'enqueue', 'a request promises the work; it waits for its turn at the bay',
    {NEW: PENDING}, {'phase': START}, 'deadline',
)
TURN: Final = _event(
    'turn', 'what it waited for has ended; the bay is taken',
    {PENDING: QUEUED}, None, 'active_for deadline',
)
WITHDRAW: Final = _event(
    'withdraw', 'a user or a delete stops what waits for its turn',
    {PENDING: CANCELLED}, {'cancel_requested': True}, 'error finished_at',
)
REFUSE: Final = _event(
    'refuse', 'its turn has come, and it cannot be done any more',
    {PENDING: OPERATION_FAILED}, None, 'error finished_at',
)
CLAIM: Final = _event(
    'claim', 'a worker takes it, or takes a dead worker\'s over',
    {QUEUED: RUNNING, RUNNING: RUNNING}, _DUE,
    'worker fence attempts lease_expires_at started_at',
)
RENEW: Final = _event(
    'renew', 'the worker goes on: its lease is lengthened', _WORKING, None, 'lease_expires_at'
)
LAPSE: Final = _event(
    'lapse', 'the worker is known to be dead: its lease ends', _WORKING, None, 'lease_expires_at'
)
NOTE_STACK: Final = _event(
    'note stack', 'the time stamp of the stack is noted before Heat is asked to change it',
    _WORKING, None, 'stack_id stack_updated_before',
)
ASK: Final = _event(
    'ask', 'Heat is asked to change the stack', _WORKING, None, 'stack_action'
)
TAKE_BACK: Final = _event(
    'take back', 'Heat never heard, or refused', _WORKING, {'stack_action': None}
)
FOLLOW: Final = _event(
    'follow', 'a stack is made, rebuilt or removed: this one is waited for',
    _WORKING, None, 'stack_id stack_action',
)
EXTEND: Final = _event('extend', 'it is given more time', _WORKING, None, 'deadline')
REPEAT: Final = _event('repeat', 'its first flow is gone through again', _WORKING, {'phase': START})
WAIT: Final = _event(
    'wait', 'Heat works; no worker is needed',
    {RUNNING: WAITING}, {**_FREE, 'phase': FINISH, 'error': None}, 'not_before',
    if_cancelled=False,
)
LOOK: Final = _event(
    'look', 'the watcher asks Heat about the stack, and puts the next look off',
    {WAITING: WAITING}, None, 'not_before',
)
WAKE: Final = _event(
    'wake', 'the stack has moved, or the deadline has passed', {WAITING: QUEUED}, _DUE
)
RETRY: Final = _event(
    'retry', 'it met what may pass, and is tried again later',
    {RUNNING: QUEUED}, _FREE, 'not_before error', if_cancelled=False,
)
HAND_OVER: Final = _event(
    'hand over', 'the worker stops: another one goes on at once',
    {RUNNING: QUEUED}, {**_FREE, **_DUE}, if_cancelled=False,
)
NEXT_ROUND: Final = _event(
    'next round', 'the next node group has its turn',
    {RUNNING: QUEUED}, {**_FREE, **_DUE, **_NO_STACK, 'phase': START, 'error': None}, 'deadline',
    if_cancelled=False,
)
REPORT: Final = _event(
    'report', 'a failure is met elsewhere: the worker ends it with that',
    {QUEUED: QUEUED, WAITING: QUEUED, RUNNING: RUNNING}, _DUE, 'found_failure',
    if_preempted=False,
)
SUCCEED: Final = _event(
    'succeed', 'all is done',
    {RUNNING: SUCCEEDED}, {**_ENDED, 'error': None}, 'finished_at', if_preempted=False,
)
FAIL: Final = _event(
    'fail', 'it cannot be done, or not in time',
    {RUNNING: OPERATION_FAILED}, _ENDED, 'error finished_at', if_cancelled=False,
)
CANCEL: Final = _event(
    'cancel', 'a user wants it to stop',
    {QUEUED: QUEUED, WAITING: QUEUED, RUNNING: RUNNING},
    {**_DUE, 'cancel_requested': True}, 'error', if_cancelled=False,
)
STOP: Final = _event(
    'stop', 'it has stopped, because a user or a delete wanted it to',
    {QUEUED: CANCELLED, RUNNING: CANCELLED}, _ENDED, 'error finished_at', if_cancelled=True,
)
PREEMPT: Final = _event(
    'pre-empt', 'a delete takes the bay from what nobody works on',
    {QUEUED: CANCELLED, WAITING: CANCELLED},
    {**_ENDED, 'cancel_requested': True, 'error': None}, 'finished_at',
    if_preempted=False,
)
GIVE_WAY: Final = _event(
    'give way', 'a delete takes the bay from a worker, who stops',
    _WORKING, {'active_for': None, 'cancel_requested': True}, if_preempted=False,
)

#: In the order in which an operation may meet them.
EVENTS: Final = (
    ACCEPT, ENQUEUE, TURN, WITHDRAW, REFUSE, CLAIM, RENEW, LAPSE, NOTE_STACK, ASK, TAKE_BACK,
    FOLLOW, EXTEND, REPEAT, WAIT, LOOK, WAKE, RETRY, HAND_OVER, NEXT_ROUND, REPORT, SUCCEED, FAIL,
    CANCEL, STOP, PREEMPT, GIVE_WAY,
)

#: What only events write.
COLUMNS: Final = frozenset({'state'}).union(*(event.sets.keys() | event.takes for event in EVENTS))
