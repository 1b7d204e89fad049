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
        *UPGRADE.opening, *UPGRADE.start, *UPGRADE.finish, *UPGRADE.closing
    ]


def test_each_round_has_the_steps_of_its_group() -> None:
    assert verbs.phase_step_names(states.UPGRADE, states.FINISH, FIRST) == _of('a', UPGRADE.finish)
    assert verbs.phase_step_names(states.UPGRADE, states.FINISH, LAST) == [
        *_of('b', UPGRADE.finish), *UPGRADE.closing
    ]
    middle = UPGRADE.start + UPGRADE.finish
    assert verbs.step_names(states.UPGRADE, LAST) == [
        *UPGRADE.opening, *_of('a', middle), *_of('b', middle), *UPGRADE.closing
    ]


def test_a_steps_name_without_its_group() -> None:
    assert verbs.without_ending('await_stack.my.group') == 'await_stack'
    assert verbs.without_ending('await_stack') == 'await_stack'
