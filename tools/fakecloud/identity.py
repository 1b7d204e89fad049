"""Keystone: tokens, users, roles, trusts.

Tokens are those of a table, those that were issued, and others that a rule makes
something of.
"""

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.world import REGION, World, version

ROLES: Final = ('admin', 'member', 'reader', 'service')
_MOMENT: Final = '%Y-%m-%dT%H:%M:%S.000000Z'
_LIFE: Final = 86400  # of a token, seconds
_MOST_TOKENS: Final = 20_000


@dataclasses.dataclass(frozen=True)
class Token:
    """What Keystone knows of a token."""

    user: str
    project: str | None
    roles: tuple[str, ...]
    domain: str = 'Default'
    #: Of an application credential: what alone the token is for.
    access_rules: tuple[dict[str, str], ...] | None = None
    #: Other members of its document.
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_service(self) -> bool:
        """Whether it is of one of the cloud's own services."""
        return 'service' in self.roles


class Identity:
    """Keystone's v3 API.

    :ivar tokens: by their ids.
    :ivar accounts: what users get who authenticate; others get any project they name.
    :ivar projects: those that there are; None: all that anybody names.
    :ivar project_names: names by ids; the name of any other project is its id.
    """

    def __init__(self, world: World):
        self._world = world
        self._issued: dict[str, Token] = {}
        self.tokens: dict[str, Token] = {}
        self.accounts: dict[str, Token] = {}
        self.projects: set[str | None] | None = None
        self.project_names: dict[str | None, str] = {}
        #: What becomes of a token that is none of these.
        self.rule: Callable[[str], Token | None] = lambda token: None
        self.users: dict[str, dict[str, Any]] = {}
        self.trusts: dict[str, dict[str, Any]] = {}
        self._resources: dict[str, Callable[[Request, tuple[str, ...]], Reply]] = {
            'auth': self._tokens,
            'users': self._users,
            'domains': self._domains,
            'roles': self._roles,
            'projects': self._projects,
            'OS-TRUST': self._trusts,
            'regions': self._regions,
            'services': self._services,
        }

    def forget(self) -> None:
        """Drop all users and trusts."""
        self.users.clear()
        self.trusts.clear()

    def of(self, request: Request, header: str = 'x-auth-token') -> Token | None:
        """The token that a request carries."""
        return self._known(request.headers.get(header, ''))

    def opens(self, request: Request) -> bool:
        """Whether its token is for a service of the cloud; as the middleware there decides."""
        token = self.of(request)
        if token is None or token.access_rules is None:
            return True
        # A token of a service says that it passes a user's request on.
        passed_on = self.of(request, 'x-service-token')
        return passed_on is not None and passed_on.is_service

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

    def _known(self, token_id: str) -> Token | None:
        return (
            self._issued.get(token_id) or self.tokens.get(token_id)
            or (self.rule(token_id) if token_id else None)
        )

    def _tokens(self, request: Request, _rest: tuple[str, ...]) -> Reply:
        if request.method == 'POST':
            token = self._authenticated(request.document['auth'])
            token_id = f'issued-{uuid.uuid4().hex}'
            self._issued[token_id] = token
            if len(self._issued) > _MOST_TOKENS:
                del self._issued[next(iter(self._issued))]
            headers = {'X-Subject-Token': token_id}
            return Reply('token-issue', self._document(token), 201, headers)
        if request.method == 'DELETE':
            return Reply('token-revoke', status=204)
        subject = self.of(request, 'x-subject-token')
        if subject is None:
            return _not_found('token-validate')
        headers = {'X-Subject-Token': request.headers['x-subject-token']}
        return Reply('token-validate', self._document(subject), headers=headers)

    def _authenticated(self, auth: dict[str, Any]) -> Token:
        user = auth['identity'].get('password', {}).get('user', {})
        name = user.get('name') or user.get('id') or 'token-user'
        user_id = user.get('id') or f'user-{name}'
        scope = auth.get('scope') or {}
        if name in self.accounts:
            return self.accounts[name]
        if 'OS-TRUST:trust' in scope:
            trust = self.trusts[scope['OS-TRUST:trust']['id']]
            return Token(
                trust['trustor_user_id'], trust['project_id'], ('member',),
                more={'OS-TRUST:trust': {
                    'id': trust['id'],
                    'impersonation': True,
                    'trustor_user': {'id': trust['trustor_user_id']},
                    'trustee_user': {'id': user_id},
                }},
            )
        if 'domain' in scope:
            domain = scope['domain'].get('id') or scope['domain'].get('name')
            return Token(
                user_id, None, ('admin',), more={'domain': {'id': domain, 'name': domain}}
            )
        project = scope.get('project', {})
        return Token(user_id, project.get('id') or project.get('name') or 'service', ROLES)

    def _document(self, token: Token) -> dict[str, Any]:
        domain = {'id': token.domain.lower(), 'name': token.domain}
        now = time.time()
        document: dict[str, Any] = {
            'methods': ['password'],
            'user': {
                'id': token.user, 'name': token.user, 'domain': domain,
                'password_expires_at': None,
            },
            'audit_ids': [uuid.uuid4().hex[:22]],
            'issued_at': time.strftime(_MOMENT, time.gmtime(now)),
            'expires_at': time.strftime(_MOMENT, time.gmtime(now + _LIFE)),
            'roles': [{'id': role, 'name': role} for role in token.roles],
            'catalog': self._world.catalogue(token.project or 'none'),
            **token.more,
        }
        if token.project is not None:
            document['project'] = {**self._project(token.project), 'domain': domain}
            document['is_domain'] = False
        if token.access_rules is not None:
            document['application_credential'] = {
                'id': 'credential', 'name': 'credential', 'restricted': True,
                'access_rules': list(token.access_rules),
            }
        return {'token': document}

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
            return Reply('user-exists', error(409, 'exists'), 409)
        self.users[user['id']] = user
        return Reply('user-create', {'user': user}, 201)

    def _domains(self, request: Request, _rest: tuple[str, ...]) -> Reply:
        name = request.first('name')
        return Reply('domain-list', {'domains': [{'id': f'domain-{name}', 'name': name}]})

    def _roles(self, request: Request, _rest: tuple[str, ...]) -> Reply:
        wanted = request.first('name')
        found = [{'id': role, 'name': role} for role in ROLES if wanted in (None, role)]
        return Reply('role-list', {'roles': found, 'links': {'next': None}})

    def _projects(self, request: Request, rest: tuple[str, ...]) -> Reply:
        if request.method != 'GET' or len(rest) > 1:
            return Reply('role-grant', status=204)
        if self.projects is not None:
            asking = self.of(request)
            if asking is None or 'admin' not in asking.roles:
                return Reply('project-403', error(403, 'not for you'), 403)
            if not rest:
                wanted = request.first('name')
                named = [self._project(one) for one in self.projects]
                found = [one for one in named if wanted in (None, one['name'])]
                return Reply('project-list', {'projects': found, 'links': {'next': None}})
            if rest[0] not in self.projects:
                return _not_found('project-404')
        return Reply('project-get', {'project': self._project(rest[0])})

    def _project(self, ident: str | None) -> dict[str, Any]:
        return {'id': ident, 'name': self.project_names.get(ident, ident), 'enabled': True}

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
    return Reply(route, error(404, 'not found'), 404)


def error(code: int, message: str) -> dict[str, Any]:
    """The document of an error."""
    return {'error': {'code': code, 'message': message}}
