"""Configuration of native clients."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types import config as types
from magnum.api.types.schemas import Schema
from magnum.api.views.config import CONFIG

COMPONENTS: Final[Mapping[str, Schema]] = {
    'ConfigRequest': bodies.request(types.TYPE),
    'Config': CONFIG.schema(),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    f'{dialect.collection}_config.create': Operation(
        'config', f'Configure native clients of a {dialect.singular}',
        (Reply(201, 'Config', ('Idempotency-Replayed?',)),), 'ConfigRequest',
    )
    for dialect in (BAYS, CLUSTERS)
}
