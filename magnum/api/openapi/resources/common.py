"""Answers that several resources have in common."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.operations import ACCEPTED, Operation
from magnum.api.types.schemas import UUID, Schema, closed

KEPT: Final[Schema] = {
    'type': 'object',
    'additionalProperties': {'type': ['string', 'integer', 'null']},
    'description': 'Of an upgrade: what the template has differently and the cluster keeps, '
    'by attribute.',
}
COMPONENTS: Final[Mapping[str, Schema]] = {
    ACCEPTED: {
        **closed(
            {
                'uuid': UUID,
                'operation_id': {
                    **UUID, 'description': 'Of the operation, where one was planned.',
                },
                'kept': KEPT,
            },
            optional=['operation_id', 'kept'],
        ),
        'description': 'The work goes on after the answer.',
    },
}
OPERATIONS: Final[Mapping[str, Operation]] = {}
