"""Nova, as the caller: flavors and key pairs."""

import dataclasses
import urllib.parse
from typing import Any, Final

from magnum.clients.callers import CallerCloud
from magnum.clients.errors import CloudNotFound, calling

SERVICE: Final = 'compute'
_API_VERSION: Final = '2.1'


@dataclasses.dataclass(frozen=True)
class Flavor:
    """A flavor; ``disk`` is its root disk in GB, ``ram`` its memory in MiB."""

    id: str
    name: str
    disk: int
    vcpus: int
    ram: int


def flavors(cloud: CallerCloud) -> tuple[Flavor, ...]:
    """All flavors that the caller may use.

    :raises CloudError: Nova refused, or did not answer.
    """
    with calling(SERVICE, 'list_flavors'):
        return tuple(
            Flavor(flavor.id, flavor.name, flavor.disk, flavor.vcpus, flavor.ram)
            for flavor in _nova(cloud).flavors.list()
        )


def zones(cloud: CallerCloud) -> tuple[str, ...]:
    """Names of the availability zones that take servers.

    :raises CloudError: Nova refused, or did not answer.
    """
    with calling(SERVICE, 'list_zones'):
        found = _nova(cloud).availability_zones.list(detailed=False)
        return tuple(sorted(zone.zoneName for zone in found if zone.zoneState['available']))


def limits(cloud: CallerCloud) -> dict[str, int]:
    """Nova's absolute limits of the caller's project, and what is used of them.

    :raises CloudError: Nova refused, or did not answer.
    """
    with calling(SERVICE, 'get_limits'):
        return {limit.name: limit.value for limit in _nova(cloud).limits.get().absolute}


def public_key(cloud: CallerCloud, keypair: str) -> str | None:
    """The public key of one of the caller's key pairs; None when there is none.

    :raises CloudError: Nova refused, or did not answer.
    """
    # novaclient puts the name into the path as it is.
    quoted = urllib.parse.quote(keypair, safe='')
    try:
        with calling(SERVICE, 'get_keypair'):
            key: str = _nova(cloud).keypairs.get(quoted).public_key
    except CloudNotFound:
        return None
    return key


def _nova(cloud: CallerCloud) -> Any:
    # Loaded for the first key pair: reads ask for none.
    from novaclient import client

    return client.Client(
        _API_VERSION,
        session=cloud.session,
        service_type=SERVICE,
        region_name=cloud.region_name,
        endpoint_type=cloud.interface,
    )
