"""Drivers: what kinds of bays an installation builds."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api.dialects import DRIVERS as DIALECT
from magnum.api.openapi.members import BOOLEAN, LINKS, STRING
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.openapi.scalars import Schema
from magnum.api.openapi.schemas import closed, ref
from magnum.domain import baymodels

_TAG: Final = DIALECT.collection
_STRINGS: Final[Schema] = {'type': 'array', 'items': STRING}
_MEMBERS: Final[Mapping[str, tuple[Schema, str]]] = {
    'name': (STRING, 'As baymodels name it.'),
    'coe': ({'enum': list(baymodels.COES)}, 'What it builds.'),
    'server_types': (_STRINGS, 'Of what servers.'),
    'distros': (_STRINGS, 'Of images with which "os_distro".'),
    'network_drivers': (_STRINGS, 'The first one is the default.'),
    'volume_drivers': (_STRINGS, 'How containers get volumes.'),
    'versions': (_STRINGS, 'Of the COE; none where the image or its packages decide.'),
    'nodegroups': (BOOLEAN, 'Whether bays may have further node groups.'),
    'upgrades': (_STRINGS, 'Roles of the nodes that an upgrade can replace.'),
    'links': (LINKS, 'Where it is to be found.'),
}
_SHOWN: Final[Mapping[str, Any]] = {
    name: {**schema, 'description': words} for name, (schema, words) in _MEMBERS.items()
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Driver': closed(_SHOWN),
    'DriverWithLabels': closed(
        {
            **_SHOWN,
            'labels_schema': {'type': 'object', 'description': 'JSON Schema of its labels.'},
        }
    ),
    'DriverList': closed({_TAG: {'type': 'array', 'items': ref('Driver')}}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'drivers.list': Operation(_TAG, 'List drivers', (Reply(200, 'DriverList'),)),
    'drivers.get': Operation(_TAG, 'Show a driver', (Reply(200, 'DriverWithLabels'),)),
}
