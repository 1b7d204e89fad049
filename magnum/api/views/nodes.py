"""Documents of nodes, as they report themselves."""

from typing import Final

from magnum.api.types.schemas import STRING, STRINGS, TEXT, TEXTS, Schema, closed, nullable
from magnum.api.views.members import DocumentType, Member, computed, time
from magnum.domain import reports

_NUMBER: Final[Schema] = nullable({'type': 'integer'})
_SAID: Final = {
    'status': {'enum': list(reports.STATUSES)}, 'reason': STRING, 'message': STRING,
}
_CONDITIONS: Final[Schema] = {'type': 'object', 'additionalProperties': closed(_SAID)}

NODE: Final = DocumentType(
    Member('name', STRING, 'Name of the server.'),
    Member('role', STRING, 'master or worker.'),
    computed('nodegroup', TEXT, 'Name of the node group; null where it is not known.'),
    Member('state', TEXT, 'building, ready or failed; null before the first report.'),
    Member('step', TEXT, 'The step of its boot in which it is, or at which it failed.'),
    Member('position', _NUMBER, 'The number of this step, from 1.'),
    Member('steps', _NUMBER, 'How many steps its boot has.'),
    Member('lines', TEXTS, 'The last lines of a step that failed.', show=lambda said: said or []),
    Member('conditions', _CONDITIONS, 'How the node is, by name; names are for later releases '
           'to add to.', show=lambda said: said or {}),
    Member('versions', STRINGS, 'Versions, by program.', show=lambda said: said or {}),
    Member('is_silent', {'type': 'boolean'}, 'It was not heard of for long.'),
    time('heard_at', 'When it was heard of, give or take a few minutes.'),
)
#: Of the bay, by name.
CONDITIONS: Final[Schema] = {
    'type': 'object',
    'description': 'What the reports come to, by name; empty where no node reports.',
    'additionalProperties': closed({**_SAID, 'since': STRING}),
}
