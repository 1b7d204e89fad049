"""Rules of node groups."""

from typing import Final

from magnum.policies.base import ADMIN, MEMBER, OR_BAY, READER, rule

_LIST: Final = '/v1/clusters/{ident}/nodegroups'
_ONE: Final = f'{_LIST}/{{nodegroup}}'

#: The paths of bays lead to the same things, under the same rules.
RULES: Final = [
    rule(
        f'nodegroup:{action}', check, f'Node groups: {description}',
        (method, path), (method, path.replace('clusters', 'bays')),
    )
    for action, check, description, method, path in (
        # By the bay's own user, too: the autoscaler.
        ('get', READER + OR_BAY, 'See one of a bay of the own project.', 'GET', _ONE),
        ('get_all', READER + OR_BAY, 'List those of a bay of the own project.', 'GET', _LIST),
        ('create', MEMBER, 'Add one to a bay of the own project.', 'POST', _LIST),
        ('update', MEMBER, 'Change one of a bay of the own project.', 'PATCH', _ONE),
        ('delete', MEMBER, 'Delete one of a bay of the own project.', 'DELETE', _ONE),
        ('get_one_all_projects', ADMIN, 'See one of any bay.', 'GET', _ONE),
        ('get_all_all_projects', ADMIN, 'List those of any bay.', 'GET', _LIST),
    )
]
