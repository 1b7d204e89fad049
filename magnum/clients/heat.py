"""Heat: the stacks of bays."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keystoneauth1 import session as keystone_session
from oslo_config import cfg

from magnum.clients.errors import CloudNotFound, calling
from magnum.clients.sessions import Sessions
from magnum.domain.plain_text import one_line

SERVICE = 'orchestration'

#: Heat is asked about this many stacks in one call.
BATCH = 100


@dataclasses.dataclass(frozen=True)
class Stack:
    """A stack as Heat shows it; ``outputs`` only where they were asked for."""

    id: str
    name: str
    status: str                     # CREATE_IN_PROGRESS ...
    reason: str
    updated_time: str | None
    tags: tuple[str, ...] = ()
    outputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def action(self) -> str:
        """CREATE, UPDATE, DELETE, ..."""
        return self.status.partition('_')[0]

    @property
    def is_busy(self) -> bool:
        """Whether Heat is still working on it."""
        return self.status.endswith('_IN_PROGRESS')

    @property
    def is_gone(self) -> bool:
        """Whether it is deleted, though Heat shows it for a moment yet."""
        return self.status == 'DELETE_COMPLETE'

    @property
    def is_failed(self) -> bool:
        """Whether its last action failed."""
        return self.status.endswith('_FAILED')


@dataclasses.dataclass(frozen=True)
class Resource:
    """A resource of a stack, or of one nested in it."""

    name: str
    type: str
    reason: str
    stack_id: str | None            # the stack it is in
    physical_id: str | None         # of a nested stack: that stack's id
    updated_time: str | None
    action: str                     # CREATE, UPDATE, ...: what Heat did to it last


class HeatClient:
    """Calls to Heat as one identity."""

    def __init__(self, session: keystone_session.Session, sessions: Sessions):
        # Late: the API knows flows by name, and never talks to Heat.
        from heatclient import client as heat_client

        self._session = session
        self._api = heat_client.Client(
            '1',
            session=session,
            service_type=SERVICE,
            interface=sessions.interface,
            region_name=sessions.region_name,
        )

    def create(
        self,
        name: str,
        template: str,
        files: Mapping[str, str],
        parameters: Mapping[str, Any],
        timeout_minutes: int,
        tags: Iterable[str],
    ) -> str:
        """Ask for a new stack.

        :returns: the stack's id.
        :raises CloudConflict: a stack of that name exists.
        """
        with self._changing('create_stack'):
            created = self._api.stacks.create(
                stack_name=name,
                template=template,
                files=dict(files),
                parameters=dict(parameters),
                timeout_mins=timeout_minutes,
                disable_rollback=True,
                tags=','.join(tags),
            )
        return str(created['stack']['id'])

    def change_parameters(
        self, stack_id: str, parameters: Mapping[str, Any], timeout_minutes: int, rollback: bool
    ) -> None:
        """Heat's PATCH update: template, files and other parameters stay."""
        with self._changing('update_stack'):
            self._api.stacks.update(
                stack_id,
                existing=True,
                parameters=dict(parameters),
                timeout_mins=timeout_minutes,
                disable_rollback=not rollback,
            )

    def replace(
        self,
        stack_id: str,
        template: str,
        files: Mapping[str, str],
        parameters: Mapping[str, Any],
        timeout_minutes: int,
        tags: Iterable[str],
    ) -> None:
        """Heat's PUT update: the stack becomes what is given, as a whole.

        :param tags: all that the stack is to have; Heat drops the others.
        """
        with self._changing('replace_stack'):
            self._api.stacks.update(
                stack_id,
                template=template,
                files=dict(files),
                parameters=dict(parameters),
                timeout_mins=timeout_minutes,
                disable_rollback=True,
                tags=','.join(tags),
            )

    def preview_server(self, stack_id: str, image: str, flavor: str) -> None:
        """Have Heat judge a server of a stack; nothing is made or changed.

        Heat takes an update whatever servers of nested stacks are made of, and fails later.

        :raises CloudRefused: Heat finds no such image or flavor, or nothing is the caller's
            to change.
        """
        server = {'type': 'OS::Nova::Server', 'properties': {'image': image, 'flavor': flavor}}
        template = {'heat_template_version': '2021-04-16', 'resources': {'server': server}}
        with calling(SERVICE, 'preview_update'):
            self._api.stacks.preview_update(stack_id, template=template)

    def cancel(self, stack_id: str) -> None:
        """Stop what Heat is at, and leave the stack as far as it came.

        Heat marks the stack as failed; resources in the works are finished.

        :raises CloudRefused: Heat neither creates nor updates the stack now.
        """
        with calling(SERVICE, 'cancel_stack'):
            self._api.actions.cancel_without_rollback(stack_id)

    def authenticate(self) -> None:
        """Get a new token, whatever token there is.

        :raises Unauthenticated: Keystone does not accept who this is.
        """
        with calling('identity', 'issue_token'):
            self._session.invalidate()
            self._session.get_token()

    def delete(self, stack_id: str) -> None:
        """Ask for a stack's end; one that is gone is fine."""
        try:
            with calling(SERVICE, 'delete_stack'):
                self._api.stacks.delete(stack_id)
        except CloudNotFound:
            return

    def get(self, stack: str, outputs: bool = False) -> Stack | None:
        """A stack by id or name; None when Heat knows none (any more)."""
        try:
            with calling(SERVICE, 'get_stack'):
                found = _stack(self._api.stacks.get(stack, resolve_outputs=outputs))
        except CloudNotFound:
            return None
        return None if found.is_gone else found

    def output(self, stack_id: str, name: str) -> Any:
        """The value of one output; None when the stack has none, or it has no value."""
        try:
            with calling(SERVICE, 'get_output'):
                found = self._api.stacks.output_show(stack_id, name)
        except CloudNotFound:
            return None
        return found['output'].get('output_value')

    def by_ids(self, stack_ids: list[str]) -> dict[str, Stack]:
        """Stacks, of any project for a service token, among these ids.

        :param stack_ids: at most BATCH of them. Never asks with none: Heat
            would answer with every stack there is.
        """
        if not stack_ids:
            return {}
        with calling(SERVICE, 'list_stacks'):
            found = self._api.stacks.list(filters={'id': stack_ids}, limit=len(stack_ids))
            return {stack.id: stack for stack in map(_stack, found) if not stack.is_gone}

    def by_name(self, name: str) -> list[Stack]:
        """Stacks of that name in every project that the token may see."""
        with calling(SERVICE, 'list_stacks'):
            found = self._api.stacks.list(filters={'name': name})
            return [stack for stack in map(_stack, found) if not stack.is_gone]

    def failed_resources(self, stack_id: str) -> list[Resource]:
        """Every failed resource, nested ones included."""
        return self._resources(stack_id, 'FAILED')

    def unfinished_resources(self, stack_id: str) -> list[Resource]:
        """Every resource, nested ones included, that failed or is being worked on.

        Heat lets those go on for some minutes that stand beside a failed one.
        """
        return self._resources(stack_id, 'FAILED', 'IN_PROGRESS')

    def existing_resources(self, stack_id: str) -> list[Resource]:
        """Every resource that is there, nested ones included; none of a stack that is gone."""
        try:
            return self._resources(stack_id, 'COMPLETE', 'FAILED', 'IN_PROGRESS')
        except CloudNotFound:
            return []

    @contextlib.contextmanager
    def _changing(self, action: str) -> Iterator[None]:
        """A call whose token Heat works on with for long: it gets a fresh one."""
        with calling(SERVICE, action):
            self._session.invalidate()
            yield

    def _resources(self, stack_id: str, *statuses: str) -> list[Resource]:
        with calling(SERVICE, 'list_resources'):
            found = self._api.resources.list(
                stack_id, nested_depth=5, filters={'status': list(statuses)}
            )
            return [
                _resource(resource) for resource in found
                if resource.resource_status != 'DELETE_COMPLETE'
            ]


