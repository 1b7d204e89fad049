"""Cinder: volume types, zones, limits."""

from typing import Any

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.world import World, version


class Volume:
    """Cinder's v3 API, as much as bays need of it.

    :ivar zones: see :func:`tools.fakecloud.compute.zone`.
    :ivar types: their names, which are their ids, too.
    :ivar limits: the absolute ones of any project.
    """

    def __init__(self, world: World):
        self._base = world.base
        self.zones: list[dict[str, Any]] = []
        self.types = ['lvm', 'ssd']
        self.limits: dict[str, int] = {}

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``block-storage``."""
        match request.path[1:]:
            case ():
                found = version(
                    'v3.0', f'{self._base}/block-storage/v3/', version='3.71', min_version='3.0'
                )
                return Reply('version', {'versions': [found]}, 300)
            case (_, 'os-availability-zone'):
                return Reply('zones', {'availabilityZoneInfo': self.zones})
            case (_, 'limits'):
                return Reply('limits', {'limits': {'rate': [], 'absolute': self.limits}})
        kinds: list[dict[str, Any]] = [
            {'id': name, 'name': name, 'is_public': True, 'extra_specs': {}, 'description': None}
            for name in self.types
        ]
        return Reply('types', {'volume_types': kinds})
