"""Operations that go over several node groups, one after the other.

``parameters['groups']`` lists what each round is about, ``parameters['round']``
is the one that goes on. A retry begins with the round that failed, so that
what is done is not done again. An operation about one node group names it by
``parameters['nodegroup']`` and has no rounds.
"""

from collections.abc import Mapping
from typing import Any, Final

from magnum.domain.stack_names import short_id

Parameters = Mapping[str, Any]

_LONGEST: Final = 40  # characters of a step's name after its dot


def has_begun(parameters: Parameters) -> bool:
    """Whether it is settled what the rounds are about."""
    return 'groups' in parameters


def current(parameters: Parameters) -> Mapping[str, Any] | None:
    """What the round that goes on is about; None without rounds."""
    if not has_begun(parameters):
        return None
    group: Mapping[str, Any] = parameters['groups'][parameters['round']]
    return group


def is_last(parameters: Parameters) -> bool:
    """Whether no round follows the one that goes on."""
    return not has_begun(parameters) or parameters['round'] + 1 >= len(parameters['groups'])


def names(parameters: Parameters) -> list[str]:
    """How the steps of each round end, in order."""
    return [_name(group) for group in parameters.get('groups', ())]


def current_name(parameters: Parameters) -> str:
    """How the names of the steps of this round end."""
    group = current(parameters)
    return '' if group is None else _name(group)


def nodegroup_uuid(parameters: Parameters) -> str | None:
    """The node group that the operation is about now; None: no single one."""
    group = current(parameters)
    uuid: str | None = parameters.get('nodegroup') if group is None else group['uuid']
    return uuid


def minutes(parameters: Parameters) -> int:
    """How long the round may take."""
    allowed: int = parameters['groups'][parameters['round']]['minutes']
    return allowed


def _name(group: Mapping[str, Any]) -> str:
    """The node group's name, cut so that it stays its own in a step's name."""
    name: str = group['name']
    if len(name) <= _LONGEST:
        return name
    unique = short_id(group['uuid'])
    return f'{name[: _LONGEST - len(unique) - 1]}-{unique}'
