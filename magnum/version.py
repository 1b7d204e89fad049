"""The installed release, as oslo libraries ask for it."""

from importlib import metadata


def vendor_string() -> str:
    """Who made it."""
    return 'OpenStack Foundation'


def product_string() -> str:
    """What it is."""
    return 'Magnum'


def version_string_with_package() -> str:
    """Which release it is."""
    return metadata.version('magnum')
