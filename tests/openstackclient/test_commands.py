"""All commands: their options, and what is said of them."""

import warnings
from importlib import metadata
from typing import Any

import pytest

_COMMANDS = {entry.name: entry for entry in metadata.entry_points(group='openstack.bay.v1')}


def _options(parser: Any) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


@pytest.fixture(scope='module')
def global_options() -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from openstackclient import shell

        return _options(shell.OpenStackShell().parser)


def test_there_are_commands() -> None:
    assert len(_COMMANDS) > 25


@pytest.mark.parametrize('name', sorted(_COMMANDS))
def test_no_option_is_taken_for_a_global_one(name: str, global_options: set[str]) -> None:
    """The program reads its own options first, and takes the beginning of one for it."""
    parser = _COMMANDS[name].load()(None, None).get_parser(name)
    long = {option for option in _options(parser) if option.startswith('--')}
    taken = {
        option for option in long - {'--help'}
        if any(known.startswith(option) for known in global_options)
    }
    assert taken == set()


@pytest.mark.parametrize('name', sorted(_COMMANDS))
def test_every_command_and_option_is_described(name: str) -> None:
    command = _COMMANDS[name].load()(None, None)
    parser = command.get_parser(name)
    assert command.get_description().endswith('.')
    assert [action.dest for action in parser._actions if not action.help] == []
