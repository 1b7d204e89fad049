"""Names of steps, also in rounds."""

import dataclasses
import importlib
import pkgutil
import uuid

import pytest

from magnum.db import models
from magnum.domain import states, verbs
from magnum.operations import accept, flows
from tests.unit.domain.test_parameters import a_round, an_upgrade, read

ROUNDS = dataclasses.replace(an_upgrade(), round=1, groups=tuple(
    dataclasses.replace(a_round(name), uuid=str(uuid.UUID(int=number << 96)))
    for number, name in enumerate(['short', 'x' * 200, 'x' * 201])
))


@pytest.mark.parametrize('verb', list(verbs.STEPS))
def test_steps_have_names_of_their_own(verb: str) -> None:
    plain = read(verb, {})
    several = ROUNDS if verbs.STEPS[verb].has_rounds else plain
    for parameters in (plain, several, plain.again()):
        names = verbs.step_names(verb, parameters)
        assert len(names) == len(set(names)) > 0
        assert all(len(name) <= models.OperationStep.name.type.length for name in names)
        run = [
            name for phase in (states.START, states.FINISH)
            for name in verbs.phase_step_names(verb, phase, parameters)
        ]
        assert set(run) <= set(names)
        for phase in (states.START, states.FINISH):
            for step in flows.phase_steps(verb, phase, parameters):
                assert step.function.__name__ == verbs.without_ending(step.name)


def test_every_name_of_a_step_has_its_function() -> None:
    named = {
        name for steps in verbs.STEPS.values()
        for part in dataclasses.astuple(steps) for name in part
    }
    assert named == flows.STEPS.keys()
    assert all(step.__name__ == name for name, step in flows.STEPS.items())


def test_every_verb_has_steps() -> None:
    assert list(verbs.STEPS.keys() ^ states.VERBS.keys()) == []
    assert all(len(verb) <= models.Operation.verb.type.length for verb in states.VERBS)


def test_closing_comes_after_the_last_round() -> None:
    ends = [
        verbs.phase_step_names('upgrade', states.FINISH, this)[-1]
        for this in (dataclasses.replace(ROUNDS, round=number) for number in range(3))
    ]
    assert [end == 'adopt_baymodel' for end in ends] == [False, False, True]


def test_every_verb_is_accepted_by_a_module_of_its_name() -> None:
    there = {module.name for module in pkgutil.iter_modules(accept.__path__)}
    assert there == {*states.VERBS, 'cancel', 'retry', 'errors', 'insertion', 'requester'}
    for verb in states.VERBS:
        module = importlib.import_module(f'{accept.__name__}.{verb}')
        assert callable(module.accept)
