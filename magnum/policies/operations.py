"""Rules of operations."""

from typing import Final

from magnum.policies.base import ADMIN, MEMBER, READER, rule

_ALL: Final = '/v1/operations'
_ONE: Final = '/v1/operations/{operation}'
_LISTS: Final = tuple(
    ('GET', path)
    for path in (_ALL, '/v1/bays/{ident}/operations', '/v1/clusters/{ident}/operations')
)
_CANCEL: Final = ('POST', f'{_ONE}/actions/cancel')
_RETRY: Final = ('POST', f'{_ONE}/actions/retry')

RULES: Final = [
    rule('operation:get', READER, 'See one on a bay of the own project.', ('GET', _ONE)),
    rule('operation:get_all', READER, 'List those on bays of the own project.', *_LISTS),
    rule('operation:cancel', MEMBER, 'Stop one on a bay of the own project.', _CANCEL),
    rule('operation:retry', MEMBER, 'Try one again on a bay of the own project.', _RETRY),
    rule('operation:get_one_all_projects', ADMIN, 'See one of any project.', ('GET', _ONE)),
    rule('operation:get_all_all_projects', ADMIN, "List all projects'.", *_LISTS),
    rule('operation:cancel_all_projects', ADMIN, 'Stop one of any project.', _CANCEL),
    rule('operation:retry_all_projects', ADMIN, 'Try one of any project again.', _RETRY),
]
