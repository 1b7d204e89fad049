"""Rows are the same, in one value or in many."""

import datetime

import sqlalchemy as sa

from magnum.db import models, selections
from magnum.db.engine import Database

TABLE: sa.Table = models.Baymodel.__table__
MOMENT = datetime.datetime(2024, 5, 6, 7, 8, 9, 10, datetime.UTC)
HOSTILE = 'a "quoted" \\ back\\"slash, \t tab, \x01 control, \n line, {} é € 🙂 %s \' \x7f </x> ?'


def test_packed_rows_are_those_of_the_columns(database: Database) -> None:
    with database.writing() as session:
        for name, labels, updated in (
            ('plain', {}, None),
            (HOSTILE, {HOSTILE: HOSTILE, 'list': ['1', None, {'deep': 'x' * 5000}]}, MOMENT),
            ('whole second', {'null': None}, MOMENT.replace(microsecond=0)),
        ):
            session.add(models.Baymodel(
                name=name, coe='kubernetes', image_id='1', labels=labels, http_proxy=HOSTILE,
                updated_at=updated, public=bool(labels), apiserver_port=6443,
            ))
    columns = (*TABLE.c, TABLE.c.labels.label('again'), TABLE.c.project_id.label('owner'))
    with database.reading() as session:
        plain = selections.Selection(columns, is_packed=False)
        asked = selections.of(session, columns)
        assert len(asked.query.selected_columns) == 1, 'they are packed'
        expected = plain.all(session, plain.query.order_by(TABLE.c.id))
        rows = asked.all(session, asked.query.order_by(TABLE.c.id))
        first = asked.first(session, asked.query.order_by(TABLE.c.id))
        nothing = asked.first(session, asked.query.where(sa.false()))
    assert [row._asdict() for row in rows] == [dict(row._mapping) for row in expected]
    assert [list(map(type, row)) for row in rows] == [list(map(type, row)) for row in expected]
    assert first == rows[0]
    assert nothing is None
    assert (rows[1].name, rows[1].public, rows[1].updated_at) == (HOSTILE, True, MOMENT)
