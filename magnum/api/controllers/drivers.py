"""Drivers: what kinds of bays this installation builds."""

from typing import Any, Final

from magnum.api import errors
from magnum.api.dialects import DRIVERS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.services import Services
from magnum.api.views import base as views
from magnum.drivers.contract import Driver

#: Of a driver's capabilities, what the API has promised to show.
_SHOWN: Final = (
    'coe', 'server_types', 'distros', 'network_drivers', 'volume_drivers', 'versions',
    'nodegroups', 'upgrades',
)


class DriversController:
    """``/v1/drivers``."""

    def __init__(self, services: Services):
        self._drivers = services.drivers.all()

    def list(self, call: Call) -> Answer:
        """GET of all drivers; there are few of them."""
        call.caller.check('driver:get_all')
        documents = [_document(driver, call.base) for driver in self._drivers.values()]
        return Answer({DRIVERS.collection: documents})

    def get(self, call: Call) -> Answer:
        """GET of one, with the JSON Schema of its labels."""
        call.caller.check('driver:get')
        (name,) = call.arguments
        driver = self._drivers.get(name)
        if driver is None:
            raise lookup.not_found(errors.drivers.NOT_FOUND, DRIVERS, name)
        document = _document(driver, call.base)
        document['labels_schema'] = driver.labels_schema()
        return Answer(document)


def _document(driver: Driver, base: str) -> dict[str, Any]:
    """The driver's name, and what it is capable of, as its contract says it."""
    return {
        'name': driver.name,
        **{member: getattr(driver.capabilities, member) for member in _SHOWN},
        'links': views.links(base, DRIVERS, driver.name),
    }
