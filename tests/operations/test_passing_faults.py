"""Passing faults of the cloud: when a step is tried again, and until when."""

import datetime

import pytest

from magnum.clients.errors import CloudUnavailable
from tests.operations.conftest import World, error_of

_INTERVAL = 1000
_TOLERANCE = 60.0  # seconds that the test itself may take


def _met(world: World, uuid: str, service: str) -> tuple[float, int]:
    """One attempt that meets a fault: seconds until the next, and how often it was met."""
    world.cloud.faults[service] = CloudUnavailable(service, 'refused')
    world.worker().turn()
    del world.cloud.faults[service]
    (operation,) = world.operations(uuid)
    assert operation.not_before is not None
    now = datetime.datetime.now(datetime.UTC)
    return (operation.not_before - now).total_seconds(), error_of(operation)['times']


@pytest.fixture
def bay(world: World) -> str:
    world.conf.set_override('retry_interval', _INTERVAL, 'conductor')
    return world.create(create_timeout=100 * _INTERVAL)


def test_the_same_fault_is_met_later_each_time(world: World, bay: str) -> None:
    for attempt, factor in enumerate([1, 2, 4, 8, 10, 10], 1):
        seconds, times = _met(world, bay, 'identity')
        assert times == attempt
        assert seconds == pytest.approx(_INTERVAL * factor, abs=_TOLERANCE)
        world.pass_time(seconds + 1)


def test_an_operation_is_tried_again_at_its_deadline_and_no_later(world: World, bay: str) -> None:
    (operation,) = world.operations(bay)
    left = operation.deadline - datetime.datetime.now(datetime.UTC)
    world.pass_time(left.total_seconds() - _INTERVAL / 2)

    seconds, _ = _met(world, bay, 'identity')

    assert seconds == pytest.approx(_INTERVAL / 2, abs=_TOLERANCE)


def test_past_its_deadline_it_fails_with_what_it_met_last(world: World, bay: str) -> None:
    _met(world, bay, 'identity')
    world.pass_time(200 * 60 * _INTERVAL)
    world.worker().watch()
    world.worker().turn()

    (operation,) = world.operations(bay)
    assert operation.state == 'FAILED'
    error = error_of(operation)
    assert error['code'] == 'deadline_exceeded'
    assert error['reason'].startswith(
        'It was not finished by its deadline. The last thing it met: '
    )
    assert 'refused' in error['reason']
