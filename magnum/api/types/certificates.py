"""Documents of certificates."""

from typing import Final

from magnum.api.dialects import CERTIFICATES
from magnum.api.types.fields import Field, resource_type
from magnum.api.types.scalars import Ignored, Text

_LONGEST_REQUEST: Final = 65536

FIELDS: Final = (
    Field('bay', Text()),
    Field('csr', Text(_LONGEST_REQUEST), mandatory=True),
    Field('ca_cert_type', Text()),
    Field('pem', Text(_LONGEST_REQUEST), read_only=True),
    Field('links', Ignored(), read_only=True),
)

#: A bay is named by either member.
TYPE: Final = resource_type(CERTIFICATES, FIELDS, {'bay_uuid': 'bay'})
