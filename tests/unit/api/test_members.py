"""A member of what is only answered is declared once, for documents and for OpenAPI."""

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.api.openapi.resources import COMPONENTS
from magnum.api.types import quotas
from magnum.api.types.schemas import BOOLEAN, COUNT, TIME
from magnum.api.views import (
    certificates,
    config,
    drivers,
    events,
    mservices,
    operations,
    stats,
)
from magnum.api.views.members import DocumentType, Member, computed, of_field, time
from magnum.db import models
from magnum.db.repositories import events as event_repository
from magnum.db.repositories import mservices as mservice_repository
from magnum.db.repositories import operations as operation_repository

_NOW = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, datetime.UTC)
_TYPES = {
    'Operation': operations.OPERATION,
    'Event': events.EVENT,
    'Driver': drivers.DRIVER,
    'DriverWithLabels': drivers.DRIVER_WITH_LABELS,
    'Conductor': mservices.CONDUCTOR,
    'Authority': certificates.AUTHORITY,
    'Certificate': certificates.CERTIFICATE,
    'Config': config.CONFIG,
    'Statistics': stats.STATISTICS,
    'Quota': DocumentType(*map(of_field, quotas.FIELDS)),
}


@pytest.mark.parametrize('component', _TYPES)
def test_openapi_is_made_of_what_is_shown(component: str) -> None:
    shown = _TYPES[component]
    assert COMPONENTS[component] == shown.schema()
    assert all(member.meaning.endswith('.') for member in shown.members)


@pytest.mark.parametrize('component', _TYPES)
def test_a_member_more_is_in_documents_and_in_openapi(component: str) -> None:
    wider = DocumentType(*_TYPES[component].members, Member('weight', COUNT, 'In grams.'))
    source = _anything(wider, weight=7)
    given = {member.name: None for member in wider.members if member.is_computed}
    assert wider.document(source, **given)['weight'] == 7
    schema = wider.schema()
    assert schema['properties']['weight'] == {**COUNT, 'description': 'In grams.'}
    assert 'weight' in schema['required']


def _anything(shown: DocumentType, **attributes: Any) -> Any:
    """A thing that has all the attributes that a document shows."""
    values: dict[str, Any] = {member.attribute: None for member in shown.members}
    values |= {'id': 1, 'labels_schema': dict, **attributes}
    capabilities = {
        name.removeprefix('capabilities.'): value
        for name, value in values.items() if name.startswith('capabilities.')
    }
    return SimpleNamespace(**values, capabilities=SimpleNamespace(**capabilities))


@pytest.mark.parametrize(
    ('shown', 'table'),
    [
        (operations.OPERATION, operation_repository.TABLE),
        (operations.STEP, operation_repository.STEP),
        (events.EVENT, event_repository.TABLE),
        (mservices.CONDUCTOR, mservice_repository.TABLE),
    ],
    ids=['operations', 'steps', 'events', 'mservices'],
)
def test_members_are_columns(shown: DocumentType, table: sa.Table) -> None:
    """Whoever adds a member need not say anywhere else what is selected."""
    wider = DocumentType(*shown.members, Member('row', COUNT, 'Its number.', of='id'))
    assert table.c.id in set(wider.columns(table))
    assert len(shown.columns(table)) == len(set(shown.columns(table)))


def test_what_is_shown_of_operations_is_selected() -> None:
    assert models.Operation.__table__.c.deadline in operations.COLUMNS
    assert models.Operation.__table__.c.id not in operations.COLUMNS


def test_values_are_shown_as_the_member_says() -> None:
    shown = DocumentType(
        Member('id', COUNT, 'Its number.', of='row.id'),
        time('made', 'When.'),
        time('ended', 'When.'),
        Member('even', BOOLEAN, 'Whether it is.', of='row.id', show=lambda number: not number % 2),
        computed('links', TIME, 'Where.'),
    )
    source = SimpleNamespace(row=SimpleNamespace(id=3), made=_NOW, ended=None)
    assert shown.document(source, links=['here']) == {
        'id': 3, 'made': '2024-05-06T07:08:09.000010+00:00', 'ended': None, 'even': False,
        'links': ['here'],
    }


def test_an_optional_member_may_be_left_out() -> None:
    shown = DocumentType(
        computed('kind', TIME, 'Which.', is_optional=True), computed('links', TIME, 'Where.')
    )
    assert shown.document(links=[]) == {'links': []}
    assert list(shown.document(kind='ca', links=[])) == ['links', 'kind']
    assert shown.schema()['required'] == ['links']


def test_a_computed_member_has_to_be_given() -> None:
    shown = DocumentType(computed('links', TIME, 'Where.'))
    with pytest.raises(KeyError):
        shown.document(None)
