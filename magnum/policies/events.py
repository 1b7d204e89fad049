"""Rules of events."""

from typing import Final

from magnum.policies.base import ADMIN, READER, rule

_LISTS: Final = tuple(
    ('GET', f'/v1/{collection}/{{ident}}/events') for collection in ('bays', 'clusters')
)

RULES: Final = [
    rule('event:get_all', READER, 'See what happened to a bay of the own project.', *_LISTS),
    rule('event:get_all_all_projects', ADMIN, 'See what happened to any bay.', *_LISTS),
]
