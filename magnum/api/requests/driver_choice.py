"""The driver of a baymodel, and what it says of the baymodel's values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from oslo_config import cfg

from magnum.api import errors
from magnum.api.requests import refusals
from magnum.api.requests.refusals import Refusal
from magnum.clients.image import Image
from magnum.db import models
from magnum.drivers import labels as rules
from magnum.drivers.contract import BayPlan, Driver, NodeGroupPlan, PlanRefused
from magnum.drivers.registry import DriverNotFound, Registry

_OF_NODES: Final[refusals.Table] = {
    PlanRefused: refusals.TABLE[PlanRefused]._replace(kind=errors.nodegroups.INVALID)
}
_OF_BAYS: Final[refusals.Table] = {
    DriverNotFound: Refusal(errors.drivers.NOT_SUPPORTED, '{error}')
}
_OF_KINDS: Final[refusals.Table] = {
    DriverNotFound: Refusal(
        errors.drivers.NOT_SUPPORTED,
        'Cluster type ({values[server_type]}, {distro}, {values[coe]}) not supported. '
        '{error.field}: {error}',
        '{error.field}',
    )
}


class DriverSelection:
    """Chooses drivers, and checks what depends on them.

    :raises APIError: 400, by every method.
    """

    def __init__(self, conf: cfg.ConfigOpts, drivers: Registry):
        self._conf = conf
        self._drivers = drivers

    def of_baymodel(self, values: Mapping[str, Any], image: Image) -> Driver:
        """The driver that a baymodel, or its image, names, or the one that fits.

        :param values: attributes of the baymodel.
        """
        named = values.get('driver') or image.driver
        with refusals.told(_OF_KINDS, values=values, distro=image.os_distro):
            if named:
                return self._drivers.by_name(named)
            return self._drivers.choose(values['server_type'], image.os_distro, values['coe'])

    def network_driver(self, coe: str, asked: str | None, driver: Driver) -> str:
        """The network driver asked for, or the default one."""
        supported = driver.capabilities.network_drivers
        section = self._conf.cluster_template
        name: str = asked or section[f'{coe}_default_network_driver'] or supported[0]
        allowed = section[f'{coe}_allowed_network_drivers']
        if name not in supported or not ({'all', name} & set(allowed)):
            offered = [one for one in supported if {'all', one} & set(allowed)]
            raise errors.invalid(
                'network_driver',
                name,
                f'Network driver {name} is not supported, {_expected(offered)}.',
            )
        return name

    def check_volume_driver(self, asked: str | None, driver: Driver) -> None:
        """A volume driver that the driver knows, or none."""
        supported = driver.capabilities.volume_drivers
        if asked is not None and asked not in supported:
            raise errors.invalid(
                'volume_driver',
                asked,
                f'Volume driver {asked} is not supported, {_expected(supported)}.',
            )

    def checked_labels(
        self, labels: Mapping[str, str], driver: Driver, had: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The labels that are given, in their normal forms; the driver can do what they say.

        Unknown ones pass, unless the operator refuses them or they look like
        a misspelling of a known one.

        :param had: labels of the bay that exists; of these only values are checked, for
            names and releases were accepted with the bay.
        """
        schema = driver.labels_schema()
        new = {name: text for name, text in labels.items() if (had or {}).get(name) != text}
        with refusals.told():
            rules.check(schema, labels)
            if not self._conf.drivers.any_version:
                rules.check_releases(schema, new)
        for name, likely in rules.misspelled(schema, new).items():
            raise errors.invalid(
                f'labels/{name}', labels[name],
                f'The driver {driver.name} knows no label of this name. Is it {likely}?',
            )
        unknown = rules.unknown(schema, new)
        if unknown and self._conf.drivers.strict_labels:
            raise errors.invalid(
                f'labels/{unknown[0]}',
                labels[unknown[0]],
                f'The driver {driver.name} knows no label of this name'
                + (f'; nor {", ".join(unknown[1:])}.' if unknown[1:] else '.'),
            )
        return rules.applied(schema, labels)

    def check_nodegroup(self, plan: BayPlan, group: NodeGroupPlan, driver: Driver) -> None:
        """The driver can build a further node group as it is planned."""
        try:
            driver.validate_nodegroup(plan, group)
        except PlanRefused as error:
            # What this says of nodes is no plan of a bay.
            also = _OF_NODES if error.field in ('node_labels', 'node_taints') else {}
            raise refusals.of(error, also) from None

    def of_bay(self, bay: models.Bay) -> Driver:
        """The driver that a bay was made with."""
        with refusals.told(_OF_BAYS):
            return self._drivers.by_name(bay.driver or '')

    def zones(
        self, labels: Mapping[str, str], values: Mapping[str, Any], driver: Driver | None = None
    ) -> tuple[str, str]:
        """The availability zones of servers and of volumes; empty for any, and for no volumes.

        :param labels: in their normal forms.
        :param values: columns of a baymodel, a bay or a node group.
        :param driver: of masters, if there are some to make.
        """
        zone = labels.get('availability_zone', '')
        if not any(self._volume_types(labels, values, driver)):
            return zone, ''
        # A host is Nova's alone.
        return zone, labels.get('volume_availability_zone') or zone.partition(':')[0]

    def volume_types(
        self, labels: Mapping[str, str], values: Mapping[str, Any], driver: Driver | None = None
    ) -> Mapping[str, str]:
        """Types of volumes that there are to be, by the labels that name them.

        The parameters are those of ``zones``.
        """
        names = self._volume_types(labels, values, driver)
        return {name: labels[name] for name in names if labels.get(name)}

    def _volume_types(
        self, labels: Mapping[str, str], values: Mapping[str, Any], driver: Driver | None
    ) -> Iterator[str]:
        """Labels with the types of volumes that there are."""
        if not self.boots_from_flavor(labels):
            yield 'boot_volume_type'
        if values['docker_volume_size']:
            yield 'docker_volume_type'
        if driver is not None:
            yield from rules.volume_types(driver.labels_schema(), labels)

    def services(self, labels: Mapping[str, str], driver: Driver) -> Mapping[str, str]:
        """Types of the cloud's services that labels need, by label.

        :param labels: in their normal forms.
        """
        schema = driver.labels_schema()
        return {
            name: service for name, text in labels.items()
            if (service := rules.service(schema, name, text))
        }

    def boots_from_flavor(self, labels: Mapping[str, str]) -> bool:
        """Whether nodes boot from their flavor's disk: no root volume is asked for.

        :param labels: in their normal forms.
        """
        size = labels.get('boot_volume_size', '')
        if size.isdecimal():
            return not size.strip('0')
        return bool(self._conf.cinder.default_boot_volume_size == 0)


def _expected(names: Sequence[str]) -> str:
    return f'expecting one of: {", ".join(names)}' if names else 'expecting none'
