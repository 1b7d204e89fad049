"""Credentials of the cloud that a bay's masters get, made and checked by the real services."""

import configparser
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from magnum.domain.stack_names import stack_name
from tests.functional.cloud_contents import Contents
from tests.functional.conftest import wait_until
from tests.functional.people import Person, cloud_configuration, controller, is_accepted
from tools.devcloud import settings
from tools.devcloud.node_agent import STATE as AGENT_STATE

NAME = 'clouded'
REFUSED = (401, 403)
#: Add-ons that have a credential of their own; the empty one stands for the cloud provider.
#: The bay has no ingress controller of Octavia, but may get one by an upgrade.
PURPOSES = ('', 'octavia-ingress', 'cinder-csi', 'autoscaler')


class Masters:
    """What the masters of a bay have, and may do with it."""

    def __init__(self, admin: Person, uuid: str):
        name = f'{stack_name(NAME, uuid)}-master'
        found = admin.service('compute').get(
            '/servers', params={'all_tenants': 1, 'name': name}
        ).json()['servers']
        self.uuid = uuid
        self._roots = [AGENT_STATE / 'nodes' / server['id'] for server in found]
        assert len(self._roots) == 3

    def configuration(self, purpose: str = '') -> configparser.ConfigParser:
        """The file, which is the same on all of them."""
        return cloud_configuration(self._text(purpose))

    def user(self, purpose: str = '') -> Person:
        """Whoever has the file."""
        return controller(self._text(purpose))

    def users(self) -> list[Person]:
        """Those of all files."""
        return [self.user(purpose) for purpose in PURPOSES]

    def _text(self, purpose: str) -> str:
        file = f'etc/kubernetes/cloud/{purpose}.conf' if purpose else 'etc/kubernetes/cloud.conf'
        texts = {str((root / file).read_text()) for root in self._roots}
        assert len(texts) == 1
        return texts.pop()


@pytest.fixture(scope='module')
def masters(
    alice: Person, people: dict[str, Person], before: dict[str, set[str]]
) -> Iterator[Masters]:
    """Those of a bay that is built, three of them."""
    baymodel = alice.create_baymodel(
        'kubernetes', name='clouded-model', master_lb_enabled=True, labels=dict.fromkeys(
            ('cloud_provider_enabled', 'cinder_csi_enabled', 'auto_scaling_enabled'), 'true'
        ),
    )
    uuid = alice.create_bay(baymodel, NAME, node_count=1, master_count=3)
    bay = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    yield Masters(people['admin'], uuid)
    assert alice.magnum.delete(f'/clustertemplates/{baymodel}').status_code == 204


def status(person: Person, service: str, method: str, path: str, **body: Any) -> int:
    answer = person.service(service).request(path, method, raise_exc=False, json=body or None)
    return int(answer.status_code)


def test_masters_have_what_controllers_read(
    masters: Masters, alice: Person, people: dict[str, Person]
) -> None:
    told = masters.configuration()
    assert told['Global']['region'] == settings.REGION
    network = people['admin'].service('network')
    subnet = network.get(f'/v2.0/subnets/{told["LoadBalancer"]["subnet-id"]}').json()['subnet']
    assert subnet['project_id'] == alice.keystone.get_project_id()
    assert subnet['cidr'] == '10.0.0.0/24'
    external = network.get(f'/v2.0/networks/{told["LoadBalancer"]["floating-network-id"]}').json()
    assert external['network']['name'] == settings.EXTERNAL_NETWORK
    versions = [
        node['versions'].get('cloud-credential')
        for node in alice.get(f'/clusters/{masters.uuid}/nodes')['nodes']
    ]
    assert sorted(versions, key=str) == ['1', '1', '1', None]


def test_each_add_on_has_a_credential_of_its_own(masters: Masters) -> None:
    ids = {user.openrc['OS_APPLICATION_CREDENTIAL_ID'] for user in masters.users()}
    assert len(ids) == len(PURPOSES)
    assert all(map(is_accepted, masters.users()))
    for purpose in PURPOSES[1:]:
        assert masters.configuration(purpose)['LoadBalancer'] == (
            masters.configuration()['LoadBalancer']
        )


