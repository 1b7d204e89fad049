"""Documents made straight of rows are those that the WSME types describe."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import wsme.rest.json
from sqlalchemy import orm

from magnum.api.dialects import BAY_DIALECTS, BAYMODEL_DIALECTS, Dialect
from magnum.api.types import baymodels as baymodel_types
from magnum.api.types import bays as bay_types
from magnum.api.types.fields import Shown
from magnum.api.views.base import BaymodelView, BayView, View
from magnum.db import models
from magnum.db.repositories import baymodels, bays
from magnum.db.repositories.paging import Paging
from magnum.db.repositories.visibility import Scope

BASE = 'http://magnum.test'
EVERYTHING = Scope(None, None, all_projects=True)
PAGE = Paging(limit=100, marker=None, sort_key='id', descending=False)


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    engine = sa.create_engine('sqlite://')
    models.Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[orm.Session]:
    with orm.Session(engine) as session:
        _fill(session)
        yield session


def _fill(session: orm.Session) -> None:
    now = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, datetime.UTC)
    session.add(models.Baymodel(
        name='model', coe='kubernetes', image_id='debian', labels={'a': '1', 'b': '2'},
        updated_at=now, public=True,
    ))
    session.flush()
    baymodel = session.scalars(sa.select(models.Baymodel)).one()
    for number in range(5):
        bay = models.Bay(
            name=f'bay-{number}', baymodel_id=baymodel.uuid, status='UPDATE_FAILED',
            status_reason='why', labels={'a': '3', 'c': str(number)}, stack_id='stack',
            health_status='HEALTHY', health_status_reason={'api': 'ok'}, updated_at=now,
            create_timeout=60,
        )
        session.add(bay)
        session.flush()
        session.add_all([
            models.Nodegroup(
                bay_uuid=bay.uuid, name=name, role=role, node_count=count,
                node_addresses=[f'192.0.2.{count}'], status='UPDATE_FAILED', status_reason=name,
            )
            for name, role, count in (
                ('default-master', 'master', 1), ('default-worker', 'worker', 2),
                ('extra', 'gpu', 3),
            )
        ])
    session.commit()


def _as_the_type_says(document_type: Any, document: dict[str, Any]) -> Any:
    """The document, having gone through its WSME type."""
    instance = document_type(**document)
    return wsme.rest.json.tojson(document_type, instance)


def _parsed(document: dict[str, Any]) -> dict[str, Any]:
    """With its times as the types hold them."""
    return {
        member: datetime.datetime.fromisoformat(value) if member.endswith('_at') else value
        for member, value in document.items()
    }


@pytest.mark.parametrize('dialect', BAYMODEL_DIALECTS, ids=lambda dialect: dialect.collection)
def test_baymodels(session: orm.Session, dialect: Dialect) -> None:
    resource = baymodel_types.TYPES[dialect]
    view = BaymodelView(resource)
    rows = baymodels.page(session, view.columns, EVERYTHING, PAGE)
    (document,) = view.documents(session, rows, BASE)
    assert document.keys() == set(map(dialect.member, resource.view(Shown.IN_FULL)))
    assert document == _as_the_type_says(resource.document, _parsed(document))


@pytest.mark.parametrize('dialect', BAY_DIALECTS, ids=lambda dialect: dialect.member('stack_id'))
@pytest.mark.parametrize('shown', [Shown.IN_LISTS, Shown.IN_FULL, Shown.ALONE])
def test_bays(session: orm.Session, dialect: Dialect, shown: Shown) -> None:
    resource = bay_types.TYPES[dialect]
    view = BayView(resource, shown)
    rows = bays.page(session, view.columns, EVERYTHING, PAGE)
    document = view.documents(session, rows, BASE)[0]
    assert document.keys() == set(map(dialect.member, resource.view(shown)))
    assert document == _as_the_type_says(resource.document, _parsed(document))
    assert (document['master_count'], document['node_count']) == (1, 5)


@pytest.mark.parametrize('bays_shown', [1, 5])
def test_a_page_costs_two_statements(
    engine: sa.Engine, session: orm.Session, bays_shown: int
) -> None:
    (dialect,) = (one for one in BAY_DIALECTS if one.member('stack_id') == 'cluster_id')
    view: View = BayView(bay_types.TYPES[dialect], Shown.IN_FULL)
    statements: list[str] = []
    sa.event.listen(
        engine, 'before_cursor_execute', lambda *arguments: statements.append(arguments[2])
    )
    rows = bays.page(
        session, view.columns, EVERYTHING, Paging(bays_shown - 1 or 1, None, 'id', False)
    )
    view.documents(session, rows, BASE)
    assert len(statements) == 2
