"""Answers that several resources have in common."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.members import MEMBERS
from magnum.api.openapi.operations import ACCEPTED, Operation
from magnum.api.openapi.scalars import Schema
from magnum.api.openapi.schemas import closed

COMPONENTS: Final[Mapping[str, Schema]] = {
    ACCEPTED: {
        **closed(
            {
                'uuid': MEMBERS['uuid'],
                'operation_id': {
                    **MEMBERS['uuid'], 'description': 'Of the operation, where one was planned.',
                },
            },
            optional=['operation_id'],
        ),
        'description': 'The work goes on after the answer.',
    },
}
OPERATIONS: Final[Mapping[str, Operation]] = {}
