"""A delete removes what the bay's workload made, and names what somebody else did."""

import dataclasses
import datetime
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudForbidden, CloudUnavailable
from magnum.db import models
from magnum.domain.bay_resources import CLUSTER_KEY, RETAIN_KEY
from tests.operations import workload
from tests.operations.conftest import Killed, World, error_of
from tests.operations.workload import ADDRESS, SERVICE

pytestmark = pytest.mark.slow


pytestmark = pytest.mark.slow


@pytest.mark.parametrize('name', workload.NAMES)
@pytest.mark.parametrize('refuses_bays', [False, True])
def test_what_services_and_claims_made_goes(
    world: World, name: str, refuses_bays: bool
) -> None:
    uuid, network = workload.built(world, name='two words from cluster x')
    cluster = workload.NAMES[name](world.bay(uuid))
    there = world.cloud.resources
    if refuses_bays:
        there.refusing_bays = {'load-balancer', 'network', 'block-storage'}
    balancer = there.add_balancer(
        network, SERVICE + cluster, tags=(f'kube_service_{cluster}_default_web',)
    )
    ingress = f'Kubernetes ingress web in namespace default from cluster {cluster}'
    there.add_balancer(network, ingress)
    there.add_balancer(network, f'{ingress.replace("ingress", "Ingress")}, version: 4711')
    there.add_address(balancer.vip_port_id, ADDRESS + cluster)
    there.add_volume({CLUSTER_KEY: cluster}, (workload.server(world, uuid),))
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert not world.has_bay(uuid)
    assert (there.balancers, there.addresses, there.volumes, there.ports) == ({}, {}, {}, {})
    assert world.rows(models.LedgerEntry) == []
    removed = workload.events(world, 'bay.delete.removed')
    assert [message.partition(' ')[0] for message in removed] == [
        'floating', 'load', 'load', 'load', 'volume'
    ]
    assert balancer.id in ' '.join(removed)


def test_nothing_is_asked_of_octavia_and_cinder_where_there_is_none(world: World) -> None:
    uuid, _ = workload.built(world)
    world.cloud.resources.services = {'network'}
    world.cloud.faults |= {
        name: CloudUnavailable(name, 'down') for name in ('load-balancer', 'block-storage')
    }
    assert workload.delete(world, uuid).state == 'SUCCEEDED'


def test_what_is_not_the_bays_stays(world: World) -> None:
    uuid, network = workload.built(world)
    other, _ = workload.built(world, name='b')               # of the same name
    there = world.cloud.resources
    bay = world.bay(uuid)
    kept = [
        there.add_balancer('elsewhere', SERVICE + bay.name),       # a name is not enough
        there.add_balancer('elsewhere', SERVICE + uuid),           # not in the bay's network
        there.add_balancer(workload.network(world, other), SERVICE + other),
        there.add_balancer('elsewhere', SERVICE + uuid, project_id='other'),
    ]
    addresses = [
        there.add_address(None, ADDRESS + bay.name),
        there.add_address(kept[0].vip_port_id, ADDRESS + uuid),
        there.add_address(None, ADDRESS + other),
    ]
    volumes = [
        there.add_volume({CLUSTER_KEY: bay.name}),                 # never seen at a node
        there.add_volume({CLUSTER_KEY: bay.name}, ('foreign',)),
        there.add_volume({CLUSTER_KEY: uuid}, ('foreign',)),
        there.add_volume({CLUSTER_KEY: uuid, RETAIN_KEY: 'true'}, (workload.server(world, uuid),)),
        there.add_volume({CLUSTER_KEY: other}),
        there.add_volume({CLUSTER_KEY: uuid}, project_id='other'),
    ]
    mine = there.add_balancer(network, SERVICE + uuid)
    brought = there.add_address(mine.vip_port_id, 'the address of our web site')
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert set(there.balancers) == {one.id for one in kept}
    assert set(there.addresses) == {one.id for one in (*addresses, brought)}
    assert set(there.volumes) == {one.id for one in volumes}
    said = ' '.join(workload.events(world, 'bay.delete.kept'))
    assert [one.id in said for one in volumes] == [True, True, True, True, False, False]
    assert RETAIN_KEY in said
    assert world.bay(other).status == 'CREATE_COMPLETE'


@pytest.mark.parametrize('away', ['Octavia at work', 'Octavia', 'Cinder'])
def test_servers_do_not_wait_for_ever(world: World, away: str) -> None:
    uuid, network = workload.built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, SERVICE + uuid, status='PENDING_UPDATE')
    if away == 'Octavia':
        world.cloud.faults['load-balancer'] = CloudUnavailable('load-balancer', 'down')
    if away == 'Cinder':
        world.cloud.faults['block-storage'] = CloudUnavailable('block-storage', 'down')
    world.ask('delete', uuid)
    worker = world.worker()
    for _ in range(39):
        worker.turn()
        world.pass_time(30)
        _lengthen(world)
    assert 'orchestration.delete_stack' not in world.cloud.calls
    worker.turn()
    assert 'orchestration.delete_stack' in world.cloud.calls
    world.cloud.faults.clear()
    there.balancers[balancer.id] = dataclasses.replace(balancer, status='ACTIVE')
    world.build(uuid)
    assert (world.has_bay(uuid), there.balancers) == (False, {})


