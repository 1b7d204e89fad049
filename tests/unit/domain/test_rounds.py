"""Rounds of operations over several node groups."""

import dataclasses
import uuid

import pytest

from magnum.domain import rounds
from magnum.domain.parameters import Create, Parameters, Resize, Upgrade
from magnum.domain.stack_names import short_id
from tests.unit.domain.test_parameters import a_round, an_upgrade

UUIDS = [str(uuid.UUID(int=number << 96)) for number in (1, 2, 3)]
GROUPS = tuple(
    dataclasses.replace(a_round(name), uuid=of)
    for of, name in zip(UUIDS, ['a', 'b' * 40, 'c' * 41], strict=True)
)


def _in_round(number: int) -> Upgrade:
    return dataclasses.replace(
        an_upgrade(), groups=GROUPS, round=number, nodegroup='not this one'
    )


@pytest.mark.parametrize('number', range(3))
def test_each_round_is_about_its_group(number: int) -> None:
    parameters = _in_round(number)
    assert rounds.has_begun(parameters)
    assert rounds.current(parameters) == GROUPS[number]
    assert rounds.nodegroup_uuid(parameters) == UUIDS[number]
    assert rounds.current_name(parameters) == rounds.names(parameters)[number]
    assert rounds.is_last(parameters) is (number == 2)


def test_names_of_groups_are_cut_to_their_place() -> None:
    short, full, cut = rounds.names(_in_round(0))
    assert (short, full) == ('a', 'b' * 40)
    assert cut == f'{"c" * 27}-{short_id(UUIDS[2])}'
    assert len(cut) == len(full)


@pytest.mark.parametrize(('parameters', 'group'), [
    (Create(), None),
    (an_upgrade(), None),
    (dataclasses.replace(an_upgrade(), nodegroup='n'), 'n'),
    (Resize(nodegroup='n', node_count=1, previous_node_count=2, rollback=False,
            nodes_to_remove=()), 'n'),
], ids=repr)
def test_an_operation_without_rounds(parameters: Parameters, group: str | None) -> None:
    assert not rounds.has_begun(parameters)
    assert rounds.current(parameters) is None
    assert rounds.current_name(parameters) == ''
    assert rounds.names(parameters) == []
    assert rounds.is_last(parameters)
    assert rounds.nodegroup_uuid(parameters) == group


def test_nodes_that_stay_are_no_batch() -> None:
    """Heat keeps them with those that are still to come."""
    asked = dataclasses.replace(an_upgrade('a'), max_batch_size=2).with_current(
        batch=(), later=('1', '4', '2', '0', '3'), staying=('0', '3')
    )
    seen = []
    for _ in range(2):
        assert rounds.has_more(asked)
        asked = asked.next_batch()
        seen.append((asked.current.batch, asked.current.later))
    assert seen == [(('1', '4'), ('2', '0', '3')), (('2',), ('0', '3'))]
    assert not rounds.has_more(asked)
