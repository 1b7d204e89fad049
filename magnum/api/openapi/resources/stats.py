"""Statistics."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.members import COUNT
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.openapi.scalars import Schema
from magnum.api.openapi.schemas import closed

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Statistics': closed({'clusters': COUNT, 'nodes': COUNT}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'stats.get': Operation('stats', 'Count bays and nodes', (Reply(200, 'Statistics'),)),
}
