"""The drivers' stacks in a real Heat (tools/devcloud).

The cloud has no guests: these tests play the nodes' last step, the signal,
with the address that they read from the servers' user data.
"""

import base64
import collections
import contextlib
import dataclasses
import json
import shlex
import time
import types
import urllib.request
import uuid
from collections.abc import Iterator
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

pytestmark = [pytest.mark.functional, pytest.mark.timeout(900)]

SECONDS_PER_STACK = 600
# With it Nova shows administrators the user data of servers.
NOVA_VERSION = '2.3'

every_driver = pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)


def only(name: str) -> pytest.MarkDecorator:
    """One driver where the others' bays are built the same way elsewhere."""
    chosen = [driver for driver in plans.DRIVERS if driver.name == name]
    return pytest.mark.parametrize('driver', chosen, ids=[name])


def _session(account: str) -> session.Session:
    who = settings.ACCOUNTS_BY_NAME[account]
    auth = v3.Password(
        auth_url=settings.KEYSTONE_URL,
        username=who.user,
        password=settings.PASSWORD,
        project_name=who.project,
        user_domain_name=settings.DEFAULT_DOMAIN,
        project_domain_name=settings.DEFAULT_DOMAIN,
    )
    return session.Session(auth=auth)


class Cloud:
    """A member's view of Heat, and an administrator's of Nova."""

    def __init__(self) -> None:
        # Of a project in which no other test looks for debris.
        member = _session('carol')
        self.heat = heat_client.Client('1', session=member, service_type='orchestration')
        where: Any = types.SimpleNamespace(interface='public', region_name=settings.REGION)
        self.own_heat = HeatClient(member, where)
        self.network = adapter.Adapter(member, service_type='network')
        self.compute = adapter.Adapter(
            _session('admin'), service_type='compute', default_microversion=NOVA_VERSION
        )

    def user_data(self, server_id: str) -> str | None:
        """None as long as the server is not there."""
        server = self.compute.get(f'/servers/{server_id}').json()['server']
        if server['status'] != 'ACTIVE':
            return None
        return base64.b64decode(server['OS-EXT-SRV-ATTR:user_data']).decode()

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


