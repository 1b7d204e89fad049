"""A cloud in memory: Keystone users and Heat stacks that keep their state.

The clients have the methods of ``magnum.clients.keystone.KeystoneClient`` and
``magnum.clients.heat.HeatClient`` and pass the same failpoints; load balancers,
ports and volumes are in ``tests.fakes.resources``. Faults are injected by
service and action.
"""

import dataclasses
import itertools
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from magnum.clients.application_credentials import Access
from magnum.clients.errors import (
    CloudConflict,
    CloudError,
    CloudNotFound,
    CloudRefused,
    Unauthenticated,
    calling,
)
from magnum.clients.heat import Resource, Stack
from tests.fakes.resources import Resources


@dataclasses.dataclass
class FakeCloud:
    """What exists, and what is broken."""

    users: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    stacks: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    calls: list[str] = dataclasses.field(default_factory=list)
    faults: dict[str, CloudError] = dataclasses.field(default_factory=dict)
    deletes_that_fail: int = 0
    resources: Resources = dataclasses.field(default_factory=Resources)
    #: How far Heat comes with a group of nodes when a change fails: not to it
    #: ('nothing'), to what it is to remove ('named'), to its nodes ('nodes').
    fails_after: str = 'nothing'
    clock: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def call(self, service: str, action: str) -> Iterator[None]:
        point = f'{service}.{action}'
        with calling(service, action):
            self.calls.append(point)
            for name in (point, service):
                if name in self.faults:
                    raise self.faults[name]
            yield

    def living(self) -> list[dict[str, Any]]:
        return [s for s in self.stacks.values() if s['status'] != 'DELETE_COMPLETE']

    def settle(
        self, outcome: str = 'COMPLETE', reason: str = '', only: str | None = None
    ) -> None:
        """Heat finishes what it is at, and so do the other services.

        :param only: id of a stack; the others go on.
        """
        self.resources.settle()
        for stack in self.living():
            if only not in (None, stack['id']):
                continue
            action, _, state = stack['status'].partition('_')
            if state != 'IN_PROGRESS':
                continue
            ended = outcome
            if stack.pop('cancelled', False):
                ended, reason = 'FAILED', f'Stack {action} cancelled'
            if action == 'DELETE' and self.deletes_that_fail:
                self.deletes_that_fail -= 1
                ended = 'FAILED'
            held = self.resources.in_use(stack['there']) if action == 'DELETE' else None
            if held is not None:
                stack['status'] = 'DELETE_FAILED'
                stack['reason'] = f'Resource DELETE failed: {held.reason}'
                stack['failed'] = [dataclasses.replace(held, stack_id=stack['id'])]
                continue
            stack['status'] = f'{action}_{ended}'
            if ended == 'COMPLETE':
                stack['built'] += 1
            stack['reason'] = reason
            new = _regroup(stack, 'nodes' if ended == 'COMPLETE' else self.fails_after)
            lost = [resource.name for resource in stack['failed']] + new
            stack['failed'] = [
                Resource(name, 'OS::Nova::Server', reason, stack['id'], None, '1', action)
                for name in [name for name in lost if name in stack['nodes']] or ['node']
            ] if ended == 'FAILED' else []


def _regroup(stack: dict[str, Any], far: str) -> list[str]:
    """A resource group follows its count and what it is to remove, as Heat's does.

    An index that was removed is not given again; one that nobody has is passed
    over, and so is an unknown server. The lowest indexes stay.

    :returns: the indexes of new nodes.
    """
    nodes: dict[str, str] = dict(stack['nodes'])
    if far == 'nothing' or stack['status'].startswith('DELETE'):
        return []
    by_server = {server: index for index, server in nodes.items()}
    for name in stack['parameters'].get('removed', ()):
        index = name if name in nodes else by_server.get(name)
        if index is not None:
            stack['removed'].add(index)
    if far == 'named':
        return []
    revision = stack['parameters'].get('revision', 0)
    if revision != stack.setdefault('revision', revision):
        stack['revision'] = revision
        # Each node gets another server, but those that wait for their turn.
        stack['awaiting'] = set(nodes)
    kept = stack['parameters'].get('kept', {})
    for index in stack.get('awaiting', set()) - set(kept):
        stack['awaiting'].discard(index)
        nodes.pop(index, None)
    free = (str(n) for n in itertools.count() if str(n) not in stack['removed'])
    names = list(itertools.islice(free, stack['parameters'].get('number_of_minions', 0)))
    new = [index for index in names if index not in nodes]
    stack['nodes'] = {index: nodes.get(index) or str(uuid.uuid4()) for index in names}
    return new


