"""Documents of events."""

from typing import Final

from magnum.api.http import cursors
from magnum.api.types.schemas import STRING, TEXT, UUID
from magnum.api.views.members import DocumentType, Member, time

EVENT: Final = DocumentType(
    Member('cursor', STRING, 'Where a client goes on after this event.', 'id', cursors.write),
    Member('kind', STRING, 'What happened, for programs.'),
    Member('message', TEXT, 'What happened, for people.'),
    Member('bay_uuid', UUID, 'The bay.'),
    Member('cluster_uuid', UUID, 'The same, by the other name.', of='bay_uuid'),
    Member('operation_id', TEXT, 'The operation that it belongs to.', of='operation_uuid'),
    Member('request_id', TEXT, 'The request that led to it.'),
    time('created_at', 'When it happened.'),
)
