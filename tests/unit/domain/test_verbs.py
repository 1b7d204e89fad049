"""Names of the steps of operations, in their order."""

import dataclasses

import pytest

from magnum.domain import states, verbs
from magnum.domain.parameters import Create, Parameters
from tests.unit.domain.test_parameters import an_upgrade

BEFORE = an_upgrade()
FIRST = an_upgrade('a', 'b')
LAST = dataclasses.replace(FIRST, round=1)
UPGRADE = verbs.STEPS[states.UPGRADE]


def _of(group: str, names: verbs.Names) -> list[str]:
    return [f'{name}.{group}' for name in names]


@pytest.mark.parametrize(('parameters', 'opening'), [
    (Create(), []), (Create(is_retry=True), ['remove_remains']),
])
def test_what_is_left_is_removed_before_another_try(
    parameters: Parameters, opening: list[str]
) -> None:
    steps = verbs.STEPS[states.CREATE]
    start = [*opening, *steps.start]
    assert verbs.phase_step_names(states.CREATE, states.START, parameters) == start
    assert verbs.phase_step_names(states.CREATE, states.FINISH, parameters) == [*steps.finish]
    assert verbs.step_names(states.CREATE, parameters) == [*start, *steps.finish]


def test_rounds_begin_when_it_is_settled_what_they_are_about() -> None:
    assert verbs.phase_step_names(states.UPGRADE, states.START, BEFORE) == [*UPGRADE.opening]
    assert verbs.phase_step_names(states.UPGRADE, states.START, FIRST) == [
        *UPGRADE.opening, *_of('a', UPGRADE.start)
    ]
    assert verbs.step_names(states.UPGRADE, BEFORE) == [
        *UPGRADE.opening, *UPGRADE.start, *UPGRADE.finish, *UPGRADE.completion, *UPGRADE.closing
    ]


def test_each_round_has_the_steps_of_its_group() -> None:
    ended = UPGRADE.finish + UPGRADE.completion
    assert verbs.phase_step_names(states.UPGRADE, states.FINISH, FIRST) == _of('a', ended)
    assert verbs.phase_step_names(states.UPGRADE, states.FINISH, LAST) == [
        *_of('b', ended), *UPGRADE.closing
    ]
    middle = UPGRADE.start + ended
    assert verbs.step_names(states.UPGRADE, LAST) == [
        *UPGRADE.opening, *_of('a', middle), *_of('b', middle), *UPGRADE.closing
    ]


def test_batches_go_through_the_same_steps() -> None:
    first = LAST.with_current(batch=('0',), later=('1', '2'))
    assert verbs.phase_step_names(states.UPGRADE, states.FINISH, first) == _of('b', UPGRADE.finish)
    assert verbs.batch_step_names(states.UPGRADE, first) == _of('b', UPGRADE.start + UPGRADE.finish)
    assert verbs.step_names(states.UPGRADE, first) == verbs.step_names(states.UPGRADE, LAST)
    last = first.next_batch().next_batch()
    assert (last.current.batch, last.current.later) == (('2',), ())
    assert verbs.phase_step_names(states.UPGRADE, states.FINISH, last)[-1] == 'adopt_baymodel'
    assert verbs.with_ending('await_nodes', last) == 'await_nodes.b'


def test_a_steps_name_without_its_group() -> None:
    assert verbs.without_ending('await_stack.my.group') == 'await_stack'
    assert verbs.without_ending('await_stack') == 'await_stack'
