"""What lists cost: as many statements for a page of many as for a page of one."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE


@pytest.fixture
def filled(service: Service, client: webtest.TestApp) -> Iterator[list[str]]:
    """Statements that the service sends, over a database with some of everything."""
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    for number in range(3):
        cluster = {**CLUSTER, 'name': f'c{number}'}
        client.post_json('/v1/clusters', cluster, headers=HEADERS)
        service.do_steps(2)
        service.settle()
        client.post_json(f'/v1/clusters/c{number}/actions/resize', {'node_count': 2 + number},
                         headers=HEADERS)
        service.settle()
    sent: list[str] = []

    def note(*args: object) -> None:
        sent.append(str(args[2]))

    sa.event.listen(service.database.engine, 'before_cursor_execute', note)
    yield sent
    sa.event.remove(service.database.engine, 'before_cursor_execute', note)


@pytest.mark.parametrize(
    ('path', 'most'),
    [('/v1/operations', 3), ('/v1/clusters/c0/operations', 4), ('/v1/stats', 2),
     ('/v1/bays/c0/events', 3)],
)
def test_statements_of_a_list(
    filled: list[str], client: webtest.TestApp, path: str, most: int
) -> None:
    few = '' if path.endswith('stats') else '?limit=1'
    client.get(path + few, headers=HEADERS)
    for_few = len(filled)
    filled.clear()
    client.get(path, headers=HEADERS)
    assert len(filled) <= for_few <= most, filled