@pytest.mark.parametrize(('service', 'path', 'purposes'), [
    ('compute', '/servers/detail', ('', 'octavia-ingress', 'cinder-csi')),
    ('compute', '/flavors', ('', 'octavia-ingress', 'cinder-csi')),
    ('network', '/v2.0/subnets', ('', 'octavia-ingress')),
    ('network', '/v2.0/ports', ('', 'octavia-ingress')),
    ('block-storage', '/volumes/detail', ('cinder-csi',)),
    ('load-balancer', '/v2.0/lbaas/loadbalancers', ('', 'octavia-ingress')),
    ('image', '/v2/images', ('cinder-csi',)),
])
def test_what_controllers_look_at(
    masters: Masters, service: str, path: str, purposes: tuple[str, ...]
) -> None:
    """What is of another one is closed to each."""
    for purpose in PURPOSES:
        expected = (200,) if purpose in purposes else REFUSED
        assert status(masters.user(purpose), service, 'GET', path) in expected, purpose


def test_what_controllers_make(masters: Masters) -> None:
    told = masters.configuration()['LoadBalancer']
    for purpose, service, path, one, body in (
        ('', 'network', '/v2.0/floatingips', 'floatingip',
         {'floating_network_id': told['floating-network-id']}),
        ('', 'network', '/v2.0/security-groups', 'security_group', {'name': 'of-a-service'}),
        ('cinder-csi', 'block-storage', '/volumes', 'volume', {'size': 1}),
    ):
        api = masters.user(purpose).service(service)
        made = api.post(path, json={one: body}).json()[one]

        def is_settled(
            api: Any = api, url: str = f'{path}/{made["id"]}', one: str = one
        ) -> bool:
            return api.get(url).json()[one].get('status') in (None, 'DOWN', 'ACTIVE', 'available')

        wait_until(is_settled)
        assert api.delete(f'{path}/{made["id"]}').status_code in (202, 204)


def test_balancers_that_controllers_make(masters: Masters) -> None:
    """For a Service of the type LoadBalancer, with all its parts, and without it again."""
    api = masters.user().service('load-balancer')
    subnet = masters.configuration()['LoadBalancer']['subnet-id']
    parts = '/v2.0/lbaas'

    def state(balancer: str) -> str:
        answer = api.get(f'{parts}/loadbalancers/{balancer}', raise_exc=False)
        if answer.status_code == 404:
            return 'DELETED'
        return str(answer.json()['loadbalancer']['provisioning_status'])

    def made(kind: str, **fields: Any) -> str:
        return str(api.post(f'{parts}/{kind}s', json={kind: fields}).json()[kind]['id'])

    # One change at a time.
    balancer = made('loadbalancer', name='kube_service', vip_subnet_id=subnet)
    wait_until(lambda: state(balancer) == 'ACTIVE')
    listener = made('listener', loadbalancer_id=balancer, protocol='TCP', protocol_port=80)
    wait_until(lambda: state(balancer) == 'ACTIVE')
    pool = made('pool', listener_id=listener, protocol='TCP', lb_algorithm='ROUND_ROBIN')
    wait_until(lambda: state(balancer) == 'ACTIVE')
    members = [{'address': '10.0.0.9', 'protocol_port': 30080, 'subnet_id': subnet}]
    assert api.put(f'{parts}/pools/{pool}/members', json={'members': members}).status_code == 202
    wait_until(lambda: state(balancer) == 'ACTIVE')
    made('healthmonitor', pool_id=pool, type='TCP', delay=5, timeout=3, max_retries=1)
    wait_until(lambda: state(balancer) == 'ACTIVE')
    gone = api.delete(f'{parts}/loadbalancers/{balancer}', params={'cascade': 'true'})
    assert gone.status_code == 204
    wait_until(lambda: state(balancer) == 'DELETED')


