"""The drivers' stacks in a real Heat (tools/devcloud), and their nodes.

The cloud has no guests: what nodes would be told is read from the servers' user
data.
"""

import base64
import collections
import contextlib
import dataclasses
import shlex
import time
import types
import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest
from heatclient import client as heat_client
from heatclient import exc as heat_errors
from keystoneauth1 import adapter, session
from keystoneauth1.identity import v3

from magnum.clients.heat import HeatClient, Resource
from magnum.drivers.contract import (
    MASTER,
    WORKER,
    BayPlan,
    Driver,
    NodeGroupPlan,
    Observed,
    StackRequest,
)
from tests.unit.drivers import hot, plans
from tools.devcloud import settings

SECONDS_PER_STACK = 900
# With it Nova shows administrators the user data of servers.
NOVA_VERSION = '2.3'
PUBLIC_KEY = (
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICYenliHaX2rRYCpnnR/02WC87w9UsM1cf21Bt6u6KV test'
)

every_driver = pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)


def first(name: str) -> pytest.MarkDecorator:
    """Every driver; the others than this one take long."""
    return pytest.mark.parametrize('driver', [
        pytest.param(
            driver, id=driver.name, marks=() if driver.name == name else pytest.mark.long
        )
        for driver in plans.DRIVERS
    ])


def only(name: str) -> pytest.MarkDecorator:
    """One driver where the others' bays are built the same way elsewhere."""
    chosen = [driver for driver in plans.DRIVERS if driver.name == name]
    return pytest.mark.parametrize('driver', chosen, ids=[name])


def _session(account: str, project: str | None = None) -> session.Session:
    who = settings.ACCOUNTS_BY_NAME[account]
    auth = v3.Password(
        auth_url=settings.KEYSTONE_URL,
        username=who.user,
        password=settings.PASSWORD,
        project_name=project or who.project,
        user_domain_name=settings.DEFAULT_DOMAIN,
        project_domain_name=settings.DEFAULT_DOMAIN,
    )
    return session.Session(auth=auth)


class Cloud:
    """A member's view of Heat, and an administrator's of Nova."""

    def __init__(self, project: str | None = None) -> None:
        # Of a project in which no other test looks for debris.
        self._member = member = _session('carol', project)
        self.heat = heat_client.Client('1', session=member, service_type='orchestration')
        where: Any = types.SimpleNamespace(interface='public', region_name=settings.REGION)
        self.own_heat = HeatClient(member, where)
        self.network = adapter.Adapter(member, service_type='network')
        self.compute = adapter.Adapter(
            _session('admin'), service_type='compute', default_microversion=NOVA_VERSION
        )

    def renew_token(self) -> None:
        """Take another one: Heat works with that of a request for as long as it lives."""
        self._member.invalidate()

    def user_data(self, server_id: str) -> str | None:
        """None as long as the server is not there."""
        server = self.compute.get(f'/servers/{server_id}').json()['server']
        if server['status'] != 'ACTIVE':
            return None
        return base64.b64decode(server['OS-EXT-SRV-ATTR:user_data']).decode()

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """A cloud that has no room for another server of the project, which is nobody else's."""
        quotas = f'/os-quota-sets/{self.network.session.get_project_id()}'
        before = self.compute.get(quotas).json()['quota_set']['instances']
        self.compute.put(quotas, json={'quota_set': {'instances': 0, 'force': True}})
        try:
            yield
        finally:
            self.compute.put(quotas, json={'quota_set': {'instances': before}})

    def unfinished_resources(self, stack: 'OwnStack') -> list[Resource]:
        return self.own_heat.unfinished_resources(stack.stack_id)

    def reached_by(self, server_id: str) -> dict[str, set[tuple[str, int]]]:
        """By network, protocols and first ports that reach a server; '' is everybody."""
        (port,) = self.network.get(f'/v2.0/ports?device_id={server_id}').json()['ports']
        found: dict[str, set[tuple[str, int]]] = collections.defaultdict(set)
        for group in port['security_groups']:
            rules = self.network.get(f'/v2.0/security-groups/{group}').json()['security_group']
            for rule in rules['security_group_rules']:
                if rule['direction'] == 'ingress' and not rule['remote_group_id']:
                    network = rule['remote_ip_prefix'] or ''
                    first = rule['port_range_min'] or 0
                    found['' if network == '0.0.0.0/0' else network].add((rule['protocol'], first))
        return found

    def server_ids(self, name_prefix: str) -> list[str]:
        answer = self.compute.get(f'/servers?all_tenants=1&name=^{name_prefix}').json()
        return [server['id'] for server in answer['servers']]


