"""The fakes that other tests rely on behave as the real services do."""

import base64
import uuid
from typing import Any

import pytest

from magnum import conf as magnum_conf
from magnum.clients.application_credentials import ApplicationCredentialsClients
from magnum.clients.errors import (
    CloudConflict,
    CloudForbidden,
    CloudNotFound,
    CloudRefused,
    Unauthenticated,
)
from magnum.clients.heat import HeatClients
from magnum.clients.keystone import KeystoneClient
from magnum.clients.project_resources import ProjectResourcesClients
from magnum.clients.sessions import Sessions
from magnum.domain.bay_resources import CLUSTER_KEY
from magnum.domain.failures import classify
from tests.fakes.cloud import (
    FakeApplicationCredentialsClients,
    FakeCloud,
    FakeHeats,
    FakeKeystone,
)
from tests.fakes.resources import FakeProjectResourcesClients
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.devcloud import settings

_TEMPLATE = """
heat_template_version: 2021-04-16
parameters:
  number_of_minions: {type: number}
resources:
  nodes:
    type: OS::Heat::ResourceGroup
    properties:
      count: {get_param: number_of_minions}
      resource_def: {type: OS::Heat::RandomString}
"""

#: Its update takes a while, so that it can be stopped.
_SLOW_TEMPLATE = """
heat_template_version: 2021-04-16
parameters:
  number_of_minions: {type: number}
resources:
  handle: {type: OS::Heat::WaitConditionHandle}
  nodes:
    type: OS::Heat::WaitCondition
    properties:
      handle: {get_resource: handle}
      count: {get_param: number_of_minions}
      timeout: 300
"""


_NETWORK_TEMPLATE = """
heat_template_version: 2021-04-16
resources:
  private_network: {type: OS::Neutron::Net}
  private_subnet:
    type: OS::Neutron::Subnet
    properties: {network: {get_resource: private_network}, cidr: 10.9.0.0/24}
"""


class _Clients:
    """The clients, and what users do beside them."""

    def __init__(
        self, keystone: Any, credentials: Any, heats: Any, resources: Any, settle: Any,
        cloud: Any = None,
    ):
        self.keystone, self.heats, self.settle = keystone, heats, settle
        self.credentials = credentials
        self.resources, self.cloud = resources, cloud

    def add_balancer(self, person: Person, subnet_id: str, description: str) -> str:
        if self.cloud is not None:
            network = self.cloud.resources.subnets[subnet_id]
            project = str(person.keystone.get_project_id())
            made: str = self.cloud.resources.add_balancer(
                network, description, project_id=project, status='PENDING_CREATE'
            ).id
            return made
        answer = person.service('load-balancer').post('/v2/lbaas/loadbalancers', json={
            'loadbalancer': {
                'name': 'web', 'description': description, 'vip_subnet_id': subnet_id,
            },
        })
        return str(answer.json()['loadbalancer']['id'])

    def add_volume(self, person: Person, metadata: dict[str, str]) -> str:
        if self.cloud is not None:
            project = str(person.keystone.get_project_id())
            made: str = self.cloud.resources.add_volume(metadata, project_id=project).id
            return made
        answer = person.service('block-storage').post('/volumes', json={
            'volume': {'name': 'pvc', 'size': 1, 'metadata': metadata},
        })
        return str(answer.json()['volume']['id'])


def _real() -> _Clients:
    conf = magnum_conf.new_config()
    conf([], project='magnum', default_config_files=[])
    conf.set_override('region_name', settings.REGION, 'openstack_client')
    sessions = Sessions(conf)
    account = settings.service_options('magnum')
    conf.set_override('auth_type', 'password', 'keystone_auth')
    conf.register_opts(
        [o for o in magnum_conf.openstack_client.service_account_options()
         if o.dest not in conf.keystone_auth],
        group='keystone_auth',
    )
    for name, value in account.items():
        if name not in ('auth_type', 'region_name'):
            conf.set_override(name, value, 'keystone_auth')
    return _Clients(
        KeystoneClient(conf, sessions), ApplicationCredentialsClients(conf, sessions),
        HeatClients(conf, sessions),
        ProjectResourcesClients(conf, sessions), lambda: None,
    )


