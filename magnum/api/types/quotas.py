"""Documents of quotas."""

import dataclasses
from typing import Final

from magnum.api.dialects import QUOTAS
from magnum.api.types import schemas, shared
from magnum.api.types.fields import Field, resource_type
from magnum.api.types.scalars import Enum, Ignored, Integer, Text
from magnum.db.repositories.quotas import BAYS

FIELDS: Final = (
    shared.ROW,
    Field('hard_limit', Integer(), 'How many there may be at most.', default=1),
    # Its absence is told in words that clients know.
    Field(
        'project_id', Text(), 'The project whose bays are limited.', answer=schemas.TEXT
    ),
    Field('resource', Enum(BAYS), 'What is limited.', default=BAYS),
    shared.CREATED_AT,
    shared.UPDATED_AT,
)

TYPE: Final = resource_type(QUOTAS, FIELDS)
#: Of a change: clients send what they have read with one value changed.
CHANGE: Final = resource_type(QUOTAS, (
    dataclasses.replace(field, datatype=Ignored(), read_only=False, ignored=True)
    if field.read_only else field
    for field in FIELDS
))
