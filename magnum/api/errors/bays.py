"""Errors of bays."""

from typing import Final

from magnum.api.errors.kinds import Kind

NOT_FOUND: Final = Kind(
    'magnum.bay.not_found', 404,
    'There is no bay of this name or uuid in the project.',
    'List the bays; a deleted one is gone.',
)
OF_CERTIFICATE_NOT_FOUND: Final = Kind(
    'magnum.bay.not_found', 400,
    'The body names a bay that is not in the project.',
    'List the bays; give the uuid of one of them.',
)
AMBIGUOUS: Final = Kind(
    'magnum.bay.ambiguous', 409,
    'Several bays have this name.',
    'Use the uuid.',
)
PROPERTY_FIXED: Final = Kind(
    'magnum.bay.property_fixed', 400,
    'This member of a bay cannot be changed after its creation.',
    'Make a new bay with the value.',
)
PLAN_REFUSED: Final = Kind(
    'magnum.bay.plan_refused', 400,
    'The driver cannot build such a bay; the detail begins with the field at fault.',
    'Change the field as the detail says.',
)
OPERATION_IN_PROGRESS: Final = Kind(
    'magnum.bay.operation_in_progress', 409,
    'Another operation on the bay is active or waits, and excludes this one; the detail names it.',
    'Wait until it has ended, or delete the bay: a delete is taken at any time.',
)
NOT_READY: Final = Kind(
    'magnum.bay.not_ready', 409,
    'The bay is not yet, or no longer, in a state for this: it has no API address.',
    'Wait until its status is one of those that end in COMPLETE.',
)
MASTERS_UNFINISHED: Final = Kind(
    'magnum.bay.masters_unfinished', 409,
    'An upgrade, or a change of the number of masters, ended while a master was made, and Heat '
    'would make that one again.',
    'Retry that operation, or upgrade or resize the node group of the masters, first.',
)
UPGRADE_REFUSED: Final = Kind(
    'magnum.bay.upgrade_refused', 400,
    'The bay cannot be upgraded to what the request names.',
    'Follow the detail: it says what stands in the way.',
)
UPGRADE_IMPOSSIBLE: Final = Kind(
    'magnum.bay.upgrade_impossible', 409,
    'The bay and the baymodel, or the node group, that the request names do not fit together.',
    'Name a baymodel of the same COE and driver, and upgrade the default node groups first.',
)
