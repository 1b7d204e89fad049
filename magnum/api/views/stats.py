"""Documents of statistics."""

from typing import Final

from magnum.api.types.schemas import COUNT
from magnum.api.views.members import DocumentType, Member

STATISTICS: Final = DocumentType(
    Member('clusters', COUNT, 'How many bays there are.', of='bays'),
    Member('nodes', COUNT, 'How many nodes they have, masters among them.'),
)
