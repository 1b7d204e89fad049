"""Documents of what native clients need."""

from typing import Final

from magnum.api.types.schemas import STRINGS, TEXT, UUID
from magnum.api.views.members import DocumentType, computed

CONFIG: Final = DocumentType(
    computed('cluster_uuid', UUID, 'The bay.'),
    computed('bay_uuid', UUID, 'The same, by the other name.'),
    computed('certificate', TEXT, "The caller's, in PEM; null for a bay without TLS."),
    computed('ca', TEXT, "Certificate of the bay's authority, in PEM."),
    computed(
        'files', STRINGS, 'Text of each file, by its name; the key is to be put beside them.'
    ),
)
