"""Bodies and answers of each route: one module per resource.

``OPERATIONS`` says for each handler what it takes and gives, ``COMPONENTS``
what these look like.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from magnum.api.openapi.operations import Operation
from magnum.api.openapi.resources import (
    actions,
    baymodels,
    bays,
    certificates,
    common,
    config,
    drivers,
    events,
    mservices,
    nodegroups,
    nodes,
    operations,
    previews,
    quotas,
    root,
    stats,
)
from magnum.api.types.schemas import Schema

_MODULES: Final[tuple[Any, ...]] = (
    common, root, previews, baymodels, bays, actions, nodegroups, nodes, operations, events,
    certificates, config, drivers, quotas, stats, mservices,
)


def _joined(name: str) -> Iterator[tuple[str, Any]]:
    for module in _MODULES:
        yield from getattr(module, name).items()


OPERATIONS: Final[Mapping[str, Operation]] = dict(_joined('OPERATIONS'))
COMPONENTS: Final[Mapping[str, Schema]] = dict(_joined('COMPONENTS'))
