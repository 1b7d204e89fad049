"""Rules of certificates."""

from typing import Final

from magnum.policies.base import OR_BAY, READER, rule

RULES: Final = [
    rule(
        'certificate:get', READER + OR_BAY, "See the CA certificate of a bay of the own project.",
        ('GET', '/v1/certificates/{bay}'),
    ),
    rule(
        'certificate:create', READER,
        'Have a certificate signed by the CA of a bay of the own project; which subjects the '
        'caller may have is for [x509] subject_rule to say.',
        ('POST', '/v1/certificates'),
    ),
]
