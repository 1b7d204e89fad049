"""The service's own conductors."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.bodies import ref
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import Schema, closed
from magnum.api.views import mservices as views

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Conductor': views.CONDUCTOR.schema(),
    'ConductorList': closed({'mservices': {'type': 'array', 'items': ref('Conductor')}}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'mservices.list': Operation('mservices', 'List conductors', (Reply(200, 'ConductorList'),)),
}
