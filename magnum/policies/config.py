"""Rules of the configuration of native clients."""

from typing import Final

from magnum.policies.base import MEMBER, rule

RULES: Final = [
    rule(
        'config:create', MEMBER,
        'Have a certificate signed, and configuration made with it, for the native client of a '
        'bay of the own project; which subjects the caller may have is for [x509] subject_rule '
        'to say.',
        *(('POST', f'/v1/{collection}/{{ident}}/config') for collection in ('bays', 'clusters')),
    ),
]