def _stack(found: Any) -> Stack:
    return Stack(
        id=found.id,
        name=found.stack_name,
        status=found.stack_status,
        reason=one_line(getattr(found, 'stack_status_reason', '') or ''),
        updated_time=getattr(found, 'updated_time', None),
        tags=tuple(getattr(found, 'tags', None) or ()),
        outputs={
            output['output_key']: output.get('output_value')
            for output in getattr(found, 'outputs', None) or ()
        },
        parameters=getattr(found, 'parameters', None) or {},
    )


def _resource(found: Any) -> Resource:
    links = {link['rel']: link['href'] for link in getattr(found, 'links', None) or ()}
    stack_url = links.get('stack', '')
    return Resource(
        name=found.resource_name,
        type=found.resource_type,
        # Of a wait condition, what a node has said.
        reason=one_line(found.resource_status_reason or ''),
        stack_id=stack_url.rpartition('/')[2] or None,
        physical_id=found.physical_resource_id or None,
        updated_time=getattr(found, 'updated_time', None),
        action=found.resource_status.partition('_')[0],
    )


class HeatClients:
    """Heat as the service itself, or as a bay's identity."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions):
        self._sessions = sessions

    def service(self) -> HeatClient:
        """Heat as ``[keystone_auth]``'s account."""
        return HeatClient(self._sessions.service, self._sessions)

    def user(self, user_id: str, password: str, project_id: str) -> HeatClient:
        """Heat as a bay's identity."""
        return HeatClient(self._sessions.as_user(user_id, password, project_id), self._sessions)
