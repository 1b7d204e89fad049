"""When a node may have its certificate renewed.

Nodes ask when a quarter to a third of the term is left, each at another time.
A little more is allowed here, for clocks that are not the same.
"""

import datetime
from typing import Final

_LEFT: Final = 0.4


def is_due(
    not_before: datetime.datetime, not_after: datetime.datetime, now: datetime.datetime
) -> bool:
    """Whether so little is left of a term that another certificate is given."""
    return now >= not_after - (not_after - not_before) * _LEFT
