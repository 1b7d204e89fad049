"""Heat: stacks that are complete at once, or after a while."""

import dataclasses
import json
import time
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tools.fakecloud.http import Reply, Request
from tools.fakecloud.world import World, derived_id

_MOMENT: Final = '%Y-%m-%dT%H:%M:%SZ'
#: Parameters that are shown; the others are long texts that nobody reads back.
_SHOWN_PARAMETERS: Final = frozenset(
    {
        'number_of_minions', 'number_of_masters', 'number_of_slaves', 'number_of_nodes',
        'kube_tag', 'kube_version', 'cluster_uuid', 'master_flavor', 'minion_flavor',
        'external_network', 'ssh_key_name', 'network_driver', 'discovery_url',
    }
)
_MASTER_OUTPUTS: Final = (
    'kube_masters', 'kube_masters_private', 'swarm_masters', 'swarm_masters_private',
    'mesos_master', 'mesos_master_private',
)
_NODE_OUTPUTS: Final = (
    'kube_minions', 'kube_minions_private', 'swarm_nodes', 'swarm_nodes_private',
    'mesos_slaves', 'mesos_slaves_private',
)


@dataclasses.dataclass
class Stack:
    """A stack; ``due`` is when its action is complete."""

    id: str
    name: str
    project: str
    status: str
    parameters: dict[str, Any]
    tags: list[str]
    created: float
    due: float
    updated: str | None = None

    def progress(self) -> str:
        """The status as it is now."""
        action, _, state = self.status.partition('_')
        if state == 'IN_PROGRESS' and time.time() >= self.due:
            self.status = f'{action}_COMPLETE'
        return self.status

    def count(self, *parameters: str) -> int:
        """The first of these parameters that the stack has, as a number."""
        return next((int(self.parameters[name]) for name in parameters if name in self.parameters),
                    1)


