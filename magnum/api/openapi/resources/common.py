"""Answers that several resources have in common."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.operations import ACCEPTED, Operation
from magnum.api.types.schemas import UUID, Schema, closed

COMPONENTS: Final[Mapping[str, Schema]] = {
    ACCEPTED: {
        **closed(
            {
                'uuid': UUID,
                'operation_id': {
                    **UUID, 'description': 'Of the operation, where one was planned.',
                },
            },
            optional=['operation_id'],
        ),
        'description': 'The work goes on after the answer.',
    },
}
OPERATIONS: Final[Mapping[str, Operation]] = {}