@pytest.mark.parametrize(('service', 'method', 'path', 'body'), [
    ('identity', 'GET', '/users', {}),
    ('identity', 'GET', '/projects', {}),
    ('compute', 'POST', '/servers', {'server': {'name': 'mine'}}),
    ('compute', 'GET', '/os-keypairs', {}),
    ('network', 'POST', '/v2.0/networks', {'network': {'name': 'mine'}}),
    ('network', 'DELETE', '/v2.0/ports/x', {}),
    ('orchestration', 'GET', '/stacks', {}),
    ('container-infra', 'GET', '/clusters', {}),
])
def test_what_is_closed(
    masters: Masters, service: str, method: str, path: str, body: dict[str, Any]
) -> None:
    for user in masters.users():
        assert status(user, service, method, path, **body) in REFUSED


def test_none_but_the_ingress_controller_lists_secrets(masters: Masters) -> None:
    for purpose in set(PURPOSES) - {'octavia-ingress'}:
        assert status(masters.user(purpose), 'key-manager', 'GET', '/v1/secrets') in REFUSED


def test_the_autoscaler_reads_its_bay_and_the_stack_of_it(masters: Masters) -> None:
    user, own = masters.user('autoscaler'), f'/clusters/{masters.uuid}'
    user.get(own)
    (group,) = [
        one for one in user.get(f'{own}/nodegroups')['nodegroups'] if one['role'] == 'worker'
    ]
    user.get(f'{own}/nodegroups/{group["uuid"]}')
    # As the autoscaler asks: later versions call it otherwise.
    headers = {'OpenStack-API-Version': 'container-infra 1.9'}
    stack = user.magnum.get(own, headers=headers).json()['stack_id']
    found = user.service('orchestration').get(f'/stacks/{stack}').json()['stack']
    assert found['id'] == stack
    path = f'/stacks/{found["stack_name"]}/{stack}'
    assert status(user, 'orchestration', 'GET', f'{path}/resources') == 200
    assert status(user, 'orchestration', 'GET', f'{path}/resources/kube_minions') == 200
    for service, method, closed in (
        ('orchestration', 'GET', f'{path}/template'),
        ('orchestration', 'DELETE', path),
        ('orchestration', 'GET', f'/stacks/another-{masters.uuid}/{stack}'),
        ('compute', 'GET', '/servers'),
    ):
        assert status(user, service, method, closed) in REFUSED, closed


def test_the_autoscaler_does_nothing_to_others(
    masters: Masters, alice: Person
) -> None:
    """To another bay of the project, and to its own but resizes within the bounds."""
    user, own = masters.user('autoscaler'), f'/clusters/{masters.uuid}'
    other = '/clusters/99999999-9a3c-4f5e-8f7e-0a1b2c3d4e5f'
    size = {'node_count': 2}
    for method, path, body in (
        ('GET', other, None), ('POST', f'{other}/actions/resize', size), ('DELETE', other, None),
        ('GET', '/clusters', None), ('DELETE', own, None), ('PATCH', own, []),
        ('POST', f'{own}/actions/upgrade', {}), ('GET', f'{own}/events', None),
        ('GET', f'/certificates/{masters.uuid}', None),
        ('PATCH', f'/credentials/{masters.uuid}', None),
    ):
        assert user.magnum.request(path, method, json=body).status_code == 401, path
    # One more than it was made with is the most.
    assert user.magnum.post(f'{own}/actions/resize', json={'node_count': 3}).status_code == 400
    assert user.magnum.post(f'{own}/actions/resize', json={
        'node_count': 5, 'nodegroup': 'default-master',
    }).status_code == 403
    for purpose in PURPOSES[:-1]:
        answer = masters.user(purpose).magnum.post(f'{own}/actions/resize', json=size)
        assert answer.status_code == 401
    assert alice.get(own)['node_count'] == 1


def test_the_autoscaler_resizes_its_bay(masters: Masters, alice: Person) -> None:
    answer = masters.user('autoscaler').magnum.post(
        f'/clusters/{masters.uuid}/actions/resize', json={'node_count': 2}
    )
    assert answer.status_code == 202, answer.text
    bay = wait_until(lambda: alice.settled(masters.uuid))
    assert (bay['status'], bay['node_count']) == ('UPDATE_COMPLETE', 2), bay


