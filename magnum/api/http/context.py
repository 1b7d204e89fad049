"""The caller of a request, from keystonemiddleware's headers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_context import context as oslo_context

from magnum.api import errors
from magnum.db.repositories.visibility import Scope
from magnum.operations.accept.requester import Requester
from magnum.policies.enforcer import Enforcer


@dataclasses.dataclass(frozen=True)
class Caller:
    """The user of a request.

    ``auth`` is the keystoneauth plugin of the caller's token, with the
    catalogue; ``credentials`` say the same as the other attributes in
    oslo.policy's words. ``bay_uuid`` is set for the own identity of a bay.
    """

    user_id: str | None
    project_id: str | None
    roles: tuple[str, ...]
    request_id: str
    auth: Any
    credentials: dict[str, Any]
    enforcer: Enforcer
    bay_uuid: str | None = None
    user_name: str | None = None

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, Any], enforcer: Enforcer, bays_domain: Mapping[str, str | None]
    ) -> 'Caller':
        """The caller of a request that keystonemiddleware let pass.

        Log lines of this thread name the request from here on.

        :param bays_domain: ``id`` or ``name`` of the domain of the bays' users.
        """
        user_id = environ.get('HTTP_X_USER_ID')
        project_id = environ.get('HTTP_X_PROJECT_ID')
        names = (environ.get('HTTP_X_ROLES') or '').split(',')
        roles = tuple(name.strip() for name in names if name.strip())
        request_id = environ.get('openstack.request_id', '')
        oslo_context.RequestContext(
            user_id=user_id,
            project_id=project_id,
            request_id=request_id,
            global_request_id=environ.get('openstack.global_request_id'),
        )
        credentials = {
            'user_id': user_id,
            'project_id': project_id,
            'roles': list(roles),
            'domain_id': environ.get('HTTP_X_DOMAIN_ID'),
            'user_domain_id': environ.get('HTTP_X_USER_DOMAIN_ID'),
            'project_domain_id': environ.get('HTTP_X_PROJECT_DOMAIN_ID'),
            'system_scope': environ.get('HTTP_OPENSTACK_SYSTEM_SCOPE'),
        }
        bay_uuid = _bay_of(environ, bays_domain)
        if bay_uuid is not None:
            credentials |= {'is_bay': True, 'bay_uuid': bay_uuid}
        return cls(
            user_id, project_id, roles, request_id, environ.get('keystone.token_auth'),
            credentials, enforcer, bay_uuid, environ.get('HTTP_X_USER_NAME'),
        )

    @property
    def requester(self) -> Requester:
        """The caller as operations remember it."""
        return Requester(self.user_id, self.project_id, self.roles, self.request_id)

    def may(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Whether a policy rule holds for a target; by default the own project."""
        if target is None:
            target = {'project_id': self.project_id, 'user_id': self.user_id}
        return self.enforcer.allows(rule, self.credentials, target)

    def check(self, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Stop unless a policy rule holds.

        :raises APIError: 403.
        """
        if not self.may(rule, target):
            raise _forbidden(rule)

    def check_any(self, rules: Sequence[str]) -> None:
        """Stop one for whom none of some rules holds, not even for what is his own.

        :raises APIError: 403.
        """
        own = {
            'project_id': self.project_id, 'user_id': self.user_id, 'bay_uuid': self.bay_uuid
        }
        if rules and not any(self.may(rule, own) for rule in rules):
            raise _forbidden(rules[0])

    def scope(self, all_projects_rule: str | None = None) -> Scope:
        """The rows the caller may see: all, where the rule given holds."""
        everything = all_projects_rule is not None and self.may(all_projects_rule)
        return Scope(self.project_id, self.user_id, everything)


def _forbidden(rule: str) -> errors.APIError:
    return errors.APIError(
        errors.requests.FORBIDDEN, f"Policy doesn't allow {rule} to be performed."
    )


def _bay_of(environ: Mapping[str, Any], bays_domain: Mapping[str, str | None]) -> str | None:
    """The bay whose own user calls; its name begins with the bay's uuid."""
    if bays_domain['id'] is not None:
        is_bay = environ.get('HTTP_X_USER_DOMAIN_ID') == bays_domain['id']
    else:
        is_bay = environ.get('HTTP_X_USER_DOMAIN_NAME') == bays_domain['name']
    if not is_bay:
        return None
    name: str = environ.get('HTTP_X_USER_NAME') or ''
    return name.partition('_')[0]
