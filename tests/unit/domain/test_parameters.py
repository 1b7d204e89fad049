"""Parameters of operations: rows of every release are read, and are written so that each can."""

import ast
import dataclasses
import itertools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

import magnum
from magnum.domain import parameters, states
from magnum.domain.parameters import (
    Create,
    Delete,
    DeleteNodegroup,
    InRounds,
    OfNodegroup,
    Parameters,
    Removing,
    Resize,
    RotateCA,
    Round,
    Stored,
    Upgrade,
)

_ROOT = pathlib.Path(magnum.__file__).parent


@dataclasses.dataclass
class Row:
    verb: str
    parameters: Stored


def read(verb: str, stored: dict[str, Any]) -> Parameters:
    return Parameters.of(Row(verb, Stored(stored)))


def a_round(name: str, **values: Any) -> Round:
    return Round(**{
        'uuid': 'u', 'name': name, 'revision': 1, 'minutes': 1, 'before': {}, 'values': {},
        **values,
    })


def an_upgrade(*groups: str) -> Upgrade:
    return Upgrade(
        baymodel='m', fingerprint='f', max_batch_size=1, minutes=1,
        groups=tuple(a_round(group) for group in groups),
    )


#: Rows as the releases before these classes wrote them, from beginning to end.
RECORDED: list[tuple[str, dict[str, Any]]] = json.loads(
    pathlib.Path(__file__).with_name('recorded_parameters.json').read_text()
)


@pytest.mark.parametrize(('verb', 'stored'), RECORDED, ids=itertools.count())
def test_recorded_rows_come_back_as_they_were(verb: str, stored: dict[str, Any]) -> None:
    found = read(verb, stored)
    assert found.verb == verb
    assert not found.others, 'every member has its field'
    written = found.written()
    left_out = {name: stored[name] for name in stored.keys() - written.keys()}
    assert {**written, **left_out} == stored
    assert left_out in ({}, {'networks': []}, {'networks': [], 'servers': []})
    assert read(verb, written) == found


def test_every_verb_has_a_recorded_row_and_a_class() -> None:
    assert {verb for verb, _ in RECORDED} == states.VERBS.keys()
    assert sorted(kind.verb for kind in parameters.VERBS) == sorted(states.VERBS)


def test_every_field_is_in_a_recorded_row() -> None:
    for kind in parameters.VERBS:
        recorded = {name for verb, stored in RECORDED if verb == kind.verb for name in stored}
        fields = {field.name for field in dataclasses.fields(kind)} - {'others'}
        assert fields - recorded == set()


@pytest.mark.parametrize('kind', parameters.VERBS)
def test_a_row_may_lack_anything(kind: type[Parameters]) -> None:
    found = kind.of(Row(kind.verb, Stored({})))
    assert not found.is_retry
    assert kind.of(Row(kind.verb, found.stored())) == found


def test_what_a_row_lacks() -> None:
    resize = Resize.of(Row(states.RESIZE, Stored({'nodegroup': 'n', 'node_count': 2})))
    assert (resize.rollback, *resize.nodes_to_remove) == (False,)
    assert (resize.previous_node_count, resize.taken, resize.echoes) == (None, {}, 0)
    upgrade = Upgrade.of(Row(states.UPGRADE, Stored({})))
    assert (upgrade.max_batch_size, *upgrade.groups) == (1,)
    with pytest.raises(IndexError):
        _ = upgrade.current


def test_members_that_only_another_release_knows_are_kept() -> None:
    stored = {
        'baymodel': 'm', 'fingerprint': 'f', 'max_batch_size': 1, 'minutes': 1, 'pace': {'a': 1},
        'groups': [{**a_round('a').written(), 'surge': 2}], 'round': 0,
    }
    found = Upgrade.of(Row(states.UPGRADE, Stored(stored)))
    assert dataclasses.replace(found, round=1).written() == {**stored, 'round': 1}
    assert found.again().written() == {**stored, 'is_retry': True}


def test_what_older_releases_read_without_a_default_is_always_written() -> None:
    resize = Resize(
        nodegroup='n', node_count=0, previous_node_count=1, rollback=False, nodes_to_remove=()
    )
    assert resize.written() == {
        'nodegroup': 'n', 'node_count': 0, 'previous_node_count': 1, 'rollback': False,
        'nodes_to_remove': [],
    }
    assert Create().written() == {}
    written = an_upgrade('a').written()
    assert (written['round'], written['groups'][0]['name']) == (0, 'a')
    assert {'round', 'groups'}.isdisjoint(an_upgrade().written())


