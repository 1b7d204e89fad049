"""Errors of drivers."""

from typing import Final

from magnum.api.errors.kinds import Kind

NOT_SUPPORTED: Final = Kind(
    'magnum.driver.not_supported', 400,
    'No driver builds bays of this COE, server type and image.',
    'Choose a combination that the detail lists as supported.',
)
NOT_FOUND: Final = Kind(
    'magnum.driver.not_found', 404,
    'There is no driver of this name in the installation.',
    'List the drivers.',
)
NOT_CAPABLE: Final = Kind(
    'magnum.driver.not_capable', 400,
    "The bay's driver cannot do this.",
    "Choose a driver that can; the drivers' capabilities are in the reference.",
)