@contextlib.contextmanager
def project_of_its_own() -> Iterator[str]:
    """A project of the member in which one test is alone, by its name."""
    admin = _session('admin')
    identity = adapter.Adapter(admin, service_type='identity')
    member, name = _session('carol'), f'alone-{uuid.uuid4().hex[:12]}'
    body = {'project': {'name': name, 'domain_id': settings.DEFAULT_DOMAIN.lower()}}
    project = identity.post('/projects', json=body).json()['project']['id']
    role = identity.get('/roles?name=member').json()['roles'][0]['id']
    identity.put(f'/projects/{project}/users/{member.get_user_id()}/roles/{role}')
    yield name
    identity.delete(f'/projects/{project}')


@dataclasses.dataclass
class OwnStack:
    """A stack of a driver, and its nodes played by this test."""

    cloud: Cloud
    driver: Driver
    name: str
    stack_id: str = ''
    user_data: dict[str, str] = dataclasses.field(default_factory=dict)

    def build(self, request: StackRequest) -> None:
        self.cloud.renew_token()
        answer = self.cloud.heat.stacks.create(
            stack_name=self.name,
            template=request.template,
            files=dict(request.files),
            parameters=dict(request.parameters),
            timeout_mins=SECONDS_PER_STACK // 60,
            disable_rollback=True,
        )
        self.stack_id = answer['stack']['id']
        self._wait('CREATE_COMPLETE')

    def change(
        self, wanted: str = 'UPDATE_COMPLETE', cancel: bool = False, **request: Any
    ) -> None:
        self.cloud.renew_token()
        before = self.cloud.heat.stacks.get(self.stack_id).updated_time
        self.cloud.heat.stacks.update(self.stack_id, disable_rollback=True, **request)
        if cancel:
            time.sleep(2)               # until Heat has begun with the members
            self.cloud.heat.actions.cancel_without_rollback(self.stack_id)
        self._wait(wanted, before)

    def replace(
        self, request: StackRequest, existing: bool = False, wanted: str = 'UPDATE_COMPLETE'
    ) -> None:
        """Heat's update of template and parameters: of all, or of those given."""
        self.change(
            wanted,
            template=request.template,
            files=dict(request.files),
            parameters=dict(request.parameters),
            existing=existing,
        )

    def delete(self) -> None:
        """Once: Heat stumbles over a stack that it is just forgetting."""
        with contextlib.suppress(heat_errors.HTTPNotFound):
            stack = self.cloud.heat.stacks.get(self.stack_id, resolve_outputs=False)
            if stack.stack_status == 'DELETE_COMPLETE':
                return
            self.cloud.renew_token()
            self.cloud.heat.stacks.delete(self.stack_id)
            self._wait('DELETE_COMPLETE')

    def outputs(self) -> dict[str, Any]:
        stack = self.cloud.heat.stacks.get(self.stack_id)
        return {output['output_key']: output['output_value'] for output in stack.outputs}

    def parameters(self) -> dict[str, Any]:
        stack = self.cloud.heat.stacks.get(self.stack_id, resolve_outputs=False)
        return dict(stack.parameters)

    def nodes(self, role: str) -> list[dict[str, str]]:
        """What the nodes of the role read in /etc/magnum/node.env."""
        every = [node_settings(text) for text in self.user_data.values()]
        return [node for node in every if node['MAGNUM_NODE_ROLE'] == role]

    def servers(self) -> dict[str, str]:
        """Ids of the workers' servers by index."""
        found: dict[str, str] = self.outputs()['refs_map']
        return found

    def _wait(self, wanted: str, before: str | None = None) -> None:
        """Until Heat has done what it was told; ``before`` is the last update's time."""
        deadline = time.monotonic() + SECONDS_PER_STACK
        while time.monotonic() < deadline:
            stack = self.cloud.heat.stacks.get(self.stack_id, resolve_outputs=False)
            status = stack.stack_status
            is_news = not wanted.startswith('UPDATE') or stack.updated_time != before
            if status == wanted and is_news:
                self._read_user_data()
                return
            assert not (status.endswith('FAILED') and is_news), self._failures()
            self._read_user_data()
            time.sleep(1)
        pytest.fail(f'{self.name}: {self._failures()}')

    def _read_user_data(self) -> None:
        for server_id in self.cloud.server_ids(self.name):
            if server_id in self.user_data:
                continue
            text = self.cloud.user_data(server_id)
            if text is not None:
                self.user_data[server_id] = text

    def _failures(self) -> list[tuple[str, str, str]]:
        return [
            (resource.resource_name, resource.resource_status, resource.resource_status_reason)
            for resource in self.cloud.heat.resources.list(self.stack_id, nested_depth=5)
            if not resource.resource_status.endswith('COMPLETE')
        ]


