"""Rules of bays and clusters."""

from typing import Final

from magnum.policies.base import ADMIN, MEMBER, OR_BAY, READER, rule

#: Action, check, description, method, paths.
_ACTIONS: Final[tuple[tuple[str, ...], ...]] = (
    ('create', MEMBER, 'Make one.', 'POST', ''),
    ('get', READER + OR_BAY, 'See one of the own project.', 'GET', '/{ident}',
     '/{ident}/resolved_labels'),
    ('get_all', READER, "List the own project's.", 'GET', ''),
    ('detail', READER, 'List them in detail.', 'GET', '/detail'),
    ('update', MEMBER, 'Change one of the own project.', 'PATCH', '/{ident}'),
    ('update_health_status', MEMBER + OR_BAY, "Report one's health.", 'PATCH', '/{ident}'),
    ('delete', MEMBER, 'Delete one of the own project.', 'DELETE', '/{ident}'),
    # By its own user: the autoscaler, within the bounds of a group.
    ('resize', MEMBER + OR_BAY, 'Change the number of nodes of one of the own project.', 'POST',
     '/{ident}/actions/resize'),
    ('upgrade', MEMBER, 'Upgrade one of the own project.', 'POST', '/{ident}/actions/upgrade'),
    ('get_one_all_projects', ADMIN, 'See one of any project.', 'GET', '/{ident}',
     '/{ident}/resolved_labels'),
    ('get_all_all_projects', ADMIN, "List all projects'.", 'GET', ''),
    ('detail_all_projects', ADMIN, "List all projects' in detail.", 'GET', '/detail'),
    ('update_all_projects', ADMIN, 'Change one of any project.', 'PATCH', '/{ident}'),
    ('upgrade_all_projects', ADMIN, 'Upgrade one of any project.', 'POST',
     '/{ident}/actions/upgrade'),
    ('delete_all_projects', ADMIN, 'Delete one of any project.', 'DELETE', '/{ident}'),
)

RULES: Final = [
    *(
        rule(
            f'cluster:{action}', check, f'Clusters: {description}',
            *((method, f'/v1/clusters{path}') for path in paths),
        )
        for action, check, description, method, *paths in _ACTIONS
    ),
    # The old name asks the new one's rule, so that an operator's change of
    # one cannot be walked round by the other.
    *(
        rule(
            f'bay:{action}', f'rule:cluster:{action}', f'Bays: {description}',
            *((method, f'/v1/bays{path}') for path in paths),
        )
        for action, check, description, method, *paths in _ACTIONS
    ),
]
