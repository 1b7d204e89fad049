"""Look-ups of images, flavors, networks and key pairs with the caller's token.

Images, flavors and networks of a project, and key pairs of a user, are
remembered for some seconds, so that a burst of requests costs a few look-ups.
"""

import functools
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import cachetools
from oslo_config import cfg
from oslo_log import log as logging

from magnum.api import errors
from magnum.api.http.context import Caller
from magnum.clients import compute, image, limits, network, stacks, volume
from magnum.clients.callers import CallerClouds
from magnum.clients.errors import CloudError, CloudForbidden, CloudRefused
from magnum.clients.image import Image
from magnum.domain.networks import IPV6, is_cidr
from magnum.domain.upgrades import Ids

T = TypeVar('T')
LOG = logging.getLogger(__name__)

_REMEMBERED: Final = 1024
_FORBIDDEN: Final = {image.SERVICE: errors.cloud.IMAGE_FORBIDDEN}


class _Thing(Protocol):
    """Something in the cloud."""

    @property
    def id(self) -> str:
        """What it is called by, whatever its name is."""


class Preflight:
    """Makes the look-ups of requests; one per process, safe for threads."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._clouds = CallerClouds(conf)
        self._seconds: int = conf.api.lookup_cache_time
        self._memory: cachetools.TTLCache[Hashable, Any] = cachetools.TTLCache(
            _REMEMBERED, self._seconds
        )
        self._lock = threading.Lock()

    def of(self, caller: Caller) -> 'Lookups':
        """The look-ups of one request."""
        return Lookups(self, caller)

    def remember(self, key: Hashable, look_up: Callable[[], T]) -> T:
        """What was found some seconds ago, or is found now."""
        if not self._seconds:
            return look_up()
        with self._lock:
            if key in self._memory:
                known: T = self._memory[key]
                return known
        # Not under the lock: one slow service would stop all requests.
        found = look_up()
        # What is not there may be made at any moment.
        if found:
            with self._lock:
                self._memory[key] = found
        return found

    def connect(self, caller: Caller) -> Any:
        """The cloud with the caller's token."""
        return self._clouds.connect(caller.auth)


