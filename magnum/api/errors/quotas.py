"""Errors of quotas."""

from typing import Final

from magnum.api.errors.kinds import Kind

EXCEEDED: Final = Kind(
    'magnum.quota.exceeded', 403,
    'The project has as many bays as it may.',
    'Delete one, or ask the operator for a larger quota.',
)
NOT_FOUND: Final = Kind(
    'magnum.quota.not_found', 404,
    'The project has no quota of its own; the default of the operator holds.',
    'Make one by POST.',
)
EXISTS: Final = Kind(
    'magnum.quota.exists', 409,
    'The project has a quota of this resource already.',
    'Change it by PATCH.',
)
PROJECT_NOT_FOUND: Final = Kind(
    'magnum.project.not_found', 404,
    'Keystone knows no project of this id.',
    'Give the id of a project; names are not looked up.',
)
