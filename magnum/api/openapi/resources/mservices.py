"""The service's own conductors."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.members import BOOLEAN, COUNT, MEMBERS, STRING
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.openapi.scalars import Schema, nullable
from magnum.api.openapi.schemas import closed, ref

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Conductor': closed(
        {
            'id': MEMBERS['id'],
            'host': STRING,
            'binary': STRING,
            'state': {'enum': ['up', 'down']},
            'report_count': COUNT,
            'disabled': BOOLEAN,
            'disabled_reason': nullable(STRING),
            'created_at': MEMBERS['created_at'],
            'updated_at': MEMBERS['updated_at'],
        }
    ),
    'ConductorList': closed({'mservices': {'type': 'array', 'items': ref('Conductor')}}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'mservices.list': Operation('mservices', 'List conductors', (Reply(200, 'ConductorList'),)),
}
