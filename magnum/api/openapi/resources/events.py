"""Events of bays, by pages or as a stream."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import STREAM, Operation, Reply
from magnum.api.types.schemas import STRING, TEXT, TIME, UUID, Schema, closed

_TAG: Final = 'events'
_MEMBERS: Final[Mapping[str, tuple[Schema, str]]] = {
    'cursor': (STRING, 'Where a client goes on after this event.'),
    'kind': (STRING, 'What happened, for programs.'),
    'message': (TEXT, 'What happened, for people.'),
    'bay_uuid': (UUID, 'The bay.'),
    'cluster_uuid': (UUID, 'The same, by the other name.'),
    'operation_id': (TEXT, 'The operation that it belongs to.'),
    'request_id': (TEXT, 'The request that led to it.'),
    'created_at': (TIME, 'When it happened.'),
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Event': closed(bodies.described(_MEMBERS)),
    'EventList': bodies.listing('events', bodies.ref('Event')),
    'EventStream': {
        'type': 'string',
        'description': 'Server-sent events: "id" is the cursor, "event" the kind, "data" an Event.',
    },
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    f'{dialect.collection}_events.list': Operation(
        _TAG, f'List or follow the events of a {dialect.singular}',
        (
            Reply(200, 'EventList'),
            Reply(200, 'EventStream', media_type=STREAM),
            # A stream that resumes, and its bay is gone.
            Reply(204),
        ),
    )
    for dialect in (BAYS, CLUSTERS)
}