def _lengthen(world: World) -> None:
    """Let the operation's deadline be far off."""
    with world.database.writing() as session:
        later = sa.update(models.Operation).values(
            deadline=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)
        )
        session.execute(later)


def test_what_stays_is_told_once(world: World) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    kept = there.add_volume({CLUSTER_KEY: uuid, RETAIN_KEY: 'yes'})
    there.add_volume({CLUSTER_KEY: uuid}, (workload.server(world, uuid),))
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    (said,) = workload.events(world, 'bay.delete.kept')
    assert kept.id in said


@pytest.mark.parametrize('since', ['refused', 'shared', 'gone'])
def test_only_what_is_gone_was_removed(world: World, since: str) -> None:
    uuid, network = workload.built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, SERVICE + uuid, status='PENDING_UPDATE')
    world.ask('delete', uuid)
    world.worker().turn()
    if since == 'refused':
        world.cloud.faults['load-balancer.list_load_balancers'] = CloudForbidden(
            'load-balancer', 'Policy does not allow this request.', 403
        )
    elif since == 'shared':
        there.balancers[balancer.id] = dataclasses.replace(
            balancer, tags=('kube_service_other_default_web',)
        )
    else:
        del there.balancers[balancer.id]
    world.pass_time(30)
    world.worker().turn()
    left = {entry.name for entry in world.rows(models.LedgerEntry)}
    assert (balancer.id in left) == (since == 'refused')
    assert bool(workload.events(world, 'bay.delete.removed')) == (since == 'gone')


def test_a_cluster_whose_name_begins_like_the_bays(world: World) -> None:
    uuid, network = workload.built(world, name='prod')
    balancer = world.cloud.resources.add_balancer(
        network, SERVICE + 'prod',
        tags=('kube_service_prod_ns_svc', 'kube_service_prod_eu_ns_svc'),
    )
    assert balancer.id in error_of(workload.delete(world, uuid))['reason']


@pytest.mark.parametrize(
    'description', ['', SERVICE + 'kubernetes', 'of our own', 'Kubernetes service from cluster b']
)
def test_a_foreign_load_balancer_is_named(world: World, description: str) -> None:
    uuid, network = workload.built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, description, name='shop\nfront')
    operation = workload.delete(world, uuid)
    assert operation.state == 'FAILED'
    assert operation.error == {
        'code': 'resource_in_use', 'owner': 'user', 'retryable': True,
        'resource': 'private_subnet', 'resource_type': 'OS::Neutron::Subnet',
        'reason': 'It is in use by OS::Octavia::LoadBalancer shop front '
                  f'({balancer.id}). Remove what uses it, and delete again.',
    }
    assert world.bay(uuid).status == 'DELETE_FAILED'
    assert balancer.id in (world.bay(uuid).status_reason or '')
    assert world.cloud.calls.count('orchestration.delete_stack') == 1      # not asked in vain
    del there.balancers[balancer.id]
    there.remove_port(balancer.vip_port_id)
    assert workload.delete(world, uuid).state == 'SUCCEEDED'


def test_a_load_balancer_that_another_cluster_uses_is_named(world: World) -> None:
    uuid, network = workload.built(world)
    balancer = world.cloud.resources.add_balancer(
        network, SERVICE + uuid,
        tags=(f'kube_service_{uuid}_default_web', 'kube_service_other_default_web'),
    )
    operation = workload.delete(world, uuid)
    assert error_of(operation)['code'] == 'resource_in_use'
    assert balancer.id in error_of(operation)['reason']


PORTS = {
    'a stray port': ('stray', '', '', 'OS::Neutron::Port stray'),
    "a server's": ('', 'compute:nova', 'server-1', 'OS::Nova::Server (server-1)'),
    "a router's": ('', 'network:router_interface', 'router-1', 'OS::Neutron::Router (router-1)'),
}


@pytest.mark.parametrize('port', PORTS)
def test_who_has_a_port_is_named(world: World, port: str) -> None:
    uuid, network = workload.built(world)
    *values, named = PORTS[port]
    world.cloud.resources.add_port(network, *values)
    world.cloud.resources.add_port(network, '', 'network:dhcp', 'dhcp-1')
    error = error_of(workload.delete(world, uuid))
    assert (error['code'], error['owner']) == ('resource_in_use', 'user')
    assert named in error['reason']
    assert 'dhcp' not in error['reason']


def test_a_load_balancer_that_goes_by_itself_is_waited_for(world: World) -> None:
    uuid, network = workload.built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, 'of our own')
    world.ask('delete', uuid)
    worker = world.worker()
    worker.turn()                                    # Heat is asked
    world.cloud.settle()                             # and refuses
    there.balancers[balancer.id] = dataclasses.replace(balancer, status='PENDING_DELETE')
    world.pass_time(30)
    worker.watch()
    worker.turn()
    operation = world.operations(uuid)[-1]
    assert (operation.state, error_of(operation)['code']) == ('QUEUED', 'resource_in_use')
    world.build(uuid)
    assert not world.has_bay(uuid)


