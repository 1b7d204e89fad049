"""Rules of nodes."""

from typing import Final

from magnum.policies.base import ADMIN, READER, rule

_LISTS: Final = tuple(
    ('GET', f'/v1/{collection}/{{ident}}/nodes') for collection in ('bays', 'clusters')
)

RULES: Final = [
    rule('node:get_all', READER, 'See how the nodes of a bay of the own project are.', *_LISTS),
    rule('node:get_all_all_projects', ADMIN, 'See how the nodes of any bay are.', *_LISTS),
]
