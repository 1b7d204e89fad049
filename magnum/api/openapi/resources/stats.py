"""Statistics."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import Schema
from magnum.api.views.stats import STATISTICS

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Statistics': STATISTICS.schema(),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'stats.get': Operation('stats', 'Count bays and nodes', (Reply(200, 'Statistics'),)),
}