class Bay:
    """A bay: its stack and those of its further groups."""

    def __init__(self, cloud: Cloud, driver: Driver, plan: BayPlan) -> None:
        self.cloud, self.driver, self.plan = cloud, driver, plan
        self.stack = OwnStack(cloud, driver, plan.stack_name)
        self.groups: list[Group] = []

    def create(self) -> None:
        self.driver.validate(self.plan)
        self.stack.build(self.driver.render(self.plan))

    def add(self, group: NodeGroupPlan) -> 'Group':
        self.driver.validate_nodegroup(self.plan, group)
        made = Group(self, group)
        self.groups.append(made)
        request = self.driver.render_nodegroup(self.plan, group, self.stack.outputs())
        made.stack.build(request)
        return made

    def new_tokens(self) -> None:
        """As the service does it before each change."""
        tokens = {role: uuid.uuid4().hex for role in (MASTER, WORKER)}
        self.plan = dataclasses.replace(self.plan, bootstrap_tokens=tokens)

    def resize(
        self,
        node_count: int,
        *nodes_to_remove: str,
        wanted: str = 'UPDATE_COMPLETE',
        cancel: bool = False,
    ) -> None:
        self.new_tokens()
        workers = dataclasses.replace(self.plan.workers, node_count=node_count)
        self.plan = dataclasses.replace(self.plan, workers=workers)
        version = self.driver.render(self.plan).version
        parameters = self.driver.resize_parameters(self.plan, version, nodes_to_remove)
        self.stack.change(wanted, cancel, existing=True, parameters=dict(parameters))

    def renew(
        self,
        kept: Collection[str] = (),
        existing: bool = False,
        wanted: str = 'UPDATE_COMPLETE',
        **changes: Any,
    ) -> None:
        """Upgrade the default workers."""
        self._renew('workers', kept, existing, wanted, changes)

    def renew_masters(self, kept: Collection[str] = (), **changes: Any) -> None:
        """Upgrade the masters."""
        self._renew('masters', kept, False, 'UPDATE_COMPLETE', changes)

    def count_masters(self, count: int) -> None:
        """Have one master more or less, and other ports where no server has them."""
        present = self.plan.masters.node_count
        kept = [str(index) for index in range(min(present, count))]
        self._renew('masters', kept, False, 'UPDATE_COMPLETE', {'node_count': count})

    def _renew(
        self, field: str, kept: Collection[str], existing: bool, wanted: str,
        changes: Mapping[str, Any],
    ) -> None:
        self.new_tokens()
        group: NodeGroupPlan = getattr(self.plan, field)
        group = dataclasses.replace(group, **{'revision': group.revision + 1, **changes})
        changed: dict[str, Any] = {field: group}
        target = dataclasses.replace(self.plan, **changed)
        if 'node_count' not in changes:
            self.driver.check_upgrade(self.plan, target)
        self.plan = target
        request = self.driver.render_upgrade(
            target, group, kept, self.stack.parameters(), self.stack.outputs()
        )
        self.stack.replace(request, existing, wanted)

    def delete(self) -> None:
        for group in self.groups:
            if group.stack.stack_id:
                group.stack.delete()
        if self.stack.stack_id:
            self.stack.delete()

    def observed(self) -> Observed:
        return self.driver.read_outputs(self.stack.outputs(), self.stack.parameters(), self.plan)

    def master(self, index: int) -> str:
        """Id of a master's server."""
        (found,) = self.cloud.server_ids(f'{self.plan.stack_name}-master-{index}')
        return found

    def masters(self) -> set[str]:
        """Ids of the masters' servers."""
        every = set(self.cloud.server_ids(self.plan.stack_name + '-master-'))
        assert len(every) == self.plan.masters.node_count
        return every


class Group:
    """A further node group of a bay."""

    def __init__(self, bay: Bay, plan: NodeGroupPlan) -> None:
        self.bay, self.plan = bay, plan
        self.stack = OwnStack(bay.cloud, bay.driver, plan.stack_name)

    def resize(self, node_count: int, *nodes_to_remove: str) -> None:
        bay = self.bay
        bay.new_tokens()
        self.plan = dataclasses.replace(self.plan, node_count=node_count)
        version = bay.driver.render(bay.plan).version
        parameters = bay.driver.resize_nodegroup_parameters(
            bay.plan, self.plan, version, nodes_to_remove
        )
        self.stack.change(existing=True, parameters=dict(parameters))

    def renew(
        self, kept: Collection[str] = (), existing: bool = False, **changes: Any
    ) -> None:
        bay = self.bay
        bay.new_tokens()
        raised = {'revision': self.plan.revision + 1, **changes}
        self.plan = dataclasses.replace(self.plan, **raised)
        request = bay.driver.render_upgrade(
            bay.plan, self.plan, kept, self.stack.parameters(), bay.stack.outputs()
        )
        self.stack.replace(request, existing)


def node_settings(user_data: str) -> dict[str, str]:
    text = hot.files_written(user_data)['/etc/magnum/node.env']
    return dict(word.split('=', 1) for word in shlex.split(text))
