"""Node groups of bays and clusters."""

from collections.abc import Iterator, Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS, NODEGROUPS, Dialect
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types import nodegroups as types
from magnum.api.types.fields import Shown
from magnum.api.types.schemas import UUID, Schema

_TAG: Final = 'nodegroups'
_FULL: Final = bodies.document(types.TYPE, Shown.IN_FULL)
_ITEM: Final = bodies.document(types.TYPE, Shown.IN_LISTS)
_PROMISED: Final = {
    **_FULL, 'properties': {**_FULL['properties'], 'operation_id': UUID},
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    'NodegroupRequest': bodies.request(types.TYPE),
    'NodegroupPatch': bodies.patch(types.TYPE, types.TYPE.changeable),
    'Nodegroup': _FULL,
    'NodegroupPromised': _PROMISED,
    'NodegroupList': bodies.listing(NODEGROUPS.collection, _ITEM),
}


def _operations(dialect: Dialect) -> Iterator[tuple[str, Operation]]:
    name, bay = f'{dialect.collection}_nodegroups', dialect.singular
    location = 'Operation-Location?'
    made = Reply(202, 'NodegroupPromised', ('ETag', location, 'Idempotency-Replayed?'))
    changed = Reply(202, 'NodegroupPromised', ('ETag', location))
    yield f'{name}.list', Operation(
        _TAG, f'List the node groups of a {bay}', (Reply(200, 'NodegroupList'),)
    )
    yield f'{name}.get', Operation(
        _TAG, f'Show a node group of a {bay}', (Reply(200, 'Nodegroup', ('ETag',)),), tagged=True
    )
    yield f'{name}.create', Operation(
        _TAG, f'Add a node group to a {bay}', (made,), 'NodegroupRequest'
    )
    yield f'{name}.update', Operation(
        _TAG, f'Change a node group of a {bay}', (changed,), 'NodegroupPatch', tagged=True
    )
    yield f'{name}.delete', Operation(
        _TAG, f'Remove a node group from a {bay}', (Reply(204, headers=('Operation-Location',)),),
        tagged=True,
    )


OPERATIONS: Final[Mapping[str, Operation]] = {
    name: operation for dialect in (BAYS, CLUSTERS) for name, operation in _operations(dialect)
}
