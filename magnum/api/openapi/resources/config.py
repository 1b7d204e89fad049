"""Configuration of native clients."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import schemas
from magnum.api.openapi.members import MEMBERS, STRING
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.openapi.scalars import STRINGS, Schema, nullable
from magnum.api.openapi.schemas import closed
from magnum.api.types import config as types

_MEMBERS: Final[Mapping[str, tuple[Schema, str]]] = {
    'cluster_uuid': (MEMBERS['uuid'], 'The bay.'),
    'bay_uuid': (MEMBERS['uuid'], 'The same, by the other name.'),
    'certificate': (nullable(STRING), "The caller's, in PEM; null for a bay without TLS."),
    'ca': (nullable(STRING), "Certificate of the bay's authority, in PEM."),
    'files': (STRINGS, 'Text of each file, by its name; the key is to be put beside them.'),
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    'ConfigRequest': schemas.request(types.TYPE),
    'Config': closed(
        {name: {**schema, 'description': words} for name, (schema, words) in _MEMBERS.items()}
    ),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    f'{dialect.collection}_config.create': Operation(
        'config', f'Configure native clients of a {dialect.singular}',
        (Reply(201, 'Config', ('Idempotency-Replayed?',)),), 'ConfigRequest',
    )
    for dialect in (BAYS, CLUSTERS)
}
