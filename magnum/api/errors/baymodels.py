"""Errors of baymodels."""

from typing import Final

from magnum.api.errors.kinds import Kind

NOT_FOUND: Final = Kind(
    'magnum.baymodel.not_found', 404,
    'There is no baymodel of this name or uuid that the caller sees.',
    'List the baymodels; give the uuid of one of them.',
)
OF_BAY_NOT_FOUND: Final = Kind(
    'magnum.baymodel.not_found', 400,
    'The body of a new bay names a baymodel that the caller does not see. For clusters, from '
    'microversion 1.10 on, this is a 404.',
    'List the baymodels; give the uuid of one of them.',
)
AMBIGUOUS: Final = Kind(
    'magnum.baymodel.ambiguous', 409,
    'Several baymodels have this name.',
    'Use the uuid.',
)
EXISTS: Final = Kind(
    'magnum.baymodel.exists', 409,
    'There is a baymodel with the uuid that the request gives.',
    'Leave the uuid out, and the service makes one.',
)
IN_USE: Final = Kind(
    'magnum.baymodel.in_use', 400,
    'Bays refer to the baymodel, which then cannot be deleted, nor changed in what bays are '
    'made of.',
    'Delete the bays first, or make another baymodel.',
)
UPGRADE_TO_IT: Final = Kind(
    'magnum.baymodel.upgrade_to_it', 409,
    'A bay is being upgraded to the baymodel, or waits for it; the baymodel then cannot be '
    'deleted, nor changed in what bays are made of.',
    'Wait until the operation that the detail names has ended, or cancel it.',
)
HIDDEN: Final = Kind(
    'magnum.baymodel.hidden', 403,
    'The baymodel is hidden: only administrators make bays of it.',
    'Use another baymodel, or ask the operator to show this one.',
)
PUBLISH_REFUSED: Final = Kind(
    'magnum.baymodel.publish_refused', 403,
    'Only administrators make baymodels public or hidden.',
    'Leave "public" and "hidden" out, or ask the operator.',
)
