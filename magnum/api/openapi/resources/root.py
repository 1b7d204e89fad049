"""Version discovery, and the document of the API itself."""

from collections.abc import Mapping
from typing import Final

from magnum.api import routes
from magnum.api.openapi.bodies import ref
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types.schemas import LINKS, Schema, closed

_STRING: Final[Schema] = {'type': 'string'}
_NUMBER: Final[Schema] = {'type': 'string', 'pattern': r'^1\.[0-9]+$'}
_TAG: Final = 'discovery'

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Version': closed(
        {
            'id': {'const': 'v1'}, 'links': LINKS, 'status': {'const': 'CURRENT'},
            'max_version': _NUMBER, 'min_version': _NUMBER,
        }
    ),
    'Versions': closed(
        {
            'name': _STRING, 'description': _STRING,
            'versions': {'type': 'array', 'items': ref('Version')},
            'default_version': ref('Version'),
        }
    ),
    'VersionDocument': closed(
        {
            'id': {'const': 'v1'},
            'media_types': {
                'type': 'array', 'items': closed({'base': _STRING, 'type': _STRING}),
            },
            'links': LINKS,
            **dict.fromkeys(routes.collections(), LINKS),
        }
    ),
    'Description': {
        'type': 'object',
        'properties': {'openapi': {'type': 'string', 'pattern': r'^3\.1\.'}},
        'required': ['openapi', 'info', 'paths'],
    },
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'root.versions': Operation(_TAG, 'Show the versions of the API', (Reply(200, 'Versions'),)),
    'root.version': Operation(
        _TAG, 'Show the collections of the API', (Reply(200, 'VersionDocument'),)
    ),
    'root.openapi': Operation(
        _TAG, 'Show this document', (Reply(200, 'Description', ('ETag',)),), tagged=True
    ),
}
