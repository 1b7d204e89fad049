"""The service's own conductors."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.bodies import ref
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import (
    BOOLEAN,
    COUNT,
    NUMBER_OF_A_ROW,
    STRING,
    TEXT,
    TIME,
    Schema,
    closed,
)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Conductor': closed(
        {
            'id': NUMBER_OF_A_ROW,
            'host': STRING,
            'binary': STRING,
            'state': {'enum': ['up', 'down']},
            'report_count': COUNT,
            'disabled': BOOLEAN,
            'disabled_reason': TEXT,
            'created_at': TIME,
            'updated_at': TIME,
        }
    ),
    'ConductorList': closed({'mservices': {'type': 'array', 'items': ref('Conductor')}}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'mservices.list': Operation('mservices', 'List conductors', (Reply(200, 'ConductorList'),)),
}