def test_it_makes_no_other_credential(masters: Masters) -> None:
    for user in masters.users():
        path = f'/users/{user.keystone.get_user_id()}/application_credentials'
        body = {'application_credential': {'name': 'another'}}
        assert status(user, 'identity', 'POST', path, **body) in REFUSED


def test_the_secret_is_nowhere_else(
    masters: Masters, alice: Person, directory: pathlib.Path
) -> None:
    secrets = [
        masters.configuration(purpose)['Global']['application-credential-secret']
        for purpose in PURPOSES
    ]
    logs = [log.read_text(errors='replace') for log in directory.glob('*.log')]
    assert sum(masters.uuid in log for log in logs) >= 2
    shown = [
        alice.magnum.get(f'/clusters/{masters.uuid}{path}').text
        for path in ('', '/events', '/nodes', '/operations')
    ]
    for text in (*logs, *shown):
        assert not any(secret in text for secret in secrets)


def test_another_one_takes_its_place(masters: Masters, alice: Person) -> None:
    old = masters.users()
    answer = alice.magnum.patch(f'/credentials/{masters.uuid}')
    assert answer.status_code == 202, answer.text
    bay = wait_until(lambda: alice.settled(masters.uuid))
    assert bay['status'] == 'UPDATE_COMPLETE', bay
    assert all(map(is_accepted, masters.users()))
    assert not any(map(is_accepted, old))
    assert status(masters.user(), 'network', 'GET', '/v2.0/subnets') == 200
    assert status(masters.user('cinder-csi'), 'block-storage', 'GET', '/volumes') == 200
    events = alice.get(f'/clusters/{masters.uuid}/events')['events']
    kinds = {event['kind'] for event in events}
    assert 'bay.rotate_credential.masters_behind' not in kinds, 'all of them took it over in time'


def test_one_that_keystone_has_no_more_is_told_and_made_anew(
    masters: Masters, alice: Person, people: dict[str, Person]
) -> None:
    def condition() -> str:
        bay = alice.get(f'/clusters/{masters.uuid}')
        return str(bay['health_status_reason'].get('CredentialsValid', ''))

    wait_until(lambda: 'accepts' in condition())
    user = masters.user()
    credential = user.openrc['OS_APPLICATION_CREDENTIAL_ID']
    path = f'/users/{user.keystone.get_user_id()}/application_credentials/{credential}'
    assert status(people['admin'], 'identity', 'DELETE', path) == 204
    wait_until(lambda: 'refuses' in condition())
    assert alice.get(f'/clusters/{masters.uuid}')['health_status'] == 'UNHEALTHY'
    assert alice.magnum.patch(f'/credentials/{masters.uuid}').status_code == 202
    bay = wait_until(lambda: alice.settled(masters.uuid))
    assert bay['status'] == 'UPDATE_COMPLETE', bay
    assert is_accepted(masters.user())
    wait_until(lambda: 'accepts' in condition())


def test_another_password_of_the_user_does_not_touch_it(
    masters: Masters, people: dict[str, Person]
) -> None:
    """And the bay can be deleted, which the next test does, when its password is lost."""
    user = masters.user()
    identity = people['admin'].service('identity')
    identity.patch(
        f'/users/{user.keystone.get_user_id()}', json={'user': {'password': 'another'}}
    )
    assert is_accepted(user)


def test_nothing_of_it_is_left(
    masters: Masters, alice: Person, debris: Contents, before: dict[str, set[str]]
) -> None:
    users = masters.users()
    assert all(map(is_accepted, users))
    assert alice.magnum.delete(f'/clusters/{masters.uuid}').status_code == 204
    wait_until(lambda: not any(map(is_accepted, users)))
    assert not alice.is_gone(masters.uuid), 'it is revoked before the bay is gone'
    wait_until(lambda: alice.is_gone(masters.uuid))
    left = {
        kind: things - before[kind]
        for kind, things in debris.snapshot().items() if things - before[kind]
    }
    assert left == {}
