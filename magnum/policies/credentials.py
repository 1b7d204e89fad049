"""Rules of credentials."""

from typing import Final

from magnum.policies.base import MEMBER, rule

RULES: Final = [
    rule(
        'credential:rotate', MEMBER,
        "Give the own Keystone user of a bay of the own project a new password.",
        ('PATCH', '/v1/credentials/{bay}'),
    ),
]