def _fake() -> _Clients:
    cloud = FakeCloud()
    return _Clients(
        FakeKeystone(cloud), FakeApplicationCredentialsClients(cloud), FakeHeats(cloud),
        FakeProjectResourcesClients(cloud), cloud.settle, cloud,
    )


@pytest.fixture(params=[_fake, _real], ids=['fake', 'real'])
def clients(request: pytest.FixtureRequest) -> _Clients:
    made: _Clients = request.param()
    return made


def test_users_and_stacks(clients: _Clients, people: dict[str, Person]) -> None:
    project = str(people['alice'].keystone.get_project_id())
    name = f'contract-{uuid.uuid4().hex[:8]}'
    password = base64.b64encode(uuid.uuid4().bytes).decode()
    keystone, service = clients.keystone, clients.heats.service()

    assert keystone.find_user(name) is None
    user_id = keystone.ensure_user(name, 'first', 'a test')
    assert keystone.ensure_user(name, password, 'a test') == user_id == keystone.find_user(name)
    keystone.grant(user_id, project, ['member'])
    keystone.grant(user_id, project, ['member'])
    tag = f'magnum-bay-{name}'

    def create() -> str | None:
        """Keystone revokes the tokens of the second in which a password changed."""
        try:
            made: str = clients.heats.user(user_id, password, project).create(
                name, _TEMPLATE, {}, {'number_of_minions': 1}, 5, [tag]
            )
        except Unauthenticated:
            return None
        return made

    stack_id = wait_until(create, every=0.5)
    own = clients.heats.user(user_id, password, project)
    with pytest.raises(CloudConflict):
        own.create(name, _TEMPLATE, {}, {'number_of_minions': 1}, 5, [tag])
    assert own.get(name).id == stack_id
    assert own.get(stack_id).tags == (tag,)
    seen = wait_until(lambda: _settled(clients, service, stack_id), every=0.5)
    assert (seen.status, seen.updated_time) == ('CREATE_COMPLETE', None)
    assert [stack.id for stack in service.by_name(name)] == [stack_id]
    assert set(service.by_ids([stack_id, str(uuid.uuid4())])) == {stack_id}

    own.change_parameters(stack_id, {'number_of_minions': 2}, 5, False)
    assert service.get(stack_id).updated_time is not None
    seen = wait_until(lambda: _settled(clients, service, stack_id), every=0.5)
    assert seen.status == 'UPDATE_COMPLETE'
    assert int(seen.parameters['number_of_minions']) == 2
    assert own.failed_resources(stack_id) == []

    with pytest.raises(CloudRefused):
        own.cancel(stack_id)                     # nothing goes on
    before = seen.updated_time
    own.replace(stack_id, _TEMPLATE, {}, {'number_of_minions': 3}, 5, [tag])
    assert service.get(stack_id).updated_time != before
    seen = wait_until(lambda: _settled(clients, service, stack_id), every=0.5)
    assert (seen.status, seen.tags) == ('UPDATE_COMPLETE', (tag,))
    assert int(seen.parameters['number_of_minions']) == 3
    own.replace(stack_id, _TEMPLATE, {}, {'number_of_minions': 4}, 5, ['other'])
    assert _rests(clients, service, stack_id).tags == ('other',)

    own.replace(stack_id, _SLOW_TEMPLATE, {}, {'number_of_minions': 1}, 5, [tag])
    own.cancel(stack_id)
    assert _rests(clients, service, stack_id).status == 'UPDATE_FAILED'
    own.replace(stack_id, _TEMPLATE, {}, {'number_of_minions': 1}, 5, [tag])
    assert _rests(clients, service, stack_id).status == 'UPDATE_COMPLETE'

    own.authenticate()
    keystone.set_password(user_id, 'another')
    with pytest.raises(Unauthenticated):
        clients.heats.user(user_id, password, project).authenticate()
    password = 'another'
    wait_until(lambda: _accepted(clients.heats.user(user_id, password, project)), every=0.5)

    keystone.delete_user(user_id)
    with pytest.raises(CloudNotFound):
        keystone.set_password(user_id, 'third')
    keystone.delete_user(user_id)
    with pytest.raises(CloudForbidden):
        clients.heats.user(user_id, password, project).authenticate()
    service.delete(stack_id)
    wait_until(lambda: _gone(clients, service, stack_id), every=0.5)
    service.delete(stack_id)
    assert service.by_ids([stack_id]) == {}
    assert service.by_name(name) == []


