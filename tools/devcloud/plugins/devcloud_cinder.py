"""Cinder's fake volume driver, with volumes made from images.

The fake driver has no device that an image could be copied to, and Cinder
would ask privileged programs to look at the image. A driver may clone an image
by itself instead: this one says that it did.
"""

from typing import Any

from cinder.tests import fake_driver


class FakeVolumeDriver(fake_driver.FakeLoggingVolumeDriver):
    """The fake driver that clones images, which are as empty as its volumes."""

    def clone_image(
        self, context: Any, volume: Any, image_location: Any, image_meta: Any, image_service: Any
    ) -> tuple[None, bool]:
        """Claim to have cloned the image; see the base class."""
        return None, True
