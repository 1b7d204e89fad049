"""Bays and clusters."""

from collections.abc import Iterator, Mapping
from typing import Final

from magnum.api import versions
from magnum.api.dialects import BAY_DIALECTS, BAYS, CLUSTERS, Dialect
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import ACCEPTED, Operation, Reply, component, spoken
from magnum.api.types import bays as types
from magnum.api.types.fields import Shown
from magnum.api.types.schemas import RESOLVED_LABELS, Schema, closed

_LATER: Final = 'Operation-Location?'
_REPLAYED: Final = 'Idempotency-Replayed?'


def _components(dialect: Dialect) -> Iterator[tuple[str, Schema]]:
    title, resource = component(dialect), types.TYPES[dialect]
    full = bodies.document(resource, Shown.ALONE)
    item = bodies.document(resource, Shown.IN_LISTS)
    yield title, full
    yield f'{title}Item', item
    # What requests hold is the same at every version; members are chosen at the last ones.
    kinds: tuple[str, ...] = ('',)
    if dialect.successor is None:
        yield f'{title}Request', bodies.request(resource)
        yield f'{title}Patch', bodies.patch(resource)
        yield f'{title}Narrowed', bodies.narrowed(full, resolved_labels=RESOLVED_LABELS)
        yield f'{title}ItemNarrowed', bodies.narrowed(item)
        kinds = ('', 'Narrowed')
    for kind in kinds:
        items = bodies.ref(f'{title}Item{kind}')
        yield f'{title}List{kind}', bodies.listing(dialect.collection, items)
        items = bodies.ref(f'{title}{kind}')
        yield f'{title}DetailList{kind}', bodies.listing(dialect.collection, items)


def _operations(dialect: Dialect) -> Iterator[tuple[str, Operation]]:
    tag, title, words = dialect.collection, dialect.title, dialect.singular
    views = tuple(spoken(dialect))

    def shown(kind: str = '', headers: tuple[str, ...] = ()) -> tuple[Reply, ...]:
        return tuple(
            Reply(200, f'{name}{kind}', headers, since, until) for name, since, until in views
        )

    yield f'{tag}.list', Operation(tag, f'List {words}s', shown('List'))
    yield f'{tag}.detail', Operation(tag, f'List {words}s in detail', shown('DetailList'))
    yield f'{tag}.get', Operation(tag, f'Show a {words}', shown('', ('ETag',)), tagged=True)
    yield f'{tag}.labels', Operation(
        tag, f'Show what the labels of a {words} come to', (Reply(200, 'ResolvedLabels'),)
    )
    yield f'{tag}.create', Operation(
        tag, f'Build a {words}',
        (
            Reply(200, 'BayPreview', since=versions.PREVIEW),
            *_synchronous(dialect, Reply(201, title, ('ETag', 'Location', _REPLAYED))),
            Reply(202, ACCEPTED, (_LATER, _REPLAYED), dialect.asynchronous_from),
        ),
        f'{title}Request',
    )
    yield f'{tag}.update', Operation(
        tag, f'Change a {words}',
        (
            *_synchronous(dialect, Reply(200, title, ('ETag',))),
            Reply(202, ACCEPTED, (_LATER,), dialect.asynchronous_from),
        ),
        f'{title}Patch', tagged=True,
    )
    yield f'{tag}.delete', Operation(
        tag, f'Delete a {words}', (Reply(204, headers=('Operation-Location',)),), tagged=True
    )


def _synchronous(dialect: Dialect, reply: Reply) -> Iterator[Reply]:
    """The reply of versions before the dialect was asynchronous, if there are."""
    last = dialect.asynchronous_from - 1
    if last >= versions.MINIMUM:
        yield Reply(reply.status, reply.schema, reply.headers, until=last)


COMPONENTS: Final[Mapping[str, Schema]] = {
    'ResolvedLabels': closed({'resolved_labels': RESOLVED_LABELS}),
    **{name: schema for dialect in BAY_DIALECTS for name, schema in _components(dialect)},
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    name: operation for dialect in (BAYS, CLUSTERS) for name, operation in _operations(dialect)
}
