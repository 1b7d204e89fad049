"""Runs each file of ``gabbits`` as one conversation, its requests in order."""

import pathlib
import unittest

import pytest
from gabbi import handlers, suitemaker, utils

from tests.api.fixtures import conversations

GABBITS = pathlib.Path(__file__).parent / 'gabbits'


@pytest.mark.parametrize('name', sorted(path.stem for path in GABBITS.glob('*.yaml')))
def test_conversation(name: str) -> None:
    suite = suitemaker.test_suite_from_dict(
        unittest.TestLoader(),
        f'conversation_{name}',
        utils.load_yaml(yaml_file=str(GABBITS / f'{name}.yaml')),
        str(GABBITS),
        'magnum.test',
        80,
        conversations,
        conversations.application,
        handlers=[handler() for handler in handlers.RESPONSE_HANDLERS],
    )
    result = unittest.TestResult()
    # What follows a broken request has nothing to go on.
    result.failfast = True
    suite.run(result)
    for case, text in (*result.failures, *result.errors):
        pytest.fail(f'{case}\n{text}', pytrace=False)
    assert result.testsRun