class FakeKeystone:
    def __init__(self, cloud: FakeCloud):
        self.cloud = cloud

    def ensure_user(self, name: str, password: str, description: str) -> str:
        found = self.find_user(name)
        if found is None:
            with self.cloud.call('identity', 'create_user'):
                found = uuid.uuid4().hex
                self.cloud.users[found] = {'name': name, 'roles': set(), 'credentials': {}}
        self.cloud.users[found]['password'] = password
        return found

    def set_password(self, user_id: str, password: str) -> None:
        with self.cloud.call('identity', 'update_user'):
            if user_id not in self.cloud.users:
                raise CloudNotFound('identity', f'Could not find user: {user_id}.', 404)
            self.cloud.users[user_id]['password'] = password

    def find_user(self, name: str) -> str | None:
        with self.cloud.call('identity', 'find_user'):
            return next((i for i, u in self.cloud.users.items() if u['name'] == name), None)

    def grant(self, user_id: str, project_id: str, role_names: list[str]) -> None:
        with self.cloud.call('identity', 'grant_role'):
            self.cloud.users[user_id]['roles'] |= {(project_id, role) for role in role_names}

    def delete_user(self, user_id: str) -> None:
        with self.cloud.call('identity', 'delete_user'):
            self.cloud.users.pop(user_id, None)


class FakeApplicationCredentials:
    """Like ``magnum.clients.application_credentials.ApplicationCredentials``."""

    def __init__(self, cloud: FakeCloud, user_id: str, password: str | None):
        self.cloud, self.user_id, self.password = cloud, user_id, password

    def _user(self) -> dict[str, Any]:
        user = self.cloud.users.get(self.user_id)
        if self.password is not None and (user is None or user['password'] != self.password):
            raise Unauthenticated('identity', 'requires authentication', 401)
        if user is None:
            raise CloudNotFound('identity', f'Could not find user: {self.user_id}.', 404)
        return user

    def roles(self) -> frozenset[str]:
        with self.cloud.call('identity', 'issue_token'):
            return frozenset(role for _, role in self._user()['roles'])

    def make(
        self, name: str, secret: str, roles: list[str], description: str,
        rules: Sequence[str] = (),
    ) -> str:
        if any(one['name'] == name for one in self._user()['credentials'].values()):
            found = self.find(name)
            assert found is not None
            self.delete(found)
        with self.cloud.call('identity', 'create_application_credential'):
            user, found = self._user(), uuid.uuid4().hex
            assert self.password is not None, 'only a user makes its own'
            assert roles
            assert set(roles) <= {role for _, role in user['roles']}
            assert all(one['name'] != name for one in user['credentials'].values())
            user['credentials'][found] = {
                'name': name, 'secret': secret, 'roles': list(roles), 'rules': list(rules),
            }
            return found

    def find(self, name: str) -> str | None:
        with self.cloud.call('identity', 'find_application_credential'):
            try:
                found = self._user()['credentials'].items()
            except CloudNotFound:
                return None
            return next((ident for ident, one in found if one['name'] == name), None)

    def delete(self, credential_id: str) -> None:
        with self.cloud.call('identity', 'delete_application_credential'):
            user = self.cloud.users.get(self.user_id)
            if user is not None:
                self._user()
                user['credentials'].pop(credential_id, None)


class FakeApplicationCredentialsClients:
    """Like ``magnum.clients.application_credentials.ApplicationCredentialsClients``."""

    def __init__(self, cloud: FakeCloud):
        self.cloud = cloud

    def user(self, user_id: str, password: str, project_id: str) -> FakeApplicationCredentials:
        return FakeApplicationCredentials(self.cloud, user_id, password)

    def service(self, user_id: str) -> FakeApplicationCredentials:
        return FakeApplicationCredentials(self.cloud, user_id, None)

    def access(
        self, credential_id: str, secret: str, external_network: str | None,
        rules: Sequence[str] = (),
    ) -> Access:
        with self.cloud.call('identity', 'use_application_credential'):
            for user in self.cloud.users.values():
                if user['credentials'].get(credential_id, {}).get('secret') == secret:
                    return Access(
                        'http://keystone/v3', 'RegionOne',
                        'id-of-public' if external_network == 'public' else None,
                    )
            raise Unauthenticated('identity', 'requires authentication', 401)

    def is_accepted(self, credential_id: str, secret: str) -> bool:
        with self.cloud.call('identity', 'check_application_credential'):
            return any(
                user['credentials'].get(credential_id, {}).get('secret') == secret
                for user in self.cloud.users.values()
            )


