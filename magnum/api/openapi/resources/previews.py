"""Answers of dry runs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from magnum.api.dialects import BAYMODEL_DIALECTS, Dialect
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation
from magnum.api.openapi.resources import common
from magnum.api.types import baymodels as types
from magnum.api.types.fields import Shown
from magnum.api.types.schemas import (
    BOOLEAN,
    COUNT,
    RESOLVED_LABELS,
    STRING,
    Schema,
    closed,
    nullable,
)

_NUMBER: Final[Schema] = {'type': 'integer'}
_QUOTA: Final = closed(
    {
        'service': STRING,
        'resource': STRING,
        'limit': {**_NUMBER, 'description': '-1 for no limit.'},
        'used': COUNT,
        'needed': {**_NUMBER, 'description': 'Fewer than 0 where something is given back.'},
        'sufficient': BOOLEAN,
    }
)
_AGAINST_LIMITS: Final[Mapping[str, Any]] = {
    'dry_run': {'const': True},
    'resources': {'type': 'object', 'additionalProperties': _NUMBER},
    'quotas': {'type': 'array', 'items': _QUOTA},
    'quotas_unknown': {
        'type': 'array', 'items': STRING,
        'description': 'Services that do not tell their limits.',
    },
    'sufficient': {
        **nullable(BOOLEAN), 'description': 'Whether all limits allow it; null for not known.',
    },
}
_REPLACED: Final[Schema] = {
    'type': 'array',
    'items': closed({'nodegroup': STRING, 'node_count': _NUMBER, 'at_once': _NUMBER}),
    'description': 'Of an upgrade: the node groups whose nodes are replaced, in order.',
}


def _of_baymodel(dialect: Dialect) -> Schema:
    stored = bodies.document(types.TYPES[dialect], Shown.IN_FULL)['properties']
    shown = {
        member: schema for member, schema in stored.items() if member not in types.OF_A_ROW
    }
    return closed(
        {'dry_run': {'const': True}, dialect.argument: closed(shown), 'labels': RESOLVED_LABELS}
    )


def _components() -> Iterator[tuple[str, Schema]]:
    for dialect in BAYMODEL_DIALECTS:
        yield f'{dialect.title}Preview', _of_baymodel(dialect)
    yield 'NodesPreview', closed(
        {**_AGAINST_LIMITS, 'kept': common.KEPT, 'replaced': _REPLACED},
        optional=['kept', 'replaced'],
    )
    yield 'BayPreview', closed(
        {
            **_AGAINST_LIMITS,
            'driver': STRING,
            'labels': RESOLVED_LABELS,
            'parameters': {'type': 'object'},
        }
    )


COMPONENTS: Final[Mapping[str, Schema]] = dict(_components())
OPERATIONS: Final[Mapping[str, Operation]] = {}
