"""An attribute of bays is its columns and its field: all else is made of these."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from magnum.api.dialects import BAY_DIALECTS, Dialect
from magnum.api.openapi import bodies
from magnum.api.types import bays
from magnum.api.types.fields import Field, ResourceType, Shown, defaults, resource_type
from magnum.api.types.scalars import Integer
from magnum.api.views.base import View
from magnum.db import inheritance, models
from magnum.domain.nodegroups import MASTER, WORKER
from magnum.operations import upgrading
from tests.fakes.driver import FakeDriver

NAME = 'swap_gigabytes'
FIELD = Field(
    NAME, Integer(1, 64), "GB of each node's swap.", shown=Shown.IN_FULL
).inherited('baymodel')
SOURCES = {
    models.Baymodel: {}, models.Bay: inheritance.copy_of(NAME),
    models.Nodegroup: inheritance.copy_of(worker=NAME),
}


class Wider(orm.DeclarativeBase):
    """Tables with one column more."""


def _wider(mapped: Any, info: dict[str, Any]) -> Any:
    table = mapped.__table__.to_metadata(Wider.metadata)
    table.append_column(sa.Column(NAME, sa.Integer, info=info))
    return type(mapped.__name__, (Wider,), {'__table__': table})


BAYMODEL, BAY, NODEGROUP = (_wider(mapped, info) for mapped, info in SOURCES.items())


def _with_field(dialect: Dialect) -> ResourceType:
    return resource_type(dialect, (*bays.FIELDS, FIELD))


def test_no_such_attribute_is_known() -> None:
    """What follows sees what it adds itself."""
    assert NAME not in inheritance.inherited(models.Bay)
    assert NAME not in bays.DEFAULTS


@pytest.mark.parametrize('dialect', BAY_DIALECTS, ids=lambda one: one.member('stack_id'))
def test_documents_and_the_reference_have_it(dialect: Dialect) -> None:
    resource = _with_field(dialect)
    view = View(dialect, BAY.__table__, resource.view(Shown.IN_FULL))
    assert BAY.__table__.c[NAME] in view.columns
    assert NAME in view.members
    assert NAME not in resource.view(Shown.IN_LISTS)
    # The reference is made of these.
    shown = bodies.document(resource, Shown.IN_FULL)['properties'][NAME]
    assert shown == {
        'type': ['integer', 'null'], 'minimum': 1, 'maximum': 64,
        'description': "GB of each node's swap. By default the baymodel's.",
    }
    asked = bodies.request(resource)
    assert asked['properties'][NAME]['description'] == shown['description']
    assert NAME not in asked['required']


def test_requests_give_it() -> None:
    resource = _with_field(BAY_DIALECTS[-1])
    given = resource.parse({'cluster_template_id': 'a', NAME: '8'})
    assert given == {'baymodel_id': 'a', NAME: 8}
    assert defaults((*bays.FIELDS, FIELD))[NAME] is None


def test_only_what_a_field_allows_is_changed() -> None:
    resource = _with_field(BAY_DIALECTS[-1])
    assert NAME not in resource.changeable
    fields = (*bays.FIELDS, dataclasses.replace(FIELD, changeable=True))
    assert NAME in resource_type(BAY_DIALECTS[-1], fields).changeable


def test_bays_and_node_groups_take_it_over() -> None:
    assert NAME in inheritance.inherited(BAY)
    bay, baymodel = BAY(**{NAME: 4}), SimpleNamespace(image_id='debian')
    workers = inheritance.of_nodegroup(NODEGROUP, WORKER, bay, baymodel)
    assert (workers[NAME], workers['image_id']) == (4, 'debian')
    # It says nothing of masters.
    assert NAME not in inheritance.of_nodegroup(NODEGROUP, MASTER, bay, baymodel)


@pytest.mark.parametrize(('own', 'after'), [(4, 8), (6, 6)])
def test_it_follows_an_upgrade(own: int, after: int) -> None:
    bay = BAY(**{NAME: own}, labels={})
    current, target = (BAYMODEL(**{NAME: size}, labels={}) for size in (4, 8))
    change = upgrading.Change(current, target, FakeDriver())
    same = dict.fromkeys(inheritance.copies(models.Nodegroup, WORKER))
    move = upgrading.Move(WORKER, same, same)
    assert upgrading.bay_values(bay, change, [move])[NAME] == after


def test_masters_and_workers_have_flavors_of_their_own() -> None:
    assert inheritance.copies(models.Nodegroup, MASTER)['flavor_id'] == 'master_flavor_id'
    assert inheritance.copies(models.Nodegroup, WORKER)['flavor_id'] == 'flavor_id'
    assert 'flavor_id' not in inheritance.copies(models.Bay, MASTER)


def test_every_copied_column_of_a_bay_has_a_field_that_says_so() -> None:
    by_name = {field.attribute: field for field in bays.FIELDS}
    for name in inheritance.inherited(models.Bay):
        assert "By default the baymodel's." in by_name[name].meaning
        assert by_name[name].default is None