def test_application_credentials(clients: _Clients, people: dict[str, Person]) -> None:
    project = str(people['alice'].keystone.get_project_id())
    name = f'contract-{uuid.uuid4().hex[:8]}'
    keystone, credentials = clients.keystone, clients.credentials
    user_id = keystone.ensure_user(name, 'password', 'a test')
    keystone.grant(user_id, project, ['member'])
    own, service = credentials.user(user_id, 'password', project), credentials.service(user_id)

    assert 'member' in own.roles()
    first = own.make(name, 'first', ['member'], 'a test')
    second = own.make(name, 'second', ['member'], 'a test')
    assert own.find(name) == service.find(name) == second != first
    assert own.find('another') is None

    access = credentials.access(second, 'second', settings.EXTERNAL_NETWORK)
    assert access.auth_url.endswith('/v3')
    assert access.region
    assert access.external_network_id not in (None, settings.EXTERNAL_NETWORK)
    for network in ('no such', None):
        assert credentials.access(second, 'second', network).external_network_id is None
    for ident, secret in ((second, 'first'), (first, 'first')):
        with pytest.raises(CloudRefused):
            credentials.access(ident, secret, None)
    keystone.set_password(user_id, 'another')

    def is_usable() -> bool:
        """Keystone revokes the tokens of the second in which a password changed."""
        try:
            seen = credentials.access(second, 'second', None)
        except Unauthenticated:
            return False
        return bool(seen.region == access.region)

    wait_until(is_usable, every=0.5)
    with pytest.raises(Unauthenticated):
        credentials.user(user_id, 'password', project).find(name)

    service.delete(second)
    service.delete(second)
    assert service.find(name) is None
    with pytest.raises(CloudRefused):
        credentials.access(second, 'second', None)
    keystone.delete_user(user_id)
    assert service.find(name) is None
    service.delete(second)


