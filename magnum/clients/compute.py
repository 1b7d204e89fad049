"""Nova, as the caller: flavors and key pairs."""

import dataclasses
import urllib.parse
from typing import Any, Final

from novaclient import client

from magnum.clients.callers import asking
from magnum.clients.errors import CloudNotFound

SERVICE: Final = 'compute'
_API_VERSION: Final = '2.1'


@dataclasses.dataclass(frozen=True)
class Flavor:
    """A flavor; ``disk`` is its root disk in GB."""

    id: str
    name: str
    disk: int


def nova(cloud: Any) -> Any:
    """python-novaclient on the session of an openstacksdk connection."""
    return client.Client(
        _API_VERSION,
        session=cloud.session,
        service_type=SERVICE,
        region_name=cloud.config.region_name,
        endpoint_type=cloud.config.get_interface(SERVICE),
    )


def flavors(cloud: Any) -> tuple[Flavor, ...]:
    """All flavors that the caller may use.

    :raises CloudError: Nova refused, or did not answer.
    """
    with asking(SERVICE, 'list_flavors'):
        return tuple(
            Flavor(flavor.id, flavor.name, flavor.disk) for flavor in nova(cloud).flavors.list()
        )


def public_key(cloud: Any, keypair: str) -> str | None:
    """The public key of one of the caller's key pairs; None when there is none.

    :raises CloudError: Nova refused, or did not answer.
    """
    # novaclient puts the name into the path as it is.
    quoted = urllib.parse.quote(keypair, safe='')
    try:
        with asking(SERVICE, 'get_keypair'):
            key: str = nova(cloud).keypairs.get(quoted).public_key
    except CloudNotFound:
        return None
    return key
