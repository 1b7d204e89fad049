"""Cinder, as the caller: availability zones, types of volumes."""

from collections.abc import Mapping
from typing import Final

from magnum.clients.callers import CallerCloud

SERVICE: Final = 'block-storage'


def zones(cloud: CallerCloud) -> tuple[str, ...]:
    """Names of the availability zones that take volumes.

    :raises CloudError: Cinder refused, or did not answer.
    """
    found = cloud.get(SERVICE, 'list_zones', '/os-availability-zone')['availabilityZoneInfo']
    return tuple(sorted(zone['zoneName'] for zone in found if zone['zoneState']['available']))


def types(cloud: CallerCloud) -> Mapping[str, str]:
    """Names of the volume types that the caller may use, by their ids.

    :raises CloudError: Cinder refused, or did not answer.
    """
    # Without it an administrator is told public ones alone.
    found = cloud.get(SERVICE, 'list_types', '/types?is_public=None')['volume_types']
    return {row['id']: row['name'] for row in found}
