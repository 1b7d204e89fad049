"""Events of bays, by pages or as a stream."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import BAYS, CLUSTERS
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import STREAM, Operation, Reply
from magnum.api.types.schemas import Schema
from magnum.api.views import events as views

_TAG: Final = 'events'

COMPONENTS: Final[Mapping[str, Schema]] = {
    'Event': views.EVENT.schema(),
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