def test_what_workloads_make(clients: _Clients, people: dict[str, Person]) -> None:
    alice = people['alice']
    project = str(alice.keystone.get_project_id())
    name = f'contract-{uuid.uuid4().hex[:8]}'
    user_id = clients.keystone.ensure_user(name, 'password', 'a test')
    clients.keystone.grant(user_id, project, ['member'])
    wait_until(
        lambda: _accepted(clients.heats.user(user_id, 'password', project)), every=0.5
    )
    own = clients.resources.user(user_id, 'password', project)
    service = clients.resources.service()
    heat = clients.heats.user(user_id, 'password', project)
    assert [cloud.has(kind) for cloud in (own, service) for kind in (
        'load-balancer', 'network', 'block-storage', 'no-such-service'
    )] == [True, True, True, False] * 2

    stack_id = heat.create(name, _NETWORK_TEMPLATE, {}, {}, 5, [name])
    assert _rests(clients, heat, stack_id).status == 'CREATE_COMPLETE'
    there = {one.type: one.physical_id for one in heat.existing_resources(stack_id)}
    subnet_id, network_id = there['OS::Neutron::Subnet'], there['OS::Neutron::Net']

    balancer_id = clients.add_balancer(alice, subnet_id, name)
    with pytest.raises(CloudConflict):
        own.delete_load_balancer(balancer_id)        # Octavia is at work on it
    balancer = wait_until(lambda: _active(clients, own, balancer_id), every=0.5)
    assert (balancer.name, balancer.description) == ('web', name)
    assert (balancer.project_id, balancer.vip_network_id) == (project, network_id)
    for cloud in (own, service):
        assert balancer in cloud.load_balancers(project)
    with pytest.raises(CloudForbidden):
        own.load_balancers(uuid.uuid4().hex)
    for query in (
        {'fixed_ips': f'subnet_id={subnet_id}'}, {'network_id': network_id},
        {'device_id': f'lb-{balancer_id}'},
    ):
        (port,) = [
            port for port in service.ports(**query) if port.id == balancer.vip_port_id
        ]
        assert (port.device_owner, port.device_id) == ('Octavia', f'lb-{balancer_id}')
    assert service.port(port.id) == port

    heat.delete(stack_id)
    assert _rests(clients, heat, stack_id).status == 'DELETE_FAILED'
    (failed,) = [
        one for one in heat.failed_resources(stack_id) if one.type == 'OS::Neutron::Subnet'
    ]
    assert failed.physical_id == subnet_id
    assert classify(failed.reason) == 'resource_in_use'
    assert {'OS::Neutron::Subnet', 'OS::Neutron::Net'} <= {
        one.type for one in heat.existing_resources(stack_id)
    }
    own.delete_load_balancer(balancer_id)
    wait_until(lambda: _is_removed(clients, own.load_balancer, balancer_id), every=0.5)
    own.delete_load_balancer(balancer_id)
    assert service.port(port.id) is None
    heat.delete(stack_id)
    wait_until(lambda: _gone(clients, heat, stack_id), every=0.5)
    assert heat.existing_resources(stack_id) == []

    volume_id = clients.add_volume(alice, {CLUSTER_KEY: name})
    volume = wait_until(lambda: _free(own, volume_id), every=0.5)
    assert (volume.name, volume.server_ids, volume.metadata[CLUSTER_KEY]) == ('pvc', (), name)
    for cloud in (own, service):
        assert [one.id for one in cloud.volumes(project, CLUSTER_KEY, name)] == [volume_id]
        assert cloud.volumes(project, CLUSTER_KEY, f'{name}x') == []
        assert cloud.snapshots(volume_id) == []
    assert service.volumes(uuid.uuid4().hex, CLUSTER_KEY, name) == []
    own.delete_volume(volume_id)
    wait_until(lambda: _is_removed(clients, own.volume, volume_id), every=0.5)
    own.delete_volume(volume_id)
    clients.keystone.delete_user(user_id)


def _active(clients: _Clients, cloud: Any, balancer_id: str) -> Any:
    clients.settle()
    balancer = cloud.load_balancer(balancer_id)
    return balancer if balancer.status == 'ACTIVE' else None


def _is_removed(clients: _Clients, find: Any, thing_id: str) -> bool:
    clients.settle()
    return find(thing_id) is None


def _free(cloud: Any, volume_id: str) -> Any:
    volume = cloud.volume(volume_id)
    return volume if volume.status == 'available' else None


def _settled(clients: _Clients, heat: Any, stack_id: str) -> Any:
    clients.settle()
    stack = heat.get(stack_id)
    return None if stack is None or stack.is_busy else stack


def _rests(clients: _Clients, heat: Any, stack_id: str) -> Any:
    return wait_until(lambda: _settled(clients, heat, stack_id), every=0.5)


def _accepted(heat: Any) -> bool:
    try:
        heat.authenticate()
    except Unauthenticated:
        return False
    return True


def _gone(clients: _Clients, heat: Any, stack_id: str) -> bool:
    clients.settle()
    return heat.get(stack_id) is None
