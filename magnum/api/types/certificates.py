"""Documents of certificates."""

from typing import Final

from magnum.api.dialects import CERTIFICATES
from magnum.api.types import shared
from magnum.api.types.fields import Field, resource_type
from magnum.api.types.scalars import Text

_LONGEST_REQUEST: Final = 65536

FIELDS: Final = (
    Field('bay', Text(), 'uuid or name of the bay.'),
    Field('csr', Text(_LONGEST_REQUEST), 'PKCS #10 request, in PEM.', mandatory=True),
    Field('ca_cert_type', Text(), 'Taken for compatibility: a bay has one authority.'),
    Field('pem', Text(_LONGEST_REQUEST), 'The certificate, in PEM.', read_only=True),
    shared.LINKS,
)

#: A bay is named by either member.
TYPE: Final = resource_type(CERTIFICATES, FIELDS, {'bay_uuid': 'bay'})
