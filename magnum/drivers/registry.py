"""Choosing a driver: by name, or by what a bay is to be made of."""

from collections.abc import Collection, Mapping
from typing import Any, NoReturn, Self

import stevedore
from oslo_config import cfg

from magnum.domain.baymodels import COE_SYNONYMS
from magnum.drivers import catalogue
from magnum.drivers.contract import Driver

NAMESPACE = 'magnum.drivers'

END_OF_LIFE_DISTROS = ('fedora-atomic', 'coreos')


class DriverNotFound(Exception):
    """No driver serves what is asked for.

    The text says what is supported and is meant for users. ``field`` is the
    attribute at fault, as users write it.
    """

    def __init__(self, field: str, reason: str, supported: str):
        super().__init__(f'{reason} Supported: {supported}.')
        self.field = field


class DistroEndOfLife(DriverNotFound):
    """The image's distribution is not maintained any more."""


class DistroUnknown(DriverNotFound):
    """The image does not say what distribution it holds."""


class Registry:
    """The drivers of this installation, by name."""

    def __init__(self, drivers: Mapping[str, Driver]):
        self._drivers = dict(sorted(drivers.items()))

    @classmethod
    def from_entry_points(
        cls, disabled: Collection[str] = (), catalogue_file: str | None = None
    ) -> Self:
        """Drivers published by installed packages; broken ones raise.

        :param disabled: names of drivers that are not offered.
        :param catalogue_file: of the operator's, that extends what drivers know of releases.
        :raises CatalogueInvalid: the file cannot be read, or is about no driver.
        """
        manager: stevedore.ExtensionManager[Driver] = stevedore.ExtensionManager(
            NAMESPACE, invoke_on_load=True, on_load_failure_callback=_fail
        )
        drivers = {extension.name: extension.obj for extension in manager if extension.obj}
        for name, more in (catalogue.read(catalogue_file) if catalogue_file else {}).items():
            if name not in drivers:
                raise catalogue.CatalogueInvalid(
                    f'{catalogue_file}: there is no driver {name!r}, only {", ".join(drivers)}.'
                )
            drivers[name].extend(more)
        return cls({name: driver for name, driver in drivers.items() if name not in disabled})

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> Self:
        """Those that the options ``[drivers]`` leave."""
        return cls.from_entry_points(conf.drivers.disabled_drivers, conf.drivers.catalogue_file)

    def all(self) -> Mapping[str, Driver]:
        """Every driver by its name."""
        return dict(self._drivers)

    def find(self, name: str | None) -> Driver | None:
        """The driver of this name, if it is installed here."""
        return self._drivers.get(name or '')

    def by_name(self, name: str) -> Driver:
        """:raises DriverNotFound: of another name."""
        try:
            return self._drivers[name]
        except KeyError:
            raise DriverNotFound(
                'driver', f'There is no driver {name!r}.', ', '.join(self._drivers)
            ) from None

    def choose(self, server_type: str, distro: str | None, coe: str) -> Driver:
        """The first driver, by name, that builds this COE of such servers.

        :param distro: the image's ``os_distro``; None when it has none.
        :raises DriverNotFound: or a subclass of it.
        """
        coe = COE_SYNONYMS.get(coe, coe)
        candidates = [driver for driver in self._drivers.values() if driver.capabilities.coe == coe]
        if not candidates:
            raise DriverNotFound(
                'coe',
                f'There is no driver for the COE {coe!r}.',
                ', '.join(sorted({driver.capabilities.coe for driver in self._drivers.values()})),
            )
        for driver in candidates:
            if (
                server_type in driver.capabilities.server_types
                and distro in driver.capabilities.distros
            ):
                return driver
        raise self._refusal(server_type, distro, coe, candidates)

    @staticmethod
    def _refusal(
        server_type: str, distro: str | None, coe: str, candidates: list[Driver]
    ) -> DriverNotFound:
        supported = '; '.join(
            f'{coe} on {"/".join(driver.capabilities.distros)} '
            f'({"/".join(driver.capabilities.server_types)})'
            for driver in candidates
        )
        if not distro:
            return DistroUnknown('image_id', 'The image has no property os_distro.', supported)
        if distro in END_OF_LIFE_DISTROS:
            return DistroEndOfLife('image_id', f'{distro} has reached its end of life.', supported)
        return DriverNotFound(
            'image_id',
            f'No driver builds {coe} from {distro} on servers of type {server_type}.',
            supported,
        )


def _fail(_manager: Any, _entry_point: Any, error: BaseException) -> NoReturn:
    raise error
