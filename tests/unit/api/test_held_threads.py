"""Requests that wait: how many of a process's threads they may hold."""

from magnum.api.http.held_threads import EVENT_STREAM, SYNCHRONOUS_CREATE, HeldThreads, Limit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


_LIMIT = Limit(4, 2)


def _held(
    clock: Clock, threads: int = 10, streams: Limit = _LIMIT, creates: Limit = _LIMIT
) -> HeldThreads:
    return HeldThreads(threads, {EVENT_STREAM: streams, SYNCHRONOUS_CREATE: creates}, clock)


def test_one_project_leaves_room_for_others() -> None:
    held = _held(Clock())
    for project in ('one', 'two'):
        holds = [held.hold(EVENT_STREAM, project, 60) for _ in range(4)]
        assert [hold is not None for hold in holds] == [True, True, False, False]
    assert held.hold(EVENT_STREAM, 'three', 60) is None
    assert held.hold(SYNCHRONOUS_CREATE, 'one', 10) is not None


def test_one_thread_waits_for_nothing() -> None:
    held = _held(Clock(), threads=4, streams=Limit(9, 9), creates=Limit(9, 9))
    kinds = (EVENT_STREAM, SYNCHRONOUS_CREATE, EVENT_STREAM)
    assert all(held.hold(kind, 'one', 60) for kind in kinds)
    assert held.hold(SYNCHRONOUS_CREATE, 'two', 10) is None
    assert _held(Clock(), threads=1).hold(EVENT_STREAM, 'one', 60) is None


def test_room_is_made() -> None:
    clock = Clock()
    held = _held(clock, streams=Limit(1, 1))
    first = held.hold(EVENT_STREAM, 'one', 60)
    assert first is not None
    assert held.hold(EVENT_STREAM, 'one', 60) is None
    held.release(first)
    held.release(first)
    assert held.hold(EVENT_STREAM, 'one', 60) is not None
    # One that is never released ends by itself.
    clock.now += 61
    assert held.hold(EVENT_STREAM, 'one', 60) is not None


def test_when_to_come_back() -> None:
    clock = Clock()
    held = _held(clock)
    assert held.seconds_to_wait(EVENT_STREAM, 'one', 30) == 30
    held.hold(EVENT_STREAM, 'two', 20)
    clock.now += 1.5
    held.hold(EVENT_STREAM, 'one', 60)
    held.hold(EVENT_STREAM, 'one', 60)
    assert held.seconds_to_wait(EVENT_STREAM, 'one', 30) == 60
    assert held.seconds_to_wait(EVENT_STREAM, 'two', 30) == 19
    clock.now += 100
    assert held.seconds_to_wait(EVENT_STREAM, 'one', 30) == 1
