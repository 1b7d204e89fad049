"""Glance, as the caller: images."""

import dataclasses
from typing import Any, Final

from magnum.clients.callers import CallerCloud
from magnum.clients.errors import CloudNotFound
from magnum.domain.uuids import is_uuid

SERVICE: Final = 'image'


@dataclasses.dataclass(frozen=True)
class Image:
    """An image; ``driver`` is its property ``magnum_driver``."""

    id: str
    os_distro: str | None
    driver: str | None


class AmbiguousName(Exception):
    """Several of them have the name."""


def find(cloud: CallerCloud, ident: str) -> Image | None:
    """The image of an id or name.

    :raises AmbiguousName: several images have the name.
    :raises CloudError: Glance refused, or did not answer.
    """
    found = _by_id(cloud, ident) if is_uuid(ident) else None
    if found is not None:
        return found
    images = cloud.get(SERVICE, 'find_image', '/images', name=ident)['images']
    if len(images) > 1:
        raise AmbiguousName
    return _image(images[0]) if images else None


def _by_id(cloud: CallerCloud, image_id: str) -> Image | None:
    try:
        return _image(cloud.get(SERVICE, 'get_image', f'/images/{image_id}'))
    except CloudNotFound:
        return None


def _image(image: dict[str, Any]) -> Image:
    return Image(
        id=image['id'], os_distro=image.get('os_distro'), driver=image.get('magnum_driver')
    )
