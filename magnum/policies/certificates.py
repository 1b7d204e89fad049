"""Rules of certificates."""

from typing import Final

from magnum.policies.base import MEMBER, OR_BAY, READER, rule

RULES: Final = [
    rule(
        'certificate:rotate', MEMBER, 'Give a bay of the own project a new CA.',
        ('PATCH', '/v1/certificates/{bay}'),
    ),
    rule(
        'certificate:get', READER + OR_BAY, "See the CA certificate of a bay of the own project.",
        ('GET', '/v1/certificates/{bay}'), ('GET', '/v1/certificates/{bay}/{ca_cert_type}'),
    ),
    rule(
        'certificate:create', READER,
        'Have a certificate signed by the CA of a bay of the own project; which subjects the '
        'caller may have is for [x509] subject_rule to say.',
        ('POST', '/v1/certificates'),
    ),
]
