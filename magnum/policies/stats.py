"""Rules of statistics."""

from typing import Final

from magnum.policies.base import ADMIN, READER, rule

RULES: Final = [
    rule(
        'stats:get_all', READER, 'Count the bays and nodes of the own project.',
        ('GET', '/v1/stats'),
    ),
    rule(
        'stats:get_all_all_projects', ADMIN, 'Count those of the whole cloud.',
        ('GET', '/v1/stats'),
    ),
]
