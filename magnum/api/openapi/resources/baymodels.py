"""Baymodels and cluster templates."""

from collections.abc import Iterator, Mapping
from typing import Final

from magnum.api import versions
from magnum.api.dialects import BAYMODEL_DIALECTS, Dialect
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types import baymodels as types
from magnum.api.types.fields import Shown
from magnum.api.types.schemas import Schema

_WORDS: Final = {'baymodels': 'baymodel', 'clustertemplates': 'cluster template'}


def _components(dialect: Dialect) -> Iterator[tuple[str, Schema]]:
    title, resource = dialect.title, types.TYPES[dialect]
    yield f'{title}Request', bodies.request(resource)
    yield f'{title}Patch', bodies.patch(resource)
    full = bodies.document(resource, Shown.IN_FULL)
    yield title, full
    yield f'{title}Narrowed', bodies.narrowed(full)
    for kind in ('', 'Narrowed'):
        item = bodies.ref(f'{title}{kind}')
        yield f'{title}List{kind}', bodies.listing(dialect.collection, item)


def _operations(dialect: Dialect) -> Iterator[tuple[str, Operation]]:
    tag, title, words = dialect.collection, dialect.title, _WORDS[dialect.collection]
    page = (Reply(200, f'{title}List'),)
    shown = Reply(200, title, ('ETag',))
    planned = Reply(200, f'{title}Preview', since=versions.PREVIEW)
    made = Reply(201, title, ('ETag', 'Location', 'Idempotency-Replayed?'))
    yield f'{tag}.list', Operation(tag, f'List {words}s', page)
    yield f'{tag}.detail', Operation(tag, f'List {words}s in detail', page)
    yield f'{tag}.create', Operation(tag, f'Make a {words}', (planned, made), f'{title}Request')
    yield f'{tag}.get', Operation(tag, f'Show a {words}', (shown,), tagged=True)
    yield f'{tag}.update', Operation(
        tag, f'Change a {words}', (shown,), f'{title}Patch', tagged=True
    )
    yield f'{tag}.delete', Operation(tag, f'Delete a {words}', (Reply(204),), tagged=True)


COMPONENTS: Final[Mapping[str, Schema]] = {
    name: schema for dialect in BAYMODEL_DIALECTS for name, schema in _components(dialect)
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    name: operation for dialect in BAYMODEL_DIALECTS for name, operation in _operations(dialect)
}
