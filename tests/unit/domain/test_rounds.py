"""Rounds of operations over several node groups."""

import uuid
from typing import Any

import pytest

from magnum.domain import rounds
from magnum.domain.stack_names import short_id

UUIDS = [str(uuid.UUID(int=number << 96)) for number in (1, 2, 3)]
GROUPS = [
    {'uuid': of, 'name': name, 'minutes': 10 * number}
    for number, (of, name) in enumerate(zip(UUIDS, ['a', 'b' * 40, 'c' * 41], strict=True), 1)
]


def _in_round(number: int) -> dict[str, Any]:
    return {'round': number, 'groups': GROUPS, 'nodegroup': 'not this one'}


@pytest.mark.parametrize('number', range(3))
def test_each_round_is_about_its_group(number: int) -> None:
    parameters = _in_round(number)
    assert rounds.has_begun(parameters)
    assert rounds.current(parameters) == GROUPS[number]
    assert rounds.nodegroup_uuid(parameters) == UUIDS[number]
    assert rounds.minutes(parameters) == 10 * (number + 1)
    assert rounds.current_name(parameters) == rounds.names(parameters)[number]
    assert rounds.is_last(parameters) is (number == 2)


def test_names_of_groups_are_cut_to_their_place() -> None:
    short, full, cut = rounds.names(_in_round(0))
    assert (short, full) == ('a', 'b' * 40)
    assert cut == f'{"c" * 27}-{short_id(UUIDS[2])}'
    assert len(cut) == len(full)


@pytest.mark.parametrize(('parameters', 'group'), [({}, None), ({'nodegroup': 'n'}, 'n')])
def test_an_operation_without_rounds(parameters: dict[str, Any], group: str | None) -> None:
    assert not rounds.has_begun(parameters)
    assert rounds.current(parameters) is None
    assert rounds.current_name(parameters) == ''
    assert rounds.names(parameters) == []
    assert rounds.is_last(parameters)
    assert rounds.nodegroup_uuid(parameters) == group
