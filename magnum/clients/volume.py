"""Cinder, as the caller: availability zones."""

from typing import Final

from magnum.clients.callers import CallerCloud

SERVICE: Final = 'block-storage'


def zones(cloud: CallerCloud) -> tuple[str, ...]:
    """Names of the availability zones that take volumes.

    :raises CloudError: Cinder refused, or did not answer.
    """
    found = cloud.get(SERVICE, 'list_zones', '/os-availability-zone')['availabilityZoneInfo']
    return tuple(sorted(zone['zoneName'] for zone in found if zone['zoneState']['available']))
