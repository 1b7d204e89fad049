"""The release of this tree; packages, documents and commands take it from here."""

from typing import Final

#: Read by setup.py as well, so it is a literal.
VERSION: Final = '1.0.0'


def vendor_string() -> str:
    """The vendor, as oslo.reports asks for it."""
    return 'OpenStack Foundation'


def product_string() -> str:
    """The product, as oslo.reports asks for it."""
    return 'Magnum'


def version_string_with_package() -> str:
    """The release, as oslo.reports asks for it."""
    return VERSION
