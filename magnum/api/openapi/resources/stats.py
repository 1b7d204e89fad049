"""Statistics."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import COUNT, Schema, closed

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Statistics': closed({'clusters': COUNT, 'nodes': COUNT}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'stats.get': Operation('stats', 'Count bays and nodes', (Reply(200, 'Statistics'),)),
}
