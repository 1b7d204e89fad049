"""Documents of bays' authorities, and of certificates that they sign."""

from typing import Final

from magnum.api.types.schemas import LINKS, STRING, UUID
from magnum.api.views.members import DocumentType, computed

#: Clients of either time read the bay under their name of it.
_OF_BAY: Final = (
    computed('cluster_uuid', UUID, 'The bay.'),
    computed('bay_uuid', UUID, 'The same, by the other name.'),
    computed('links', LINKS, 'Where the certificate of its authority is.'),
)

AUTHORITY: Final = DocumentType(
    *_OF_BAY,
    computed('pem', STRING, 'Its certificate in PEM; two while the authority is rotated.'),
)
CERTIFICATE: Final = DocumentType(
    *_OF_BAY,
    computed('csr', STRING, 'The request that was signed, in PEM.'),
    computed('pem', STRING, 'The certificate, in PEM.'),
    computed('ca_cert_type', STRING, 'As it was sent: a bay has one authority.', is_optional=True),
)
