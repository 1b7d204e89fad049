"""Names of stacks."""

import uuid

import pytest

from magnum.domain.stack_names import nodegroup_stack_name, short_id, stack_name

UUID = '0123abcd-0000-4000-8000-000000000000'


def test_short_ids_are_of_the_uuid_alone() -> None:
    assert short_id(UUID) == short_id(UUID.upper()) == 'aer2xtiaabaa'
    assert short_id(UUID) != short_id(UUID.replace('cd', 'ce'))


@pytest.mark.parametrize(('name', 'readable'), [
    ('prod', 'prod'), ('My_bay.eu', 'my-bay-eu'), ('a1', 'a1'), ('1a', 'bay-1a'), ('-', 'bay--'),
    ('é', 'bay-'), ('b' * 31, 'b' * 30), ('1' * 31, 'bay-' + '1' * 26),
])
def test_readable_part_of_a_stacks_name(name: str, readable: str) -> None:
    assert stack_name(name, UUID) == f'{readable}-{short_id(UUID)}'


@pytest.mark.parametrize(
    ('bay', 'group', 'readable'),
    [
        ('my_bay', 'GPU.big', 'my-bay-gpu-big-'),
        ('1', 'workers', 'bay-1-workers-'),
        ('bay', '日本', 'bay-'),
        ('b' * 100, 'g' * 100, f'{"b" * 14}-{"g" * 14}-'),
    ],
)
def test_a_nodegroups_stack(bay: str, group: str, readable: str) -> None:
    names = {nodegroup_stack_name(bay, group, str(uuid.UUID(int=n << 96))) for n in (1, 2)}
    assert len(names) == 2
    for name in names:
        assert name[: -12] == readable
        assert name == name.lower()
