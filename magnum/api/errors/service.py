"""Errors of the service itself, and of what it depends on."""

from typing import Final

from magnum.api.errors.kinds import Kind

INTERNAL: Final = Kind(
    'magnum.internal', 500,
    'The service met a fault of its own.',
    'Report the request id to the operator, whose log has the rest.',
)
SEAL_BROKEN: Final = Kind(
    'magnum.seal_broken', 500,
    'A secret in the database cannot be opened: the key that it was sealed with is not '
    'configured any more, or the row was changed.',
    'Report the detail to the operator: it names the key and the row. '
    '"magnum-status upgrade check" lists all such rows.',
)
CLOUD_UNAVAILABLE: Final = Kind(
    'magnum.cloud_unavailable', 503,
    'A service of the cloud did not answer a look-up that the request needs.',
    'Send the request again later; tell the operator if it goes on.',
)
OUTCOME_UNKNOWN: Final = Kind(
    'magnum.outcome_unknown', 504,
    'The connection to the database broke while a change was committed, and the database did '
    'not say within seconds whether it was: the change may have been made, or not.',
    'Look whether it was made before the request is sent again. A POST with the same '
    'Idempotency-Key can be sent again at once.',
)
DATABASE_UNAVAILABLE: Final = Kind(
    'magnum.database_unavailable', 503,
    'The database of the service does not answer, or is busy; nothing was changed.',
    'Send the request again after "Retry-After" seconds; tell the operator if it goes on.',
)

#: What a fault of our own says to the client; the log has the rest.
INTERNAL_DETAIL: Final = (
    'The service met an unexpected fault. Report the request id to the operator.'
)