class FakeHeat:
    def __init__(self, cloud: FakeCloud, user_id: str | None, password: str, project_id: str):
        self.cloud, self.user_id, self.password, self.project_id = (
            cloud, user_id, password, project_id
        )

    def _authenticate(self) -> None:
        if self.user_id is None:
            return
        user = self.cloud.users.get(self.user_id)
        if user is None or user['password'] != self.password:
            raise Unauthenticated('orchestration', 'requires authentication', 401)

    def _visible(self) -> list[dict[str, Any]]:
        self._authenticate()
        return [
            s for s in self.cloud.living()
            if self.user_id is None or s['project'] == self.project_id
        ]

    def create(self, name, template, files, parameters, timeout_minutes, tags) -> str:  # type: ignore[no-untyped-def]
        with self.cloud.call('orchestration', 'create_stack'):
            if any(s['name'] == name for s in self._visible()):
                raise CloudConflict('orchestration', f'The Stack ({name}) already exists.', 409)
            stack_id = str(uuid.uuid4())
            self.cloud.stacks[stack_id] = {
                'id': stack_id, 'name': name, 'status': 'CREATE_IN_PROGRESS', 'reason': '',
                'parameters': dict(parameters), 'tags': tuple(tags), 'updated': None,
                'project': self.project_id, 'failed': [], 'minutes': timeout_minutes, 'built': 0,
                'there': self.cloud.resources.of_stack(stack_id),
                'nodes': {}, 'removed': set(),
            }
            return stack_id

    def change_parameters(self, stack_id, parameters, timeout_minutes, rollback) -> None:  # type: ignore[no-untyped-def]
        with self.cloud.call('orchestration', 'update_stack'):
            stack = self._find(stack_id)
            stack['parameters'].update(parameters)
            self._begin_update(stack)

    def replace(self, stack_id, template, files, parameters, timeout_minutes, tags) -> None:  # type: ignore[no-untyped-def]
        with self.cloud.call('orchestration', 'replace_stack'):
            stack = self._find(stack_id)
            stack['parameters'] = dict(parameters)
            stack['tags'] = tuple(tags)
            stack['replaced'] = stack.get('replaced', 0) + 1
            self._begin_update(stack)

    def preview_server(self, stack_id: str, image: str, flavor: str) -> None:
        with self.cloud.call('orchestration', 'preview_update'):
            self._find(stack_id)

    def _begin_update(self, stack: dict[str, Any]) -> None:
        if stack['status'].startswith('DELETE'):
            raise CloudRefused(
                'orchestration', 'Updating a stack when it is deleting is not supported.', 400
            )
        stack['status'] = 'UPDATE_IN_PROGRESS'
        stack['updated'] = f'2026-01-01T00:00:{next(self.cloud.clock):02d}Z'

    def cancel(self, stack_id: str) -> None:
        """Heat marks the stack a moment later."""
        with self.cloud.call('orchestration', 'cancel_stack'):
            stack = self._find(stack_id)
            if stack['status'] not in ('CREATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS'):
                raise CloudRefused(
                    'orchestration',
                    f'Cancelling update when stack is {stack["status"]} is not supported.', 400,
                )
            stack['cancelled'] = True

    def authenticate(self) -> None:
        with self.cloud.call('identity', 'issue_token'):
            self._authenticate()

    def delete(self, stack_id: str) -> None:
        with self.cloud.call('orchestration', 'delete_stack'):
            self._authenticate()
            stack = self.cloud.stacks.get(stack_id)
            if stack and stack['status'] != 'DELETE_COMPLETE':
                stack['status'] = 'DELETE_IN_PROGRESS'

    def get(self, stack: str, outputs: bool = False) -> Stack | None:
        with self.cloud.call('orchestration', 'get_stack'):
            try:
                return _shown(self._find(stack))
            except CloudNotFound:
                return None

    def output(self, stack_id: str, name: str) -> Any:
        with self.cloud.call('orchestration', 'get_output'):
            return dict(self._find(stack_id)['nodes']) if name == 'refs_map' else None

    def by_ids(self, stack_ids: list[str]) -> dict[str, Stack]:
        assert stack_ids, 'an empty list of ids returns all stacks'
        with self.cloud.call('orchestration', 'list_stacks'):
            return {s['id']: _shown(s) for s in self._visible() if s['id'] in stack_ids}

    def by_name(self, name: str) -> list[Stack]:
        with self.cloud.call('orchestration', 'list_stacks'):
            return [_shown(s) for s in self._visible() if s['name'] == name]

    def failed_resources(self, stack_id: str) -> list[Resource]:
        with self.cloud.call('orchestration', 'list_resources'):
            return list(self._find(stack_id)['failed'])

    unfinished_resources = failed_resources

    def existing_resources(self, stack_id: str) -> list[Resource]:
        with self.cloud.call('orchestration', 'list_resources'):
            try:
                return list(self._find(stack_id)['there'])
            except CloudNotFound:
                return []

    def _find(self, stack: str) -> dict[str, Any]:
        for found in self._visible():
            if stack in (found['id'], found['name']):
                return found
        raise CloudNotFound('orchestration', f'The Stack ({stack}) could not be found.', 404)


def _shown(stack: dict[str, Any]) -> Stack:
    return Stack(
        id=stack['id'], name=stack['name'], status=stack['status'], reason=stack['reason'],
        updated_time=stack['updated'], tags=stack['tags'],
        outputs={
            'api_address': '10.0.0.1', 'indexes': list(stack['nodes']), **stack.get('outputs', {}),
        },
        parameters=stack['parameters'],
    )


class FakeHeats:
    """Like ``magnum.clients.heat.HeatClients``."""

    def __init__(self, cloud: FakeCloud):
        self.cloud = cloud

    def service(self) -> FakeHeat:
        return FakeHeat(self.cloud, None, '', 'service')

    def user(self, user_id: str, password: str, project_id: str) -> FakeHeat:
        return FakeHeat(self.cloud, user_id, password, project_id)
