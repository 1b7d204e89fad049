"""Documents of conductors."""

from typing import Final

from magnum.api.types.schemas import BOOLEAN, COUNT, NUMBER_OF_A_ROW, STRING, TEXT
from magnum.api.views.members import DocumentType, Member, computed, time

UP: Final = 'up'
DOWN: Final = 'down'

CONDUCTOR: Final = DocumentType(
    Member('id', NUMBER_OF_A_ROW, 'Number of the row.'),
    Member('host', STRING, 'Where it runs.'),
    Member('binary', STRING, 'Name of the program.'),
    computed('state', {'enum': [UP, DOWN]}, 'Whether it has reported lately.'),
    Member('report_count', COUNT, 'How often it has reported.'),
    Member('disabled', BOOLEAN, 'Always false: one that runs takes up work.'),
    Member('disabled_reason', TEXT, 'Always null.'),
    time('created_at', 'When it first reported.'),
    time('updated_at', 'When it last reported.'),
)
