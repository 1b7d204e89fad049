"""Glance, as the caller: does an image exist, and what is in it."""

import dataclasses
from typing import Any, Final

from magnum.clients.callers import asking
from magnum.clients.errors import CloudNotFound
from magnum.db.repositories.scopes import is_uuid

SERVICE: Final = 'image'


@dataclasses.dataclass(frozen=True)
class Image:
    """An image; ``driver`` is its property ``magnum_driver``."""

    id: str
    os_distro: str | None
    driver: str | None


class AmbiguousName(Exception):
    """Several of them have the name."""


def find(cloud: Any, ident: str) -> Image | None:
    """The image of an id or name.

    :param cloud: openstacksdk connection.
    :raises AmbiguousName: several images have the name.
    :raises CloudError: Glance refused, or did not answer.
    """
    found = _by_id(cloud, ident) if is_uuid(ident) else None
    if found is not None:
        return found
    with asking(SERVICE, 'find_image'):
        images = [_image(image) for image in cloud.image.images(name=ident)]
    if len(images) > 1:
        raise AmbiguousName
    return images[0] if images else None


def _by_id(cloud: Any, image_id: str) -> Image | None:
    try:
        with asking(SERVICE, 'get_image'):
            return _image(cloud.image.get_image(image_id))
    except CloudNotFound:
        return None


def _image(image: Any) -> Image:
    properties = image.properties or {}
    return Image(
        id=image.id,
        os_distro=image.os_distro or properties.get('os_distro'),
        driver=properties.get('magnum_driver'),
    )
