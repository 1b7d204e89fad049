"""Drivers: what kinds of bays an installation builds."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import DRIVERS as DIALECT
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import BOOLEAN, LINKS, STRING, Schema, closed
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
_SHOWN: Final = bodies.described(_MEMBERS)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Driver': closed(_SHOWN),
    'DriverWithLabels': closed(
        {
            **_SHOWN,
            'labels_schema': {'type': 'object', 'description': 'JSON Schema of its labels.'},
        }
    ),
    'DriverList': closed({_TAG: {'type': 'array', 'items': bodies.ref('Driver')}}),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'drivers.list': Operation(_TAG, 'List drivers', (Reply(200, 'DriverList'),)),
    'drivers.get': Operation(_TAG, 'Show a driver', (Reply(200, 'DriverWithLabels'),)),
}
