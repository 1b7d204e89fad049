"""Keystone: tokens, users, roles, trusts.

Every token is valid, and its text says whose it is: ``proj-<name>`` is that
of a member of the project of this name; one with ``admin`` in it is an
administrator's.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from tools.bench.fakecloud.http import Reply, Request
from tools.bench.fakecloud.world import REGION, World, version

ROLES: Final = ('admin', 'member', 'reader', 'service')
_MOMENT: Final = '%Y-%m-%dT%H:%M:%S.000000Z'
_LIFE: Final = 86400  # of a token, seconds
_MOST_TOKENS: Final = 20_000


class Identity:
    """Keystone's v3 API."""

    def __init__(self, world: World):
        self._world = world
        self._issued: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.trusts: dict[str, dict[str, Any]] = {}
        self._resources: dict[str, Callable[[Request, tuple[str, ...]], Reply]] = {
            'auth': self._tokens,
            'users': self._users,
            'domains': self._domains,
            'roles': self._roles,
            'projects': self._grants,
            'OS-TRUST': self._trusts,
            'regions': self._regions,
            'services': self._services,
        }

    def forget(self) -> None:
        """Drop all users and trusts."""
        self.users.clear()
        self.trusts.clear()

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``identity``."""
        rest = request.path[1:]
        if rest in ((), ('v3',)):
            found = version('v3.14', f'{self._world.base}/identity/v3/')
            found['media-types'] = [
                {
                    'base': 'application/json',
                    'type': 'application/vnd.openstack.identity-v3+json',
                }
            ]
            if rest:
                return Reply('version', {'version': found | {'status': 'stable'}})
            document = {'versions': {'values': [found | {'status': 'stable'}]}}
            return Reply('version', document, 300)
        resource = self._resources.get(rest[1])
        return resource(request, rest[2:]) if resource else _not_found('other')

    def _tokens(self, request: Request, _rest: tuple[str, ...]) -> Reply:
        if request.method == 'POST':
            token, document = self._issue(request.document['auth'])
            return Reply('token-issue', document, 201, {'X-Subject-Token': token})
        if request.method == 'DELETE':
            return Reply('token-revoke', status=204)
        token = request.headers.get('x-subject-token', '')
        return Reply('token-validate', self._validate(token), headers={'X-Subject-Token': token})

    def _issue(self, auth: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        user = auth['identity'].get('password', {}).get('user', {})
        name = user.get('name') or user.get('id') or 'token-user'
        user_id = user.get('id') or f'user-{name}'
        scope = auth.get('scope') or {}
        if 'OS-TRUST:trust' in scope:
            trust = self.trusts[scope['OS-TRUST:trust']['id']]
            document = self._token(
                trust['trustor_user_id'], name, trust['project_id'], ('member',)
            )
            document['token']['OS-TRUST:trust'] = {
                'id': trust['id'],
                'impersonation': True,
                'trustor_user': {'id': trust['trustor_user_id']},
                'trustee_user': {'id': user_id},
            }
        elif 'domain' in scope:
            domain = scope['domain'].get('id') or scope['domain'].get('name')
            document = self._token(user_id, name, None, ('admin',))
            document['token']['domain'] = {'id': domain, 'name': domain}
        else:
            project = scope.get('project', {})
            project_id = project.get('id') or project.get('name') or 'service'
            document = self._token(user_id, name, project_id, ROLES)
        token = f'issued-{uuid.uuid4().hex}'
        self._issued[token] = document
        if len(self._issued) > _MOST_TOKENS:
            del self._issued[next(iter(self._issued))]
        return token, document

    def _validate(self, token: str) -> dict[str, Any]:
        if token in self._issued:
            return self._issued[token]
        if 'admin' in token:
            return self._token('user-admin', 'admin', 'admin-project', ('admin', 'member'))
        project = token.removeprefix('proj-')
        return self._token(f'user-{project}', f'user-{project}', project, ('member', 'reader'))

    def _token(
        self, user_id: str, name: str, project: str | None, roles: tuple[str, ...]
    ) -> dict[str, Any]:
        domain = {'id': 'default', 'name': 'Default'}
        now = time.time()
        token: dict[str, Any] = {
            'methods': ['password'],
            'user': {
                'id': user_id, 'name': name, 'domain': domain, 'password_expires_at': None
            },
            'audit_ids': [uuid.uuid4().hex[:22]],
            'issued_at': time.strftime(_MOMENT, time.gmtime(now)),
            'expires_at': time.strftime(_MOMENT, time.gmtime(now + _LIFE)),
            'roles': [{'id': role, 'name': role} for role in roles],
            'catalog': self._world.catalogue(project or 'none'),
        }
        if project is not None:
            token['project'] = {'id': project, 'name': project, 'domain': domain}
            token['is_domain'] = False
        return {'token': token}

    def _users(self, request: Request, rest: tuple[str, ...]) -> Reply:
        if not rest:
            return self._create_user(request) if request.method == 'POST' else self._list(request)
        user = self.users.get(rest[0])
        if user is None:
            return _not_found(f'user-{request.method.lower()}')
        if request.method == 'DELETE':
            del self.users[rest[0]]
            return Reply('user-delete', status=204)
        return Reply('user-update' if request.method == 'PATCH' else 'user-get', {'user': user})

    def _list(self, request: Request) -> Reply:
        name = request.first('name')
        found = [user for user in self.users.values() if name in (None, user['name'])]
        return Reply('user-list', {'users': found, 'links': {'next': None}})

    def _create_user(self, request: Request) -> Reply:
        user = {**request.document['user'], 'id': uuid.uuid4().hex, 'enabled': True, 'links': {}}
        user.pop('password', None)
        if any(user['name'] == other['name'] for other in self.users.values()):
            return Reply('user-exists', {'error': {'code': 409, 'message': 'exists'}}, 409)
        self.users[user['id']] = user
        return Reply('user-create', {'user': user}, 201)

    def _domains(self, request: Request, _rest: tuple[str, ...]) -> Reply:
        name = request.first('name')
        return Reply('domain-list', {'domains': [{'id': f'domain-{name}', 'name': name}]})

    def _roles(self, request: Request, _rest: tuple[str, ...]) -> Reply:
        wanted = request.first('name')
        found = [{'id': role, 'name': role} for role in ROLES if wanted in (None, role)]
        return Reply('role-list', {'roles': found, 'links': {'next': None}})

    def _grants(self, request: Request, rest: tuple[str, ...]) -> Reply:
        if request.method == 'GET' and len(rest) == 1:
            return Reply('project-get', {'project': {'id': rest[0], 'name': rest[0]}})
        return Reply('role-grant', status=204)

    def _trusts(self, request: Request, rest: tuple[str, ...]) -> Reply:
        if request.method == 'POST':
            trust = {
                'expires_at': None,
                **request.document['trust'],
                'id': uuid.uuid4().hex,
                'deleted_at': None,
                'remaining_uses': None,
                'redelegation_count': 0,
                'links': {},
            }
            self.trusts[trust['id']] = trust
            return Reply('trust-create', {'trust': trust}, 201)
        if rest[1] not in self.trusts:
            return _not_found(f'trust-{request.method.lower()}')
        if request.method == 'DELETE':
            del self.trusts[rest[1]]
            return Reply('trust-delete', status=204)
        return Reply('trust-get', {'trust': self.trusts[rest[1]]})

    def _regions(self, _request: Request, _rest: tuple[str, ...]) -> Reply:
        region: dict[str, Any] = {
            'id': REGION, 'description': '', 'parent_region_id': None, 'links': {}
        }
        return Reply('regions', {'regions': [region], 'links': {'next': None}})

    def _services(self, _request: Request, _rest: tuple[str, ...]) -> Reply:
        return Reply('services', {'services': [], 'links': {'next': None}})


def _not_found(route: str) -> Reply:
    return Reply(route, {'error': {'code': 404, 'message': 'not found'}}, 404)
