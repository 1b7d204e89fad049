"""Keystone, as the service's own account: users of bays and their roles."""

import functools
from typing import Any

from oslo_config import cfg

from magnum.clients.errors import CloudConflict, CloudForbidden, CloudNotFound, calling
from magnum.clients.sessions import Sessions


class KeystoneClient:
    """What bays need of Keystone's v3 API."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions):
        self._sessions = sessions
        self._domain_name: str = conf.identity.domain_name
        self._domain_id: str | None = conf.identity.domain_id
        self._api = sessions.api('identity', '3')

    @functools.cached_property
    def domain_id(self) -> str:
        """Id of the domain that holds the bays' users.

        :raises CloudNotFound: there is no such domain.
        """
        if self._domain_id:
            return self._domain_id
        with calling('identity', 'find_domain'):
            found = self._api.get('/domains', params={'name': self._domain_name}).json()['domains']
        if not found:
            raise CloudNotFound('identity', f'there is no domain {self._domain_name}', 404)
        return str(found[0]['id'])

    def ensure_user(self, name: str, password: str, description: str) -> str:
        """Make the user, or adopt the one of that name, with this password.

        :returns: the user's id.
        """
        body: dict[str, Any] = {
            'name': name,
            'domain_id': self.domain_id,
            'password': password,
            'description': description,
            'enabled': True,
            # Nobody is there to change a password that Keystone let expire.
            'options': {
                'ignore_password_expiry': True,
                'ignore_change_password_upon_first_use': True,
            },
        }
        try:
            with calling('identity', 'create_user'):
                # Not logged, whatever the level: the body holds a password.
                created = self._api.post('/users', json={'user': body}, log=False).json()
            return str(created['user']['id'])
        except CloudConflict:
            user_id = self.find_user(name)
            if user_id is None:
                raise
        self.set_password(user_id, password)
        return user_id

    def set_password(self, user_id: str, password: str) -> None:
        """Give the user another password; Keystone revokes the user's tokens.

        :raises CloudNotFound: there is no such user.
        """
        with calling('identity', 'update_user'):
            self._api.patch(
                f'/users/{user_id}', json={'user': {'password': password}}, log=False
            )
        self._sessions.forget(user_id)

    def find_user(self, name: str) -> str | None:
        """Id of the bay user of that name; without their domain there are none."""
        try:
            domain = self.domain_id
        except CloudNotFound:
            return None
        with calling('identity', 'find_user'):
            found = self._api.get('/users', params={'name': name, 'domain_id': domain}).json()[
                'users'
            ]
        return str(found[0]['id']) if found else None

    def grant(self, user_id: str, project_id: str, role_names: list[str]) -> None:
        """Give the user roles on a project; those it has stay."""
        for name in role_names:
            with calling('identity', 'grant_role'):
                self._api.put(
                    f'/projects/{project_id}/users/{user_id}/roles/{self._role_id(name)}'
                )

    def delete_user(self, user_id: str) -> None:
        """Delete a user; one that is gone is fine."""
        try:
            with calling('identity', 'delete_user'):
                self._api.delete(f'/users/{user_id}')
        except CloudNotFound:
            return

    @functools.lru_cache(maxsize=64)  # noqa: B019 - one client lives as long as its process
    def _role_id(self, name: str) -> str:
        with calling('identity', 'find_role'):
            found = self._api.get('/roles', params={'name': name}).json()['roles']
        if not found:
            raise CloudForbidden('identity', f'there is no role {name}', 403)
        return str(found[0]['id'])