@dataclasses.dataclass
class OwnStack:
    """A stack of a driver, and its nodes played by this test."""

    cloud: Cloud
    driver: Driver
    name: str
    stack_id: str = ''
    user_data: dict[str, str] = dataclasses.field(default_factory=dict)
    #: What nodes say of themselves from now on.
    word: str = 'SUCCESS'

    def build(self, request: StackRequest) -> None:
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
        every = [_settings(text) for text in self.user_data.values()]
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
                return
            assert not (status.endswith('FAILED') and is_news), self._failures()
            self._signal_new_nodes()
            time.sleep(1)
        pytest.fail(f'{self.name}: {self._failures()}')

    def _signal_new_nodes(self) -> None:
        for server_id in self.cloud.server_ids(self.name):
            if server_id in self.user_data:
                continue
            text = self.cloud.user_data(server_id)
            if text is not None:
                self.user_data[server_id] = text
                _signal(_settings(text), self.word)

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
        batch: int = 1,
        existing: bool = False,
        wanted: str = 'UPDATE_COMPLETE',
        **changes: Any,
    ) -> None:
        """Upgrade the default workers."""
        self.new_tokens()
        raised = {'revision': self.plan.workers.revision + 1, **changes}
        target = dataclasses.replace(
            self.plan, workers=dataclasses.replace(self.plan.workers, **raised)
        )
        self.driver.check_upgrade(self.plan, target)
        self.plan = target
        request = self.driver.render_upgrade(
            target, target.workers, batch, self.stack.outputs()
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

    def renew(self, batch: int = 1, existing: bool = False, **changes: Any) -> None:
        bay = self.bay
        bay.new_tokens()
        self.plan = dataclasses.replace(self.plan, revision=self.plan.revision + 1, **changes)
        request = bay.driver.render_upgrade(bay.plan, self.plan, batch, bay.stack.outputs())
        self.stack.replace(request, existing)


def _settings(user_data: str) -> dict[str, str]:
    text = hot.files_written(user_data)['/etc/magnum/node.env']
    return dict(word.split('=', 1) for word in shlex.split(text))


def _signal(node: dict[str, str], word: str) -> None:
    body = {'status': word, 'id': node['MAGNUM_NODE_NAME'], 'reason': 'ready'}
    request = urllib.request.Request(  # noqa: S310
        node['MAGNUM_SIGNAL_URL'],
        data=json.dumps(body).encode(),
        headers={'Content-Type': 'application/json'},
        method='PUT',
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - Heat gave it


@pytest.fixture(scope='module')
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def build(cloud: Cloud) -> Iterator[Any]:
    """Make bays; what is left of them is deleted at the end."""
    bays = []

    def make(driver: Driver, **changes: Any) -> Bay:
        name = f'{driver.name}-{uuid.uuid4().hex[:12]}'
        bay = Bay(cloud, driver, plans.plan(driver, stack_name=name, **changes))
        bays.append(bay)
        bay.create()
        return bay

    yield make
    for bay in bays:
        bay.delete()


@pytest.fixture
def shared_network(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Ids of a network and its subnet, behind a router."""

    def post(kind: str, **body: Any) -> str:
        answer = cloud.network.post(f'/v2.0/{kind}s', json={kind: body}).json()
        return str(answer[kind]['id'])

    public = cloud.network.get('/v2.0/networks?router:external=true').json()['networks'][0]
    network = post('network', name='shared-by-bays')
    subnet = post('subnet', network_id=network, ip_version=4, cidr='10.77.0.0/24')
    router = post('router', external_gateway_info={'network_id': public['id']})
    interface = {'subnet_id': subnet}
    cloud.network.put(f'/v2.0/routers/{router}/add_router_interface', json=interface)
    yield network, subnet
    cloud.network.put(f'/v2.0/routers/{router}/remove_router_interface', json=interface)
    cloud.network.delete(f'/v2.0/routers/{router}')
    cloud.network.delete(f'/v2.0/networks/{network}')


@every_driver
@pytest.mark.parametrize('options', plans.OPTIONS.values(), ids=plans.OPTIONS)
def test_heat_finds_the_template_valid(
    cloud: Cloud, driver: Driver, options: dict[str, Any]
) -> None:
    _check_by_heat(cloud, driver.render(plans.plan(driver, **options)))


@every_driver
@pytest.mark.parametrize('options', [{}, {'docker_volume_size': 1}], ids=['plain', 'volume'])
def test_heat_finds_the_template_of_groups_valid(
    cloud: Cloud, driver: Driver, options: dict[str, Any]
) -> None:
    plan = plans.plan(driver)
    group = plans.further_group(**options)
    request = driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    _check_by_heat(cloud, request)


def _check_by_heat(cloud: Cloud, request: StackRequest) -> None:
    answer = cloud.heat.stacks.validate(
        template=request.template, files=dict(request.files), parameters=dict(request.parameters)
    )
    assert set(request.parameters) <= set(answer['Parameters'])


@only('kubernetes')
def test_life_of_a_bay(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, docker_volume_size=1),
        workers=plans.group(WORKER, docker_volume_size=1),
        ssh_public_key=_PUBLIC_KEY,
    )
    first = bay.observed()
    assert (first.master_count, first.node_count) == (1, 1)
    (master,) = bay.stack.nodes(MASTER)
    assert first.master_addresses == (master['MAGNUM_NODE_PUBLIC_ADDRESS'],)
    assert first.master_addresses[0] in first.api_address
    (worker,) = bay.stack.nodes(WORKER)
    assert worker['MAGNUM_MASTER_ADDRESSES'] == master['MAGNUM_NODE_ADDRESS']
    assert worker['MAGNUM_BOOTSTRAP_TOKEN'] == plans.TOKENS[WORKER]
    assert worker['MAGNUM_VOLUME_ID']
    assert all(len(text) < 40 * 1024 for text in bay.stack.user_data.values())

    bay.resize(3)
    servers = bay.stack.servers()
    assert len(set(servers.values())) == bay.observed().node_count == 3
    assert len(bay.stack.user_data) == 4, 'old servers stay when tokens change'

    bay.resize(2, servers['1'])
    assert bay.stack.servers() == {'0': servers['0'], '2': servers['2']}

    bay.resize(0)
    assert bay.observed().node_addresses == ()
    assert bay.observed().master_addresses == first.master_addresses

    bay.delete()
    assert bay.cloud.server_ids(bay.plan.stack_name) == []


@only('kubernetes')
def test_a_further_group(build: Any, driver: Driver) -> None:
    bay = build(driver, workers=plans.group(WORKER, 0), ssh_public_key=_PUBLIC_KEY)
    masters = bay.masters()
    plan = plans.further_group(
        node_count=2,
        docker_volume_size=1,
        node_labels={'kind': 'spare'},
        stack_name=f'spare-{uuid.uuid4().hex[:12]}',
    )
    group = bay.add(plan)
    (master,) = bay.stack.nodes(MASTER)
    nodes = group.stack.nodes(WORKER)
    assert {node['MAGNUM_NODE_INDEX'] for node in nodes} == {'0', '1'}
    for node in nodes:
        assert node['MAGNUM_API_ADDRESS'] == master['MAGNUM_API_ADDRESS']
        assert node['MAGNUM_MASTER_ADDRESSES'] == master['MAGNUM_MASTER_ADDRESSES']
        assert node['MAGNUM_NODE_LABELS'] == 'kind=spare'
        assert node['MAGNUM_KUBE_VERSION'] == master['MAGNUM_KUBE_VERSION']
    observed = driver.read_nodegroup_outputs(
        group.stack.outputs(), group.stack.parameters(), bay.plan
    )
    assert observed.node_count == 2
    assert set(observed.node_addresses) == {node['MAGNUM_NODE_PUBLIC_ADDRESS'] for node in nodes}
    names = {
        resource.resource_name
        for resource in bay.cloud.heat.resources.list(group.stack.stack_id, nested_depth=3)
    }
    assert {'kube_minions', 'kube-minion'} <= names, 'what the autoscaler looks for'

    before = group.stack.servers()
    group.plan = dataclasses.replace(group.plan, node_labels={'kind': 'new'})
    group.resize(3)
    after = group.stack.servers()
    assert before.items() < after.items()
    text = group.stack.user_data[after['2']]
    assert _settings(text)['MAGNUM_NODE_LABELS'] == 'kind=new'
    group.resize(2, before['0'])
    assert group.stack.servers() == {'1': after['1'], '2': after['2']}

    addresses = group.stack.outputs()['kube_minions_private']
    group.renew(batch=2, existing=True, flavor='m1.medium')
    renewed = group.stack.servers()
    assert renewed.keys() == {'1', '2'}
    assert not set(renewed.values()) & set(after.values())
    assert group.stack.outputs()['kube_minions_private'] == addresses
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(plan.stack_name)) == set(renewed.values())

    group.stack.delete()
    assert bay.cloud.server_ids(plan.stack_name) == []
    assert bay.masters() == masters


@every_driver
def test_workers_are_renewed(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, docker_volume_size=1),
        workers=plans.group(WORKER, 3, docker_volume_size=1),
    )
    masters, first, addresses = bay.masters(), bay.stack.servers(), bay.observed().node_addresses
    volumes = {node['MAGNUM_VOLUME_ID'] for node in bay.stack.nodes(WORKER)}

    bay.renew(batch=2, image='ubuntu-24.04')
    second = bay.stack.servers()
    assert second.keys() == first.keys()
    assert not set(second.values()) & set(first.values())
    assert bay.masters() == masters
    assert bay.observed().node_addresses == addresses
    nodes = [_settings(bay.stack.user_data[server]) for server in second.values()]
    assert {node['MAGNUM_BOOTSTRAP_TOKEN'] for node in nodes} == {bay.plan.bootstrap_tokens[WORKER]}
    assert not {node['MAGNUM_VOLUME_ID'] for node in nodes} & volumes
    living = set(bay.cloud.server_ids(bay.plan.stack_name))
    assert living == masters | set(second.values())

    bay.resize(4)
    assert second.items() < bay.stack.servers().items(), 'a resize renews nothing'


POD_NETWORK = '10.100.0.0/16'
MANAGEMENT = {('icmp', 0), ('tcp', 22)}
NODE_PORTS = {('tcp', 30000), ('udp', 30000)}
# What reaches masters from everywhere, masters from named networks, workers from these.
OPENNESS: dict[str, tuple[set[tuple[str, int]], ...]] = {
    'kubernetes': ({('tcp', 6443)}, set(), NODE_PORTS),
    'swarm': ({('tcp', 2376)}, set(), NODE_PORTS | {('tcp', 80), ('tcp', 443)}),
    'mesos': (set(), {('tcp', 5050), ('tcp', 8080)}, {('tcp', 31000)}),
}


@every_driver
def test_who_reaches_nodes(build: Any, driver: Driver) -> None:
    everybody, masters_ports, workers_ports = OPENNESS[driver.name]
    bay = build(driver)

    def check(*networks: str) -> None:
        (master,) = bay.masters()
        worker = bay.stack.servers()['0']
        for server, ports, open_ports in (
            (master, masters_ports, everybody), (worker, workers_ports, set()),
        ):
            reached = bay.cloud.reached_by(server)
            reached.pop(POD_NETWORK, None)
            assert reached.pop('') == MANAGEMENT | open_ports
            assert reached == (dict.fromkeys(networks, ports) if ports else {})

    def labelled(**labels: str) -> None:
        bay.plan = dataclasses.replace(bay.plan, labels=labels)
        bay.renew()

    check('10.0.0.0/24')
    named = {'node_ports_allowed_cidrs': '192.0.2.0/24,198.51.100.0/24'}
    if driver.name == 'mesos':
        named['mesos_allowed_cidrs'] = named['node_ports_allowed_cidrs']
    labelled(**named)
    check('10.0.0.0/24', '192.0.2.0/24', '198.51.100.0/24')
    labelled()
    check('10.0.0.0/24', '192.0.2.0/24', '198.51.100.0/24')


@only('swarm')
def test_a_renewal_that_fails_can_be_done_again(build: Any, driver: Driver) -> None:
    bay = build(driver, workers=plans.group(WORKER, 2, docker_volume_size=1))
    masters, first = bay.masters(), bay.stack.servers()
    bay.stack.word = 'FAILURE'
    bay.renew(batch=1, wanted='UPDATE_FAILED')
    untouched = set(bay.cloud.server_ids(bay.plan.stack_name)) & set(first.values())
    assert untouched, 'the second node was not begun'

    bay.stack.word = 'SUCCESS'
    bay.renew(batch=1, existing=True)
    second = bay.stack.servers()
    assert not set(second.values()) & set(first.values())
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(bay.plan.stack_name)) == masters | set(second.values())


@only('kubernetes')
def test_a_resize_whose_nodes_failed_can_be_done_again(build: Any, driver: Driver) -> None:
    bay = build(driver)
    masters, first = bay.masters(), bay.stack.servers()
    bay.stack.word = 'FAILURE'
    bay.resize(3, wanted='UPDATE_FAILED')
    lost = driver.lost_workers(bay.stack.stack_id, bay.cloud.unfinished_resources(bay.stack))
    assert set(lost) == {'1', '2'}

    bay.stack.word = 'SUCCESS'
    bay.resize(3, *lost)
    second = bay.stack.servers()
    assert second.keys() == {'0', '3', '4'}
    assert first.items() < second.items(), 'what came up is left alone'
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(bay.plan.stack_name)) == masters | set(second.values())


@only('swarm')
def test_a_resize_that_was_cancelled_costs_no_node(build: Any, driver: Driver) -> None:
    bay = build(driver, workers=plans.group(WORKER, 2))
    first = bay.stack.servers()
    bay.resize(3, wanted='UPDATE_FAILED', cancel=True)
    lost = driver.lost_workers(bay.stack.stack_id, bay.cloud.unfinished_resources(bay.stack))
    assert not set(lost) & first.keys(), 'they were to get a new token, no more'
    try:
        bay.resize(3, *lost)
    except AssertionError as stumbled:  # over what Heat is still cancelling
        assert 'Stack UPDATE cancelled' in str(stumbled)  # noqa: PT017
        bay.resize(3, *lost)
    assert first.items() < bay.stack.servers().items()


@only('swarm')
def test_masters_behind_a_load_balancer(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, 3),
        workers=plans.group(WORKER, 0),
        master_lb_enabled=True,
        labels={'master_lb_allowed_cidrs': '0.0.0.0/0'},
    )
    masters = bay.stack.nodes(MASTER)
    assert {node['MAGNUM_NODE_INDEX'] for node in masters} == {'0', '1', '2'}
    addresses = {node['MAGNUM_NODE_ADDRESS'] for node in masters}
    assert len(addresses) == 3
    for node in masters:
        assert set(node['MAGNUM_MASTER_ADDRESSES'].split()) == addresses
        assert node['MAGNUM_API_ADDRESS'] not in addresses
    observed = bay.observed()
    assert bay.stack.outputs()['api_address'] == masters[0]['MAGNUM_API_PUBLIC_ADDRESS']
    assert bay.stack.outputs()['api_address'] not in observed.master_addresses


@only('mesos')
def test_existing_network_without_floating_addresses(
    shared_network: tuple[str, str], build: Any, driver: Driver
) -> None:
    network, subnet = shared_network
    bay = build(
        driver,
        fixed_network=network,
        fixed_subnet=subnet,
        external_network=None,
        floating_ip_enabled=False,
        tls_disabled=True,
    )
    observed = bay.observed()
    assert all(
        address.startswith('10.77.0.')
        for address in (*observed.master_addresses, *observed.node_addresses)
    )
    assert observed.master_addresses[0] in observed.api_address
    assert bay.stack.nodes(WORKER)[0]['MAGNUM_NODE_PUBLIC_ADDRESS'] == ''
    (master,) = bay.masters()
    assert bay.cloud.reached_by(master)['10.77.0.0/24'] == {('tcp', 5050), ('tcp', 8080)}


_PUBLIC_KEY = (
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICYenliHaX2rRYCpnnR/02WC87w9UsM1cf21Bt6u6KV test'
)
