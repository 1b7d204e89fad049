"""Glance: images and their schema."""

from typing import Any

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.world import World, matching, version


class Image:
    """Glance's v2 API, as much as bays need of it.

    :ivar images: see :func:`image`.
    """

    def __init__(self, world: World):
        self._base = world.base
        self.images: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``image``."""
        match request.path[2:]:
            case ():
                found = version('v2.16', f'{self._base}/image/v2/')
                return Reply('version', {'versions': [found]})
            case ('images',):
                found_all = matching(self.images, request.query)
                return Reply('images', {
                    'images': found_all, 'schema': '/v2/schemas/images', 'first': '/v2/images'
                })
            case ('images', ident):
                for found in self.images:
                    if found['id'] == ident:
                        return Reply('image', found)
            case ('schemas', *_):
                text = {'type': 'string'}
                shown = ('id', 'name', 'os_distro', 'status')
                return Reply('schema', {
                    'name': 'image', 'links': [], 'properties': dict.fromkeys(shown, text),
                    'additionalProperties': text,
                })
        return Reply('other', {'message': 'not found'}, 404)


def image(ident: str, name: str, **properties: str) -> dict[str, Any]:
    """A public image; the properties are its own, such as ``os_distro``."""
    return {
        'id': ident, 'name': name, 'status': 'active', 'protected': False,
        'visibility': 'public', 'container_format': 'bare', 'disk_format': 'qcow2', 'size': 1,
        'min_ram': 0, 'min_disk': 0, 'created_at': '2026-01-01T00:00:00Z',
        'updated_at': '2026-01-01T00:00:00Z', 'tags': [], 'self': f'/v2/images/{ident}',
        'file': f'/v2/images/{ident}/file', 'schema': '/v2/schemas/image', 'checksum': None,
        'owner': 'admin', 'virtual_size': None, **properties,
    }
