"""Rules that the others are made of."""

from typing import Final

from oslo_policy import policy

ADMIN: Final = 'rule:context_is_admin'
MEMBER: Final = 'rule:admin_or_project_member'
READER: Final = 'rule:admin_or_project_reader'

#: A bay's user is a member of the project, and yet may not do what members may.
_NO_BAY: Final = 'not is_bay:True'
#: What a bay's user may do is joined to a rule by this.
OR_BAY: Final = ' or rule:bay_identity'

RULES: Final = [
    policy.RuleDefault('context_is_admin', 'role:admin', 'The administrator of the cloud.'),
    policy.RuleDefault(
        'project_member', f'role:member and project_id:%(project_id)s and {_NO_BAY}'
    ),
    policy.RuleDefault(
        'project_reader', f'role:reader and project_id:%(project_id)s and {_NO_BAY}'
    ),
    policy.RuleDefault(
        'bay_identity', 'is_bay:True and bay_uuid:%(bay_uuid)s',
        "The own Keystone user of the bay; only rules that name it are for it.",
    ),
    policy.RuleDefault(
        'admin_or_project_member', 'rule:context_is_admin or rule:project_member'
    ),
    policy.RuleDefault(
        'admin_or_project_reader',
        # A member is a reader, also where the cloud implies no roles.
        'rule:context_is_admin or rule:project_reader or rule:project_member',
    ),
]


def rule(
    name: str, check: str, description: str, *operations: tuple[str, str]
) -> policy.DocumentedRuleDefault:
    """A documented rule of the project scope.

    :param operations: (method, path) of the routes that it guards.
    """
    return policy.DocumentedRuleDefault(
        name,
        check,
        description,
        [{'method': method, 'path': path} for method, path in operations],
        scope_types=['project'],
    )
