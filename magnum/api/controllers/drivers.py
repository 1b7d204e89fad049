"""Drivers: what kinds of bays this installation builds."""

from magnum.api import errors, versions
from magnum.api.dialects import DRIVERS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.services import Services
from magnum.api.views import drivers as views


class DriversController:
    """``/v1/drivers``."""

    def __init__(self, services: Services):
        self._drivers = services.drivers.all()

    def list(self, call: Call) -> Answer:
        """GET of all drivers; there are few of them."""
        call.caller.check('driver:get_all')
        documents = [
            views.document(views.DRIVER, driver, call.base) for driver in self._drivers.values()
        ]
        return Answer({DRIVERS.collection: documents})

    def get(self, call: Call) -> Answer:
        """GET of one, with the JSON Schema of its labels and what is known of releases."""
        call.caller.check('driver:get')
        (name,) = call.arguments
        driver = self._drivers.get(name)
        if driver is None:
            raise lookup.not_found(errors.drivers.NOT_FOUND, DRIVERS, name)
        more = {'catalogue': views.catalogue(driver)} if call.version >= versions.CATALOGUE else {}
        return Answer(views.document(views.DRIVER_WITH_LABELS, driver, call.base, **more))