@pytest.mark.parametrize('status', ['PENDING_CREATE', 'PENDING_UPDATE', 'ERROR'])
def test_octavia_at_work_is_waited_for(world: World, status: str) -> None:
    uuid, network = workload.built(world)
    world.cloud.resources.add_balancer(network, SERVICE + uuid, status=status)
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert world.cloud.resources.balancers == {}


def test_a_load_balancer_made_while_heat_deletes(world: World) -> None:
    """The bay's controllers live as long as its masters do."""
    uuid, network = workload.built(world)
    world.ask('delete', uuid)
    world.worker().turn()
    world.cloud.resources.add_balancer(network, SERVICE + uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert world.cloud.resources.balancers == {}


@pytest.mark.parametrize('stack', ['gone', 'failed'])
def test_a_bay_whose_stack_is_broken(world: World, stack: str) -> None:
    uuid = world.create()
    network = 'shared'
    if stack == 'gone':
        world.build(uuid)
        world.cloud.stacks.clear()
        world.cloud.resources.ports.clear()
    else:
        world.fail()
        network = workload.network(world, uuid)
    world.cloud.resources.add_balancer(network, SERVICE + uuid)
    world.cloud.resources.add_volume({CLUSTER_KEY: uuid})
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert (world.cloud.resources.balancers, world.cloud.resources.volumes) == ({}, {})


def test_the_delete_of_a_node_group_leaves_the_bays_services(world: World) -> None:
    uuid, network = workload.built(world)
    world.add_nodegroup(uuid)
    world.build(uuid)
    there = world.cloud.resources
    balancer = there.add_balancer(network, SERVICE + uuid)
    group = next(
        str(one.physical_id) for one in world.stack('gpu')['there']
        if one.type == 'OS::Neutron::Net'
    )
    stray = there.add_port(group)
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build(uuid)
    error = error_of(world.operations(uuid)[-1])
    assert (error['code'], error['owner']) == ('resource_in_use', 'user')
    assert stray.id in error['reason']
    assert set(there.balancers) == {balancer.id}
    there.remove_port(stray.id)
    world.ask('delete_nodegroup', uuid, world.nodegroup('gpu').uuid)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert set(there.balancers) == {balancer.id}


def test_what_was_given_to_something_else_since_stays(world: World) -> None:
    """A delete failed, and the user went on with what it had found."""
    uuid, network = workload.built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, SERVICE + uuid)
    address = there.add_address(balancer.vip_port_id, ADDRESS + uuid)
    volume = there.add_volume({CLUSTER_KEY: uuid}, (workload.server(world, uuid),))
    world.cloud.faults['network.delete_floating_ip'] = CloudUnavailable('network', 'down')
    world.ask('delete', uuid)
    world.worker().turn()
    assert {entry.kind for entry in world.rows(models.LedgerEntry)} >= {
        'load_balancer', 'floating_ip'
    }
    there.addresses[address.id] = dataclasses.replace(address, port_id='of another server')
    there.volumes[volume.id] = dataclasses.replace(
        volume, metadata={**volume.metadata, RETAIN_KEY: 'yes'}
    )
    world.cloud.faults.clear()
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (set(there.addresses), set(there.volumes)) == ({address.id}, {volume.id})


CALLS = (
    'load-balancer.list_load_balancers', 'load-balancer.list_load_balancers:2',
    'network.list_floating_ips', 'network.delete_floating_ip',
    'load-balancer.delete_load_balancer', 'load-balancer.delete_load_balancer:2',
    'block-storage.list_volumes', 'block-storage.delete_volume', 'block-storage.delete_volume:2',
    'block-storage.get_volume', 'block-storage.get_volume:2',
    'block-storage.list_snapshots', 'block-storage.get_snapshot', 'block-storage.delete_snapshot',
    'orchestration.list_resources', 'orchestration.delete_stack',
)


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', CALLS)
def test_a_worker_dies(
    world: World, die_at: Callable[[str], None], when: str, call: str
) -> None:
    uuid, network = workload.built(world)
    there = world.cloud.resources
    for _ in range(2):
        balancer = there.add_balancer(network, SERVICE + uuid)
        there.add_address(balancer.vip_port_id, ADDRESS + uuid)
    volume = there.add_volume({CLUSTER_KEY: uuid}, (workload.server(world, uuid),))
    there.add_snapshot(volume, {CLUSTER_KEY: uuid})
    there.add_volume({CLUSTER_KEY: uuid})
    world.ask('delete', uuid)
    die_at(f'{when}:{call}')
    assert _dies(world), 'the failpoint was not reached'
    world.pass_time(121)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (there.balancers, there.addresses, there.volumes, there.ports) == ({}, {}, {}, {})
    assert there.snapshots[volume.id] == []
    assert world.rows(models.LedgerEntry) == []
    removed = [message.rpartition(' was removed')[0] for message in
               workload.events(world, 'bay.delete.removed')]
    assert len(removed) == len(set(removed))


def _dies(world: World) -> bool:
    try:
        for _ in range(12):
            world.worker('doomed').go_on()
    except Killed:
        return True
    return False
