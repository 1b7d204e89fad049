"""Errors of operations."""

from typing import Final

from magnum.api.errors.kinds import Kind

NOT_FOUND: Final = Kind(
    'magnum.operation.not_found', 404,
    'There is no operation of this uuid in the project, or it is older than the operator keeps.',
    'List the operations of the project, or of the bay.',
)
NOT_CANCELLABLE: Final = Kind(
    'magnum.operation.not_cancellable', 409,
    'The operation has ended, or is one that goes on to its end.',
    'Nothing; of a bay that is not wanted ask for its delete, which stops all else.',
)
NOT_RETRYABLE: Final = Kind(
    'magnum.operation.not_retryable', 409,
    "The operation did not fail, or is not the last one of its bay.",
    'Ask for what the bay is to become now.',
)
