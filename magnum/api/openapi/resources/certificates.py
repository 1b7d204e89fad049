"""Certificates of bays."""

from collections.abc import Mapping
from typing import Final

from magnum.api.dialects import CERTIFICATES
from magnum.api.openapi import bodies
from magnum.api.openapi.operations import ACCEPTED, Operation, Reply
from magnum.api.types import certificates as types
from magnum.api.types.schemas import Schema
from magnum.api.views.certificates import AUTHORITY, CERTIFICATE

_TAG: Final = CERTIFICATES.collection
_ACCEPTED: Final = (Reply(202, ACCEPTED, ('Operation-Location?',)),)

COMPONENTS: Final[Mapping[str, Schema]] = {
    'CertificateRequest': {
        **bodies.request(types.TYPE),
        'anyOf': [{'required': ['cluster_uuid']}, {'required': ['bay_uuid']}],
    },
    'Authority': AUTHORITY.schema(),
    'Certificate': CERTIFICATE.schema(),
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
