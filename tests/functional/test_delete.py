"""A bay is deleted with what its workload made; what users made is named."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from magnum.domain.bay_resources import CLUSTER_KEY, RETAIN_KEY
from tests.functional.conftest import wait_until
from tests.functional.people import Person
from tools.devcloud import settings


@pytest.fixture(scope='module')
def baymodel(alice: Person) -> Iterator[str]:
    uuid = alice.create_baymodel('kubernetes', name='delete-model')
    yield uuid
    alice.magnum.delete(f'/clustertemplates/{uuid}')


@pytest.fixture
def bay(alice: Person, baymodel: str) -> dict[str, Any]:
    uuid = alice.create_bay(baymodel, 'shop', node_count=0)
    bay: dict[str, Any] = wait_until(lambda: alice.settled(uuid))
    assert bay['status'] == 'CREATE_COMPLETE', bay
    return bay


class _Workload:
    """What the controllers in a bay do, as a plain member of the project."""

    def __init__(self, person: Person, bay: dict[str, Any]):
        self.balancers = person.service('load-balancer')
        self.network = person.service('network')
        self.volumes = person.service('block-storage')
        (port,) = [
            port for port in self.network.get('/v2.0/ports').json()['ports']
            if port['fixed_ips'][0]['ip_address'] in self._addresses(bay)
            and port['device_owner'].startswith('compute:')
        ]
        self.network_id, self.subnet_id = port['network_id'], port['fixed_ips'][0]['subnet_id']

    def _addresses(self, bay: dict[str, Any]) -> set[str]:
        """The fixed addresses of the bay's masters."""
        return {
            address['fixed_ip_address']
            for address in self.network.get('/v2.0/floatingips').json()['floatingips']
            if address['floating_ip_address'] in bay['master_addresses']
        }

    def add_balancer(self, description: str) -> dict[str, Any]:
        made = self.balancers.post('/v2/lbaas/loadbalancers', json={'loadbalancer': {
            'name': 'kube_service_x_default_web', 'description': description,
            'vip_subnet_id': self.subnet_id,
            'listeners': [{
                'name': 'listener_0', 'protocol': 'TCP', 'protocol_port': 80,
                'default_pool': {'name': 'pool_0', 'protocol': 'TCP',
                                 'lb_algorithm': 'ROUND_ROBIN'},
            }],
        }}).json()['loadbalancer']
        balancer: dict[str, Any] = wait_until(lambda: self._active(made['id']))
        return balancer

    def _active(self, balancer_id: str) -> dict[str, Any] | None:
        found = self.balancers.get(f'/v2/lbaas/loadbalancers/{balancer_id}').json()['loadbalancer']
        return found if found['provisioning_status'] == 'ACTIVE' else None

    def has_balancer(self, balancer_id: str) -> bool:
        answer = self.balancers.get(
            f'/v2/lbaas/loadbalancers/{balancer_id}', raise_exc=False
        )
        return bool(answer.status_code == 200)

    def add_address(self, port_id: str, description: str) -> str:
        networks = self.network.get(
            '/v2.0/networks', params={'name': settings.EXTERNAL_NETWORK}
        ).json()['networks']
        made = self.network.post('/v2.0/floatingips', json={'floatingip': {
            'floating_network_id': networks[0]['id'], 'port_id': port_id,
            'description': description,
        }})
        return str(made.json()['floatingip']['id'])

    def addresses(self) -> set[str]:
        rows = self.network.get('/v2.0/floatingips').json()['floatingips']
        return {row['id'] for row in rows}

    def add_volume(self, **metadata: str) -> str:
        made = self.volumes.post('/volumes', json={'volume': {
            'name': 'pvc-1', 'size': 1, 'metadata': metadata,
        }})
        return str(made.json()['volume']['id'])

    def volume_ids(self) -> set[str]:
        return {row['id'] for row in self.volumes.get('/volumes').json()['volumes']}


def test_what_the_workload_made_goes(alice: Person, bay: dict[str, Any]) -> None:
    uuid = bay['uuid']
    workload = _Workload(alice, bay)
    made_by = f'Kubernetes external service default/web from cluster {uuid}'
    balancer = workload.add_balancer(made_by)
    address = workload.add_address(balancer['vip_port_id'], f'Floating IP for {made_by}')
    volume = workload.add_volume(**{CLUSTER_KEY: uuid})
    retained = workload.add_volume(**{CLUSTER_KEY: uuid, RETAIN_KEY: 'true'})
    foreign = workload.add_volume(**{CLUSTER_KEY: bay['name']})
    assert alice.magnum.delete(f'/clusters/{uuid}').status_code == 204
    wait_until(lambda: alice.is_gone(uuid))
    assert not workload.has_balancer(balancer['id'])
    assert address not in workload.addresses()
    assert workload.volume_ids() & {volume, retained, foreign} == {retained, foreign}
    events = alice.get(f'/clusters/{uuid}/events')['events']
    removed = [event['message'] for event in events if event['kind'] == 'bay.delete.removed']
    assert all(any(one in said for said in removed) for one in (balancer['id'], address, volume))
    for one in (retained, foreign):
        workload.volumes.delete(f'/volumes/{one}')


def test_what_is_in_the_way_is_named(alice: Person, bay: dict[str, Any]) -> None:
    uuid = bay['uuid']
    workload = _Workload(alice, bay)
    balancer = workload.add_balancer('the load balancer of our shop')
    port = workload.network.post('/v2.0/ports', json={'port': {
        'network_id': workload.network_id, 'name': 'stray',
    }}).json()['port']
    assert alice.magnum.delete(f'/clusters/{uuid}').status_code == 204
    heat = alice.service('orchestration')
    stack_id = bay.get('stack_id') or bay['cluster_id']
    wait_until(lambda: _stack_status(heat, stack_id) == 'DELETE_FAILED', every=0.5)
    refused = time.monotonic()
    failed = wait_until(lambda: _failed(alice, uuid), every=0.5)
    assert time.monotonic() - refused < 60
    error = alice.get(f'/clusters/{uuid}/operations')['operations'][-1]['error']
    assert (error['code'], error['owner']) == ('resource_in_use', 'user'), error
    for said in (error['reason'], failed['status_reason']):
        assert f'OS::Octavia::LoadBalancer kube_service_x_default_web ({balancer["id"]})' in said
        assert f'OS::Neutron::Port stray ({port["id"]})' in said
    assert workload.has_balancer(balancer['id'])
    workload.network.delete(f'/v2.0/ports/{port["id"]}')
    workload.balancers.delete(
        f'/v2/lbaas/loadbalancers/{balancer["id"]}', params={'cascade': 'true'}
    )
    wait_until(lambda: not workload.has_balancer(balancer['id']))
    assert alice.magnum.delete(f'/clusters/{uuid}').status_code == 204
    wait_until(lambda: alice.is_gone(uuid))


def _failed(alice: Person, uuid: str) -> dict[str, Any] | None:
    bay = alice.bay(uuid)
    assert bay is not None
    return bay if bay['status'] == 'DELETE_FAILED' else None


def _stack_status(heat: Any, stack_id: str) -> str:
    return str(heat.get(f'/stacks/{stack_id}').json()['stack']['stack_status'])
