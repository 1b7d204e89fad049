"""Operations on bays, under the clusters' and the bays' name."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api.dialects import OPERATIONS as DIALECT
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import ACCEPTED, Operation, Reply
from magnum.api.types.schemas import Schema
from magnum.api.views import operations as views

_TAG: Final = DIALECT.collection
_ACCEPTED: Final = (Reply(202, ACCEPTED, ('Operation-Location', 'Idempotency-Replayed?')),)
_PAGE: Final = (Reply(200, 'OperationList'),)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Operation': views.OPERATION.schema(),
    'OperationList': bodies.listing(DIALECT.collection, bodies.ref('Operation')),
}
OPERATIONS: Final[Mapping[str, Any]] = {
    'operations.list': Operation(_TAG, 'List operations', _PAGE),
    'bays_operations.list': Operation(_TAG, 'List the operations on a bay', _PAGE),
    'clusters_operations.list': Operation(_TAG, 'List the operations on a cluster', _PAGE),
    'operations.get': Operation(_TAG, 'Show an operation', (Reply(200, 'Operation'),)),
    'operations.cancel': Operation(_TAG, 'Cancel an operation', _ACCEPTED),
    'operations.retry': Operation(_TAG, 'Try an operation again', _ACCEPTED),
}
