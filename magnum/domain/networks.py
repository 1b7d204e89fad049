"""Networks as baymodels name them."""

import ipaddress
from typing import Final

IPV4: Final = 4
IPV6: Final = 6


def is_cidr(text: str) -> bool:
    """Whether a fixed_network is the CIDR of a new subnet, not a network's name."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
