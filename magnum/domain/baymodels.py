"""Rules of baymodels that need no I/O."""

from collections.abc import Mapping
from typing import Any, Final

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

COES: Final = ('kubernetes', 'swarm', 'mesos')
#: Other spellings of a COE, as clients send them.
COE_SYNONYMS: Final[Mapping[str, str]] = {'swarm-mode': 'swarm'}

SERVER_TYPES: Final = ('vm', 'bm')

_STORAGE_DRIVER: Final = 'overlay2'
# What old clients and Heat send by default; gone from today's container engines.
_RETIRED_STORAGE_DRIVERS: Final = frozenset({'devicemapper', 'overlay'})

#: What says nothing of how bays are built.
WITHOUT_EFFECT_ON_BAYS: Final = frozenset({'name', 'public', 'hidden', 'tags'})

#: What may still change, each alone, while bays refer to the baymodel.
_ALWAYS_CHANGEABLE: Final = frozenset({'name', 'hidden'})


def storage_driver(asked: str | None) -> str:
    """The Docker storage driver to store: never a retired one."""
    if asked is None:
        return _STORAGE_DRIVER
    if asked in _RETIRED_STORAGE_DRIVERS:
        LOG.warning(
            'docker_storage_driver "%s" is retired; "%s" is used instead.', asked, _STORAGE_DRIVER
        )
        return _STORAGE_DRIVER
    return asked


def may_change_while_in_use(changes: Mapping[str, Any]) -> bool:
    """Whether a change of a baymodel is allowed while bays refer to it."""
    if len(changes) != 1:
        return not changes
    attribute, value = next(iter(changes.items()))
    return (
        attribute in _ALWAYS_CHANGEABLE
        or (attribute == 'public' and value is True)
        or (attribute == 'tags' and value is not None)
    )