def test_another_try_begins_anew_with_what_is_counted() -> None:
    delete = Delete(delete_attempts={'stack': 3}, networks=('n',), servers=('s',))
    assert delete.again() == Delete(is_retry=True, networks=('n',), servers=('s',))
    resize = Resize(
        nodegroup='n', node_count=2, previous_node_count=1, rollback=True,
        nodes_to_remove=('0',), taken={'0': 'server'}, echoes=2,
    )
    assert resize.again() == dataclasses.replace(resize, is_retry=True, echoes=0)
    group = DeleteNodegroup(nodegroup='n', delete_attempts={'stack': 1})
    assert group.again() == DeleteNodegroup(nodegroup='n', is_retry=True)
    assert RotateCA(is_retired=True).again() == RotateCA(is_retired=True, is_retry=True)


def test_attempts_are_counted_by_thing() -> None:
    assert Delete(delete_attempts={'a': 1}).with_attempts('b', 2) == Delete(
        delete_attempts={'a': 1, 'b': 2}
    )


def test_a_verb_has_its_own() -> None:
    row = Row(states.DELETE_NODEGROUP, Stored({'nodegroup': 'n'}))
    for kind in (DeleteNodegroup, OfNodegroup, Removing, Parameters):
        assert isinstance(kind.of(row), DeleteNodegroup)
    for other in (Delete, Resize, InRounds):
        with pytest.raises(TypeError, match=f'DeleteNodegroup, not {other.__name__}'):
            other.of(row)


def test_an_operation_of_a_later_release_can_be_shown() -> None:
    stored = {'is_retry': True, 'what': ['ever']}
    found = read('teleport', stored)
    assert (found.is_retry, found.others, found.written()) == (True, {'what': ['ever']}, stored)


# Nothing else looks into the column --------------------------------------------

_OURS = 'domain/parameters.py'
#: What else has parameters: stacks, templates, HTTP.
_OF_SQL = 'scope.parameters'
_OF_HEAT = ('drivers/', 'clients/', 'api/openapi/', 'api/requests/preview.py')


def _looks(tree: ast.Module) -> Iterator[str]:
    """Where a module reads or writes a member by a string."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=base, slice=ast.Constant(value=str())):
                pass
            case ast.Call(
                func=ast.Attribute(value=base, attr='get' | 'pop' | 'setdefault'),
                args=[ast.Constant(value=str()), *_],
            ):
                pass
            case ast.Dict(keys=keys, values=values) if None in keys:
                base = values[keys.index(None)]
            case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()]):
                base = node.comparators[0]
            case _:
                continue
        text = ast.unparse(base)
        if text.split('.')[-1] in {'parameters', 'asked'} and text != _OF_SQL:
            yield ast.unparse(node)


def _written(tree: ast.Module) -> Iterator[str]:
    """What a module writes to the column, but for what the classes make."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr='parameters')], value=value):
                made = value
            case ast.Call(func=func, keywords=keywords) if ast.unparse(func).endswith('.insert'):
                given = [one.value for one in keywords if one.arg == 'parameters']
                if not given:
                    continue
                made = given[0]
            case _:
                continue
        if not ast.unparse(made).endswith('.stored()'):
            yield ast.unparse(node)


def test_nothing_else_looks_into_the_column() -> None:
    found = {}
    for path in sorted(_ROOT.rglob('*.py')):
        place = path.relative_to(_ROOT).as_posix()
        if place == _OURS or place.startswith(_OF_HEAT):
            continue
        tree = ast.parse(path.read_text())
        if here := [*_looks(tree), *_written(tree)]:
            found[place] = here
    assert found == {}


@pytest.mark.parametrize('text', [
    "operation.parameters['round']",
    "work.operation().parameters.get('taken', {})",
    "'groups' in claim.parameters",
    "asked['rollback']",
    "{**operation.parameters, 'round': 1}",
    "operation.parameters = {'round': 1}",
    "transitions.insert(session, machine.ACCEPT, {}, parameters={'round': 1})",
])
def test_what_would_look_into_the_column_is_found(text: str) -> None:
    tree = ast.parse(text)
    assert [*_looks(tree), *_written(tree)]
