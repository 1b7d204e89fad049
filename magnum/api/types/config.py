"""Bodies of requests for the configuration of native clients."""

from typing import Final

from magnum.api.dialects import CONFIG
from magnum.api.types.fields import Field, resource_type
from magnum.api.types.scalars import Text

_LONGEST_REQUEST: Final = 65536

#: Not mandatory here: a bay without TLS has nothing to sign with.
FIELDS: Final = (
    Field(
        'csr', Text(_LONGEST_REQUEST), 'PKCS #10 request, in PEM; a bay with TLS needs one.'
    ),
)

TYPE: Final = resource_type(CONFIG, FIELDS)
