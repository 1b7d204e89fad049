"""Documents of quotas."""

from typing import Final

from magnum.api.dialects import QUOTAS
from magnum.api.types.fields import Field, resource_type
from magnum.api.types.scalars import Enum, Integer, Text, Timestamp
from magnum.db.repositories.quotas import BAYS

FIELDS: Final = (
    Field('id', Integer(), read_only=True),
    # Its absence is told in words that clients know.
    Field('project_id', Text()),
    Field('resource', Enum(BAYS), default=BAYS),
    Field('hard_limit', Integer(), default=1),
    Field('created_at', Timestamp(), read_only=True),
    Field('updated_at', Timestamp(), read_only=True),
)

TYPE: Final = resource_type(QUOTAS, FIELDS)
