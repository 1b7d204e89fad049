"""Looks at many bays, one after the other: what one of them meets keeps none of the others."""

from collections.abc import Callable
from typing import Any

from oslo_log import log as logging

from magnum.db.away import UNAVAILABLE

LOG = logging.getLogger(__name__)


def look_at(bay_uuid: str, look: Callable[..., int | None], *arguments: Any) -> int:
    """What the look at a bay comes to; 0 where it met an error, which is logged.

    :raises UNAVAILABLE: the database is away, for all of them.
    """
    try:
        return look(*arguments) or 0
    except UNAVAILABLE:
        raise
    except Exception:
        LOG.exception('The look at bay %s failed', bay_uuid)
        return 0
