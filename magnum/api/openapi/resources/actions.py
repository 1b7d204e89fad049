"""Actions on bays and clusters."""

from collections.abc import Mapping
from typing import Final

from magnum.api import versions
from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import ACCEPTED, Operation, Reply
from magnum.api.types import actions as types
from magnum.api.types.schemas import Schema

_ACCEPTED: Final = (
    Reply(200, 'NodesPreview', since=versions.PREVIEW),
    Reply(202, ACCEPTED, ('Operation-Location?', 'Idempotency-Replayed?')),
)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'ResizeRequest': bodies.request(types.RESIZE_TYPE),
    'UpgradeRequest': bodies.request(types.UPGRADE_TYPE),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    f'{dialect.collection}_actions.{action.lower()}': Operation(
        dialect.collection, f'{action} a {dialect.singular}', _ACCEPTED, f'{action}Request',
        tagged=True,
    )
    for dialect in (BAYS, CLUSTERS)
    for action in ('Resize', 'Upgrade')
}
