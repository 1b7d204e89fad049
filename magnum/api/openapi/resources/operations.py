"""Operations on bays, under the clusters' and the bays' name."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api.dialects import OPERATIONS as DIALECT
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import ACCEPTED, Operation, Reply
from magnum.api.types.schemas import (
    BOOLEAN,
    COUNT,
    LINKS,
    STRING,
    TEXT,
    TIME,
    UUID,
    Schema,
    closed,
    nullable,
)
from magnum.domain import failures, states

_TAG: Final = DIALECT.collection
_STEP_STATES: Final = [
    states.STEP_PENDING, states.STEP_RUNNING, states.STEP_DONE, states.STEP_FAILED,
]
_STEP: Final = closed(
    {
        'name': STRING,
        'state': {'enum': _STEP_STATES},
        'attempts': COUNT,
        'reason': TEXT,
        'started_at': TIME,
        'finished_at': TIME,
    }
)
_ERROR: Final = closed(
    {
        'code': {**TEXT, 'description': 'Of the closed list of failures.'},
        'resource': {**TEXT, 'description': 'What failed first.'},
        'resource_type': TEXT,
        'reason': TEXT,
        'owner': nullable(
            {'type': 'string', 'enum': [failures.USER, failures.OPERATOR, failures.SERVICE]}
        ),
        'retryable': nullable(BOOLEAN),
        'request_id': TEXT,
    }
)
_MEMBERS: Final[Mapping[str, tuple[Schema, str]]] = {
    'uuid': (UUID, 'Made by the service.'),
    'bay_uuid': (UUID, 'The bay.'),
    'cluster_uuid': (UUID, 'The same, by the other name.'),
    'bay_name': (TEXT, "The bay's name."),
    'cluster_name': (TEXT, 'The same, by the other name.'),
    'project_id': (TEXT, 'The project that owns the bay.'),
    'verb': ({'enum': list(states.VERBS)}, 'What was promised.'),
    'state': ({'enum': list(states.STATES)}, 'Where it stands.'),
    'percentage': (
        {'type': 'integer', 'minimum': 0, 'maximum': 100}, 'How many of its steps are done.'
    ),
    'steps': ({'type': 'array', 'items': _STEP}, 'All steps in order, those to come as well.'),
    'deadline': (TIME, 'When it is given up.'),
    'attempts': (COUNT, 'How often a conductor took it up.'),
    'retries': (TEXT, 'uuid of the operation that it tries again.'),
    'cancel_requested': (BOOLEAN, 'Whether it is to stop.'),
    'requester': (
        closed({'user_id': TEXT, 'project_id': TEXT}), 'Who asked for it.'
    ),
    'request_id': (TEXT, 'The request that asked for it.'),
    'error': (nullable(_ERROR), 'Why it failed, or what it last met.'),
    'created_at': (TIME, 'When it was asked for.'),
    'started_at': (TIME, 'When a conductor first took it up.'),
    'finished_at': (TIME, 'When it ended.'),
    'links': (LINKS, 'Where it is to be found.'),
}
_ACCEPTED: Final = (Reply(202, ACCEPTED, ('Operation-Location', 'Idempotency-Replayed?')),)
_PAGE: Final = (Reply(200, 'OperationList'),)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Operation': closed(bodies.described(_MEMBERS)),
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
