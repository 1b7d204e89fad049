"""Rules of the list of conductors."""

from typing import Final

from magnum.policies.base import ADMIN, rule

RULES: Final = [
    rule(
        'magnum-service:get_all', ADMIN, 'See the conductors and whether they live.',
        ('GET', '/v1/mservices'),
    ),
]
