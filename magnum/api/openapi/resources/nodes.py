"""Nodes of bays, as they report themselves."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import STRING, Schema, closed
from magnum.api.views import nodes as views

_TAG: Final = 'nodes'

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Node': views.NODE.schema(),
    'NodeList': closed(
        {
            'nodes': {'type': 'array', 'items': bodies.ref('Node')},
            'conditions': views.CONDITIONS,
            'next': STRING,
        },
        optional=['next'],
    ),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    f'{dialect.collection}_nodes.list': Operation(
        _TAG, f'List the nodes of a {dialect.singular} that report', (Reply(200, 'NodeList'),)
    )
    for dialect in (BAYS, CLUSTERS)
}