class Orchestration:
    """Heat's v1 API, as much as bays need of it."""

    def __init__(self, world: World):
        self._world = world
        self.stacks: dict[str, Stack] = {}
        #: Outputs of any stack, were it there or not.
        self.outputs: dict[str, Any] = {}

    def answer(self, request: Request) -> Reply:
        """One request; its path begins with ``orchestration/v1/<project>``."""
        project, rest = request.path[2], request.path[3:]
        if rest[:1] != ('stacks',):
            return _not_found('other', '/'.join(rest))
        if len(rest) == 1:
            return self._create(request, project) if request.method == 'POST' else (
                self._list(request)
            )
        return self._one(request, rest)

    def seed(self, stacks: Iterable[Mapping[str, Any]]) -> None:
        """Put stacks in as they are described."""
        for stack in stacks:
            self._add(stack['name'], stack['project'], stack['parameters'], [], stack['id'],
                      stack['status'])

    def _create(self, request: Request, project: str) -> Reply:
        asked = request.document
        name = asked['stack_name']
        if self._named(name) is not None:
            return Reply('stack-exists', _error(409, f'The Stack ({name}) already exists.'), 409)
        tags = [tag for tag in (asked.get('tags') or '').split(',') if tag]
        stack = self._add(name, project, asked.get('parameters') or {}, tags)
        link = {'rel': 'self', 'href': self._url(stack)}
        return Reply('stack-create', {'stack': {'id': stack.id, 'links': [link]}}, 201)

    def _add(
        self, name: str, project: str, parameters: Mapping[str, Any], tags: list[str],
        identifier: str | None = None, status: str = 'CREATE_IN_PROGRESS',
    ) -> Stack:
        stack = Stack(
            id=identifier or str(uuid.uuid4()), name=name, project=project, status=status,
            parameters=dict(parameters), tags=tags, created=time.time(), due=self._due(),
        )
        self.stacks[stack.id] = stack
        return stack

    def _due(self) -> float:
        return time.time() + self._world.behaviour.stack_delay

    def _list(self, request: Request) -> Reply:
        found = [
            stack for stack in self.stacks.values() if stack.progress() != 'DELETE_COMPLETE'
        ]
        for argument, attribute in (('id', 'id'), ('name', 'name')):
            if argument in request.query:
                wanted = set(request.query[argument])
                found = [stack for stack in found if getattr(stack, attribute) in wanted]
        found.sort(key=lambda stack: stack.id)
        marker, limit = request.first('marker'), request.first('limit')
        if marker is not None:
            found = [stack for stack in found if stack.id > marker]
        if limit is not None:
            found = found[: int(limit)]
        return Reply('stack-list', {'stacks': [self._summary(stack) for stack in found]})

    def _one(self, request: Request, rest: tuple[str, ...]) -> Reply:
        if rest[3:4] == ('outputs',) and rest[-1] in self.outputs:
            output = {'output_key': rest[-1], 'output_value': self.outputs[rest[-1]],
                      'description': ''}
            return Reply('stack-output', {'output': output})
        if len(rest) == 2:
            stack = self.stacks.get(rest[1]) or self._named(rest[1])
        else:
            stack = self.stacks.get(rest[2])
        if stack is None:
            return _not_found('stack-404', rest[1])
        if len(rest) == 2:
            # As Heat does: the canonical URL has both name and id.
            query = urllib.parse.urlencode(request.query, doseq=True)
            url = self._url(stack) + (f'?{query}' if query else '')
            return Reply('stack-redirect', {'title': 'Found'}, 302, {'Location': url})
        if len(rest) > 3:
            return Reply(f'stack-{rest[3]}', {rest[3]: []})
        if request.method == 'DELETE':
            stack.status, stack.due = 'DELETE_IN_PROGRESS', self._due()
            return Reply('stack-delete', status=204)
        if request.method in ('PUT', 'PATCH'):
            stack.parameters |= request.document.get('parameters') or {}
            stack.status, stack.due = 'UPDATE_IN_PROGRESS', self._due()
            stack.updated = time.strftime(_MOMENT)
            return Reply('stack-update', status=202)
        brief = request.first('resolve_outputs') == 'False'
        return Reply('stack-get-brief' if brief else 'stack-get-full',
                     {'stack': self._shown(stack, not brief)})

    def _named(self, name: str) -> Stack | None:
        return next(
            (stack for stack in self.stacks.values()
             if stack.name == name and stack.progress() != 'DELETE_COMPLETE'),
            None,
        )

    def _url(self, stack: Stack) -> str:
        return f'{self._world.base}/orchestration/v1/{stack.project}/stacks/{stack.name}/{stack.id}'

    def _summary(self, stack: Stack) -> dict[str, Any]:
        status = stack.progress()
        return {
            'id': stack.id,
            'stack_name': stack.name,
            'stack_status': status,
            'stack_status_reason': f'Stack {status}',
            'creation_time': time.strftime(_MOMENT, time.gmtime(stack.created)),
            'updated_time': stack.updated,
            'deletion_time': None,
            'description': 'a bay',
            'tags': stack.tags or None,
            'project': stack.project,
            'parent': None,
            'stack_owner': None,
            'stack_user_project_id': derived_id(stack.id),
            'links': [{'rel': 'self', 'href': self._url(stack)}],
        }

    def _shown(self, stack: Stack, with_outputs: bool) -> dict[str, Any]:
        shown = {
            **self._summary(stack),
            'timeout_mins': 60,
            'disable_rollback': True,
            'notification_topics': [],
            'capabilities': [],
            'template_description': 'a bay',
            'parameters': {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in stack.parameters.items()
                if name in _SHOWN_PARAMETERS
            },
        }
        if with_outputs:
            shown['outputs'] = _outputs(stack) if stack.status.endswith('_COMPLETE') else []
        return shown


def _outputs(stack: Stack) -> list[dict[str, Any]]:
    digest = uuid.UUID(derived_id(stack.id)).int
    net = f'{(digest >> 8) & 255}.{digest & 255}'
    masters = [f'10.{net}.{10 + i}' for i in range(stack.count('number_of_masters'))]
    nodes = [
        f'10.{net}.{100 + i}'
        for i in range(stack.count('number_of_minions', 'number_of_nodes', 'number_of_slaves'))
    ]
    values = {
        'api_address': f'172.24.{net}',
        'registry_address': 'localhost:5000',
        'discovery_url': 'http://discovery',
        **dict.fromkeys(_MASTER_OUTPUTS, masters),
        **dict.fromkeys(_NODE_OUTPUTS, nodes),
    }
    return [
        {'output_key': name, 'output_value': value, 'description': name}
        for name, value in values.items()
    ]


def _error(status: int, message: str) -> dict[str, Any]:
    return {'error': {'message': message, 'traceback': None, 'type': 'Error'},
            'code': status, 'title': 'Error', 'explanation': message}


def _not_found(route: str, ident: str) -> Reply:
    return Reply(route, _error(404, f'The Stack ({ident}) could not be found.'), 404)
