"""Pages of lists: what may be asked for, and the link to the next one."""

import types
from typing import Any

import pytest

from magnum.api import errors
from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.http import pagination
from magnum.db.repositories.paging import Paging

UUID = '0123abcd-0000-4000-8000-000000000000'
SORTABLE = ('id', 'name', 'baymodel_id')
URL = 'http://magnum/v1/clusters'


@pytest.mark.parametrize(('query', 'expected'), [
    ({}, Paging(1000, None, 'id', False)),
    ({'limit': '5', 'marker': UUID.upper(), 'sort_key': 'name', 'sort_dir': 'desc'},
     Paging(5, UUID, 'name', True)),
    ({'sort_key': 'cluster_template_id', 'sort_dir': 'asc'},
     Paging(1000, None, 'baymodel_id', False)),
])
def test_pages(query: dict[str, str], expected: Paging) -> None:
    assert pagination.paging(query, CLUSTERS, SORTABLE, 1000) == expected


@pytest.mark.parametrize(('query', 'argument', 'said'), [
    ({'sort_dir': 'up'}, 'sort_dir', 'Invalid sort direction: up. Acceptable values are asc and'),
    ({'sort_dir': ''}, 'sort_dir', 'Invalid sort direction'),
    ({'sort_key': 'status'}, 'sort_key', 'The sort_key value "status" is an invalid field for'),
    ({'sort_key': 'baymodel_id'}, 'sort_key', 'The sort_key value "baymodel_id" is an invalid'),
    ({'marker': 'x'}, 'marker', 'Value should be UUID format'),
    ({'marker': ''}, 'marker', 'Value should be UUID format'),
    ({'limit': 'x'}, 'limit', 'Value should be an integer'),
    ({'limit': ''}, 'limit', 'Value should be an integer'),
    ({'limit': '1' * 101}, 'limit', 'Value should be an integer'),
    ({'limit': '-1'}, 'limit', 'Limit must be positive'),
])
def test_pages_refused(query: dict[str, str], argument: str, said: str) -> None:
    with pytest.raises(errors.APIError) as caught:
        pagination.paging(query, CLUSTERS, SORTABLE, 1000)
    assert caught.value.kind is errors.requests.INVALID_VALUE
    assert said in caught.value.detail
    assert caught.value.source == errors.parameter(argument)


@pytest.mark.parametrize(('text', 'expected'), [
    (None, 10), ('0', 10), ('1', 1), ('10', 10), ('11', 10), ('+7', 7), ('9' * 100, 10),
])
def test_limits(text: str | None, expected: int) -> None:
    assert pagination.limit({} if text is None else {'limit': text}, 10) == expected


def test_markers_of_rows_without_a_uuid() -> None:
    assert pagination.id_marker('9' * 18) == int('9' * 18)
    for text in ('', '-1', 'x', '9' * 19, '\u0661'):
        with pytest.raises(errors.APIError, match='Value should be an integer') as caught:
            pagination.id_marker(text)
        assert caught.value.source == errors.parameter('marker')


def _document(rows: int, shown: int, query: dict[str, str], page: Paging, **key: Any) -> Any:
    made = [types.SimpleNamespace(uuid=f'u{number}', id=number) for number in range(rows)]
    documents = [{'uuid': row.uuid} for row in made[:shown]]
    return pagination.page_document(URL, query, CLUSTERS, page, made, documents, **key)


def test_the_last_page() -> None:
    page = Paging(2, None, 'id', False)
    assert _document(2, 2, {}, page) == {'clusters': [{'uuid': 'u0'}, {'uuid': 'u1'}]}
    assert _document(0, 0, {}, page) == {'clusters': []}


def test_the_link_to_the_next_page() -> None:
    query = {'status': 'a b', 'marker': 'u', 'sort_key': 'x', 'limit': '9'}
    assert _document(3, 2, query, Paging(2, 'u', 'baymodel_id', True))['next'] == (
        f'{URL}?sort_key=cluster_template_id&sort_dir=desc&limit=2&marker=u1&status=a+b'
    )
    assert _document(2, 1, {}, Paging(1, None, 'id', False), key='id')['next'] == (
        f'{URL}?sort_key=id&sort_dir=asc&limit=1&marker=0'
    )


def test_each_vocabulary_sorts_by_its_own_names() -> None:
    assert pagination.paging({'sort_key': 'baymodel_id'}, BAYS, SORTABLE, 5).sort_key == (
        'baymodel_id'
    )
