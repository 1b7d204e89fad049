"""Certificates of bays."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import CERTIFICATES
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import ACCEPTED, Operation, Reply
from magnum.api.types import certificates as types
from magnum.api.types.schemas import LINKS, UUID, Schema, closed

_TAG: Final = CERTIFICATES.collection
_ACCEPTED: Final = (Reply(202, ACCEPTED, ('Operation-Location?',)),)
_STRING: Final[Schema] = {'type': 'string'}
#: Clients of either time read the bay under their name of it.
_SHOWN: Final = {
    'cluster_uuid': UUID, 'bay_uuid': UUID, 'links': LINKS, 'pem': _STRING,
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    'CertificateRequest': {
        **bodies.request(types.TYPE),
        'anyOf': [{'required': ['cluster_uuid']}, {'required': ['bay_uuid']}],
    },
    'Authority': closed(_SHOWN),
    'Certificate': closed(
        {**_SHOWN, 'csr': _STRING, 'ca_cert_type': _STRING}, optional=['ca_cert_type']
    ),
}
OPERATIONS: Final[Mapping[str, Operation]] = {
    'certificates.rotate': Operation(
        _TAG, "Rotate a bay's authority", _ACCEPTED, tagged=True
    ),
    'credentials.rotate': Operation(
        'credentials', "Rotate a bay's credential", _ACCEPTED, tagged=True
    ),
    'certificates.get': Operation(
        _TAG, 'Show the CA certificate of a bay', (Reply(200, 'Authority'),)
    ),
    'certificates.create': Operation(
        _TAG, 'Have a certificate signed',
        (Reply(201, 'Certificate', ('Idempotency-Replayed?',)),), 'CertificateRequest',
    ),
}
