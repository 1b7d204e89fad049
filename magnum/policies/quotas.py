"""Rules of quotas."""

from typing import Final

from magnum.policies.base import ADMIN, READER, rule

_LIST: Final = '/v1/quotas'
_ONE: Final = '/v1/quotas/{project_id}/{resource}'

RULES: Final = [
    rule('quota:get', READER, "See the own project's quota.", ('GET', _ONE)),
    rule('quota:get_all', ADMIN, 'List quotas.', ('GET', _LIST)),
    rule('quota:create', ADMIN, 'Set the quota of a project that has none.', ('POST', _LIST)),
    rule('quota:update', ADMIN, "Change a project's quota.", ('PATCH', _ONE)),
    rule('quota:delete', ADMIN, "Drop a project's quota.", ('DELETE', _ONE)),
]