class Lookups:
    """Checks of one request; every refusal names the field at fault.

    :raises APIError: by every method, 503 when the service asked is down.
    """

    def __init__(self, preflight: Preflight, caller: Caller):
        self._preflight = preflight
        self._caller = caller
        self._connection: Any = None

    def image(self, field: str, ident: str) -> Image:
        """The image of a name or id; it says what its distribution is."""
        try:
            found = self._image(ident)
        except image.AmbiguousName:
            raise _several(errors.cloud.IMAGE_AMBIGUOUS, field, 'images', ident, 'image') from None
        if found is None:
            raise errors.at_field(
                errors.cloud.IMAGE_NOT_FOUND, field, f'Image {ident} could not be found.'
            )
        if not found.os_distro:
            raise errors.at_field(
                errors.cloud.IMAGE_WITHOUT_DISTRO, field,
                f'Image {ident} does not contain os_distro property.',
            )
        return found

    def flavor(self, field: str, ident: str, needs_disk: bool) -> compute.Flavor:
        """The flavor of this name or id.

        :param needs_disk: servers boot from it, so it has a root disk.
        """
        found = self._flavors(ident)
        if not found:
            raise errors.at_field(
                errors.cloud.FLAVOR_NOT_FOUND, field, f'Unable to find flavor {ident}.'
            )
        if needs_disk and not found[0].disk:
            raise errors.at_field(
                errors.cloud.FLAVOR_WITHOUT_DISK, field,
                'Flavor with zero root volume size is not supported when '
                'boot_volume_size is zero.',
            )
        return found[0]

    def named(self, values: Mapping[str, Any], needs_disk: bool) -> None:
        """Everything exists that attributes name: flavors, networks and subnets.

        :param values: attributes of a baymodel or a bay.
        :param needs_disk: servers boot from their flavor's disk.
        """
        checks: dict[str, Callable[[str, str], object]] = {
            'flavor_id': functools.partial(self.flavor, needs_disk=needs_disk),
            'master_flavor_id': functools.partial(self.flavor, needs_disk=needs_disk),
            'external_network_id': self.external_network,
            'fixed_network': self.fixed_network,
            'fixed_subnet': self.fixed_subnet,
        }
        for field, check in checks.items():
            if values[field] is not None:
                check(field, values[field])

    def zones(self, zone: str, volume_zone: str) -> None:
        """Availability zones of these names exist.

        :param zone: of servers; empty for any. A host may follow after a colon.
        :param volume_zone: of volumes; empty for any, and where there are none.
        """
        if zone:
            known = self._ask('zones', None, lambda: compute.zones(self._cloud))
            if zone.partition(':')[0] not in known:
                raise errors.at_field(
                    errors.cloud.ZONE_NOT_FOUND, 'labels/availability_zone',
                    f'Nova has no availability zone {zone}. It has: {", ".join(known)}.',
                )
        if volume_zone:
            known = self._ask('volume zones', None, lambda: volume.zones(self._cloud))
            if volume_zone not in known:
                of_servers = volume_zone == zone.partition(':')[0]
                raise errors.at_field(
                    errors.cloud.ZONE_NOT_FOUND,
                    f'labels/{"" if of_servers else "volume_"}availability_zone',
                    f'Cinder has no availability zone {volume_zone}. It has: {", ".join(known)}. '
                    'The label volume_availability_zone names one for the volumes.',
                )

    def volume_types(self, wanted: Mapping[str, str]) -> None:
        """Cinder has the types that labels name.

        :param wanted: names or ids by label.
        """
        for label, ident in wanted.items():
            known = self._ask('volume types', None, lambda: volume.types(self._cloud))
            if ident not in {*known, *known.values()}:
                raise errors.at_field(
                    errors.cloud.VOLUME_TYPE_NOT_FOUND, f'labels/{label}',
                    f'Cinder has no volume type {ident}. It has: '
                    f'{", ".join(sorted(known.values()))}.',
                )

    def services(self, wanted: Mapping[str, str]) -> None:
        """The catalogue has the services that labels need.

        :param wanted: their types by label.
        """
        for label, service in wanted.items():
            if not self.has(service):
                raise errors.at_field(
                    errors.cloud.SERVICE_NOT_FOUND, f'labels/{label}',
                    f'The cloud has no {service} service, which this value needs.',
                )

    def has(self, service: str) -> bool:
        """Whether the catalogue has a service of this type."""
        return self._ask('services', service, lambda: bool(self._cloud.has(service)))

    def limits(self) -> tuple[list[limits.Limit], list[str]]:
        """The limits of the caller's project, and the services that tell none.

        A service that is not there, or keeps its limits to itself, stops
        nothing: a preview says so.
        """
        known: list[limits.Limit] = []
        silent = []
        for service, source in limits.SOURCES.items():
            try:
                known += source(self._cloud, self._caller.project_id or '')
            except CloudError as error:
                LOG.info('The limits of a project are not known: %s', error)
                silent.append(service)
        return known, silent

    def public_key(self, field: str, keypair: str) -> str:
        """The public key, OpenSSH text, of the caller's key pair."""
        # Key pairs belong to users.
        kind = f'keypairs of {self._caller.user_id}'
        found = self._ask(kind, keypair, lambda: compute.public_key(self._cloud, keypair))
        if found is None:
            raise errors.at_field(
                errors.cloud.KEYPAIR_NOT_FOUND, field, f'Unable to find keypair {keypair}.'
            )
        return found

    def external_network(self, field: str, ident: str) -> None:
        """One network of this name or id exists that leads outside."""
        self._network(field, ident, external=True)

    def fixed_network(self, field: str, ident: str) -> None:
        """One network of this name or id exists, or it is the CIDR of a new one."""
        if not is_cidr(ident):
            self._network(field, ident, external=False)

    def fixed_subnet(self, field: str, ident: str) -> None:
        """One subnet of this name or id exists, and is of IPv4."""
        found = self._subnets(ident)
        if not found:
            raise errors.at_field(
                errors.cloud.SUBNET_NOT_FOUND, field, f'Unable to find fixed subnet {ident}.'
            )
        if len(found) > 1:
            raise _several(errors.cloud.SUBNET_AMBIGUOUS, field, 'subnets', ident, 'subnet')
        if found[0].ip_version == IPV6:
            raise errors.at_field(
                errors.cloud.SUBNET_OF_IPV6, field, f'The subnet {ident} is of IPv6.'
            )

    def cidr_of_nodes(self, network_ident: str | None, subnet_ident: str | None) -> str | None:
        """The addresses of an existing network's nodes; None where several may be meant.

        :param network_ident: a name, an id, or the CIDR of a new one.
        """
        if not network_ident or is_cidr(network_ident):
            return None
        if subnet_ident:
            found = self._subnets(subnet_ident)
        else:
            networks = self._networks(network_ident, external=False)
            found = tuple(subnet for each in networks for subnet in self._subnets_of(each.id))
        cidrs = [subnet.cidr for subnet in found if subnet.ip_version != IPV6]
        return cidrs[0] if len(cidrs) == 1 else None

    def ids(self, named: Mapping[str, Iterable[str]]) -> Ids:
        """Ids of what attributes name, by attribute and name or id.

        Of what is gone, or is several things, there is none.
        """
        finders: dict[str, Callable[[str], Sequence[_Thing]]] = {
            'image_id': lambda ident: [*filter(None, [self._image(ident)])],
            **dict.fromkeys(('flavor_id', 'master_flavor_id'), self._flavors),
            'external_network_id': functools.partial(self._networks, external=True),
            'fixed_network': functools.partial(self._networks, external=False),
            'fixed_subnet': self._subnets,
        }
        known: dict[str, dict[str, str]] = {}
        for attribute, idents in named.items():
            for ident in idents:
                found = self._known(finders[attribute], ident)
                if len(found) == 1:
                    known.setdefault(attribute, {})[ident] = found[0].id
        return known

    def _known(self, find: Callable[[str], Sequence[_Thing]], ident: str) -> Sequence[_Thing]:
        try:
            return find(ident)
        except image.AmbiguousName:
            return ()
        except errors.APIError as refused:
            if refused.kind is errors.service.CLOUD_UNAVAILABLE:
                raise
            LOG.info('What %s names is not known: %s', ident, refused)
            return ()

    def _image(self, ident: str) -> Image | None:
        return self._ask('image', ident, lambda: image.find(self._cloud, ident))

    def _flavors(self, ident: str) -> Sequence[compute.Flavor]:
        known = self._ask('flavors', None, lambda: compute.flavors(self._cloud))
        return [flavor for flavor in known if ident in (flavor.id, flavor.name)]

    def workers(self, stack_name: str, stack_id: str, output: str) -> Mapping[str, str] | None:
        """Ids of the servers of a node group by index; None: Heat does not tell the caller.

        Asked anew each time: groups change.
        """

        def look_up() -> Mapping[str, str] | None:
            try:
                found: Mapping[str, str] | None = stacks.output(
                    self._cloud, stack_name, stack_id, output
                )
            except CloudRefused as error:
                LOG.info('The servers of stack %s are not known: %s', stack_id, error)
                return None
            return found

        return self._calling(look_up)

    def _networks(self, ident: str, external: bool) -> tuple[network.Network, ...]:
        return self._ask(
            f'{"external" if external else "fixed"} networks', ident,
            lambda: network.networks(self._cloud, ident, external),
        )

    def _subnets(self, ident: str) -> tuple[network.Network, ...]:
        return self._ask('subnets', ident, lambda: network.subnets(self._cloud, ident))

    def _subnets_of(self, network_id: str) -> tuple[network.Network, ...]:
        return self._ask(
            'subnets of', network_id, lambda: network.subnets_of(self._cloud, network_id)
        )

    def _network(self, field: str, ident: str, external: bool) -> None:
        kind = 'external' if external else 'fixed'
        found = self._networks(ident, external)
        if not found:
            raise errors.at_field(
                errors.cloud.NETWORK_NOT_FOUND, field, f'Unable to find {kind} network {ident}.'
            )
        if len(found) > 1:
            raise _several(
                errors.cloud.NETWORK_AMBIGUOUS, field, f'{kind} networks', ident, 'network'
            )

    def _ask(self, kind: str, ident: str | None, look_up: Callable[[], T]) -> T:
        """Remembered per project: what one of its users sees, the others see."""
        key = (self._caller.project_id, kind, ident)
        return self._preflight.remember(key, lambda: self._calling(look_up))

    def _calling(self, look_up: Callable[[], T]) -> T:
        try:
            return look_up()
        except CloudForbidden as error:
            raise errors.APIError(
                _FORBIDDEN.get(error.service, errors.requests.FORBIDDEN),
                f'The {error.service} service denies access to what the request names.',
            ) from None
        except CloudRefused as error:
            raise errors.APIError(
                errors.requests.BAD_REQUEST,
                f'The {error.service} service refuses what the request names.',
            ) from error
        except CloudError as error:
            LOG.warning('A look-up for a request failed: %s', error)
            raise errors.APIError(
                errors.service.CLOUD_UNAVAILABLE,
                f'The {error.service} service did not answer. Try again later.',
            ) from None

    @property
    def _cloud(self) -> Any:
        if self._connection is None:
            self._connection = self._preflight.connect(self._caller)
        return self._connection


def _several(
    kind: errors.Kind, field: str, things: str, ident: str, thing: str
) -> errors.APIError:
    return errors.at_field(
        kind, field,
        f'Multiple {things} exist with same name {ident}. Please use the {thing} id instead.',
    )
