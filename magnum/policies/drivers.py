"""Rules of drivers."""

from typing import Final

from magnum.policies.base import READER, rule

RULES: Final = [
    rule('driver:get', READER, 'See one.', ('GET', '/v1/drivers/{driver}')),
    rule('driver:get_all', READER, 'List them.', ('GET', '/v1/drivers')),
]
