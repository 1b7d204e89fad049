"""Configuration of native clients."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.types import config as types
from magnum.api.types.schemas import STRINGS, TEXT, UUID, Schema, closed

_MEMBERS: Final[Mapping[str, tuple[Schema, str]]] = {
    'cluster_uuid': (UUID, 'The bay.'),
    'bay_uuid': (UUID, 'The same, by the other name.'),
    'certificate': (TEXT, "The caller's, in PEM; null for a bay without TLS."),
    'ca': (TEXT, "Certificate of the bay's authority, in PEM."),
    'files': (STRINGS, 'Text of each file, by its name; the key is to be put beside them.'),
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    'ConfigRequest': bodies.request(types.TYPE),
    'Config': closed(bodies.described(_MEMBERS)),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    f'{dialect.collection}_config.create': Operation(
        'config', f'Configure native clients of a {dialect.singular}',
        (Reply(201, 'Config', ('Idempotency-Replayed?',)),), 'ConfigRequest',
    )
    for dialect in (BAYS, CLUSTERS)
}
