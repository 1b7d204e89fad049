"""Errors of certificates."""

from typing import Final

from magnum.api.errors.kinds import Kind

TLS_DISABLED: Final = Kind(
    'magnum.certificate.tls_disabled', 400,
    'The bay is built without TLS, and so has no certificates.',
    'Make the bay of a baymodel whose "tls_disabled" is false.',
)
NOT_READY: Final = Kind(
    'magnum.certificate.not_ready', 409,
    "The bay's certificate authority is not made yet, or has expired.",
    'Try again when the bay is built; rotate the authority of an old bay.',
)
INVALID_CSR: Final = Kind(
    'magnum.certificate.invalid_csr', 400,
    'The signing request is malformed, or asks for what nobody may have.',
    'Make a PKCS #10 request in PEM, with extensions that the detail does not refuse.',
)
SUBJECT_REFUSED: Final = Kind(
    'magnum.certificate.subject_refused', 403,
    "The caller's roles do not allow this subject; the detail has the rules that were tried.",
    'Ask for a subject that a rule allows, or ask the operator for a role.',
)
