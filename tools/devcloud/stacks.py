"""Heat stacks of the development cloud, for checks (runs in its venv)."""

import contextlib
import functools
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from heatclient import client as heat_client
from heatclient import exc as heat_exc
from heatclient.common import template_utils

from tools.devcloud import settings
from tools.devcloud.seed import connect

POLL = 0.4  # seconds
TIMEOUT = 20  # minutes that a stack may take


class CheckError(Exception):
    """The cloud did not do what it should."""


def require(condition: object, message: str) -> None:
    """Fail the check with the message unless the condition holds."""
    if not condition:
        raise CheckError(message)


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what was done and how long it took."""
    began = time.monotonic()
    yield
    print(f'{what:58} {time.monotonic() - began:6.1f} s', flush=True)


def heat(name: str) -> Any:
    """python-heatclient as one of the accounts."""
    return heat_client.Client(
        '1',
        session=connect(name).session,
        service_type='orchestration',
        region_name=settings.REGION,
    )


def unique(name: str) -> str:
    """Make a name that no other run uses."""
    return f'check-{name}-{uuid.uuid4().hex[:6]}'


class Stack:
    """One stack of one user, from its creation to its end."""

    def __init__(self, user: str, name: str, template: str | dict[str, Any], **parameters: object):
        self.heat = heat(user)
        self.cloud = connect(user)
        if isinstance(template, str):
            files, template = template_utils.get_template_contents(
                str(settings.TEMPLATES / template)
            )
        else:
            files = {}
        self.id = self.heat.stacks.create(
            stack_name=unique(name),
            template=template,
            files=files,
            parameters=parameters,
            timeout_mins=TIMEOUT,
        )['stack']['id']

    def get(self) -> Any:
        """Fetch the stack as Heat has it now."""
        return self.heat.stacks.get(self.id)

    def wait(self, action: str) -> None:
        """Wait for the end of an action, signalling where a node would."""
        signalled = False
        while True:
            try:
                stack = self.get()
            except heat_exc.HTTPNotFound:
                require(action == 'DELETE', f'stack {self.id} is gone')
                return
            if stack.stack_status == f'{action}_FAILED':
                raise CheckError(f'{stack.stack_name}: {stack.stack_status_reason}')
            if stack.stack_status == f'{action}_COMPLETE':
                return
            if action == 'CREATE' and not signalled:
                signalled = self._signal_if_awaited(stack)
            time.sleep(POLL)

    def _signal_if_awaited(self, stack: Any) -> bool:
        signal = next(
            (o['output_value'] for o in stack.outputs if o['output_key'] == 'signal'), None
        )
        if not signal:
            return False
        condition = self.heat.resources.get(self.id, 'wait_condition')
        if condition.resource_status != 'CREATE_IN_PROGRESS':
            return False
        # The URL is signed for PUT: Heat answers 403 to a POST.
        answer = subprocess.run(
            [
                *('curl', '--silent', '--show-error', '--fail', '-X', 'PUT'),
                *('-H', 'Content-Type: application/json'),
                *('--data', '{"status":"SUCCESS"}'),
                json.loads(signal)['alarm_url'],
            ],
            capture_output=True,
            text=True,
        )
        require(answer.returncode == 0, f'signal refused: {answer.stderr}')
        return True

    def patch(self, **parameters: object) -> None:
        """Update parameters only; template and files stay (PATCH)."""
        before = self.get().updated_time
        self.heat.stacks.update(self.id, existing=True, parameters=parameters)
        while self.get().updated_time == before:
            time.sleep(POLL)
        self.wait('UPDATE')

    def delete(self) -> None:
        """Delete, and look whether anything it had made is left."""
        made = self.external()
        self.heat.stacks.delete(self.id)
        self.wait('DELETE')
        left = [kind for kind, find in made if find()]
        require(not left, f'left behind: {left}')

    def external(self) -> list[tuple[str, Callable[[], Any]]]:
        """What the stack has in other services: kind, how to find it."""
        network, cloud = self.cloud.network, self.cloud
        finders = {
            'OS::Nova::Server': cloud.compute.find_server,
            'OS::Neutron::Net': network.find_network,
            'OS::Neutron::Port': network.find_port,
            'OS::Neutron::Router': network.find_router,
            'OS::Neutron::FloatingIP': network.find_ip,
            'OS::Neutron::SecurityGroup': network.find_security_group,
            'OS::Cinder::Volume': cloud.block_storage.find_volume,
            'OS::Octavia::LoadBalancer': cloud.load_balancer.find_load_balancer,
        }
        return [
            (resource.resource_type, functools.partial(find, resource.physical_resource_id))
            for resource in self.heat.resources.list(self.id, nested_depth=3)
            if (find := finders.get(resource.resource_type))
        ]
