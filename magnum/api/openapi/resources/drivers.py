"""Drivers: what kinds of bays an installation builds."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import DRIVERS as DIALECT
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import Schema, closed
from magnum.api.views import drivers as views

_TAG: Final = DIALECT.collection

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Driver': views.DRIVER.schema(),
    'DriverWithLabels': views.DRIVER_WITH_LABELS.schema(),
    'DriverList': closed({_TAG: {'type': 'array', 'items': bodies.ref('Driver')}}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'drivers.list': Operation(_TAG, 'List drivers', (Reply(200, 'DriverList'),)),
    'drivers.get': Operation(_TAG, 'Show a driver', (Reply(200, 'DriverWithLabels'),)),
}
