"""A delete removes what the bay's workload made, and names what somebody else did."""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudError, CloudForbidden, CloudUnavailable
from magnum.clients.project_resources import SHARES, ShareSnapshot, Snapshot
from magnum.db import models
from magnum.domain.bay_resources import CLUSTER_KEY, RETAIN_KEY, SHARE_CLUSTER_KEY
from magnum.domain.stack_names import stack_name
from tests.operations.conftest import Killed, World, error_of

pytestmark = pytest.mark.slow

SERVICE = 'Kubernetes external service default/web from cluster '
ADDRESS = 'Floating IP for ' + SERVICE


def _built(world: World, **values: Any) -> tuple[str, str]:
    """A bay and its network."""
    uuid = world.create(**values)
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    return uuid, _network(world, uuid)


def _network(world: World, uuid: str) -> str:
    stack = world.cloud.stacks[str(world.bay(uuid).stack_id)]
    (network,) = [one.physical_id for one in stack['there'] if one.type == 'OS::Neutron::Net']
    return str(network)


def _server(world: World, uuid: str) -> str:
    stack = world.cloud.stacks[str(world.bay(uuid).stack_id)]
    (server,) = [one.physical_id for one in stack['there'] if one.type == 'OS::Nova::Server']
    return str(server)


def _delete(world: World, uuid: str) -> models.Operation:
    world.ask('delete', uuid)
    world.build(uuid)
    return world.operations(uuid)[-1]


def _events(world: World, kind: str) -> list[str]:
    return [event.message for event in world.rows(models.Event, kind=kind)]


NAMES = {
    'uuid': lambda bay: bay.uuid,
    'stack': lambda bay: stack_name(bay.name, bay.uuid),
    'bay name': lambda bay: bay.name,
}


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('refuses_bays', [False, True])
def test_what_services_and_claims_made_goes(
    world: World, name: str, refuses_bays: bool
) -> None:
    uuid, network = _built(world, name='two words from cluster x')
    cluster = NAMES[name](world.bay(uuid))
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
    there.add_volume({CLUSTER_KEY: cluster}, (_server(world, uuid),))
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert not world.has_bay(uuid)
    assert (there.balancers, there.addresses, there.volumes, there.ports) == ({}, {}, {}, {})
    assert world.rows(models.LedgerEntry) == []
    removed = _events(world, 'bay.delete.removed')
    assert [message.partition(' ')[0] for message in removed] == [
        'floating', 'load', 'load', 'load', 'volume'
    ]
    assert balancer.id in ' '.join(removed)


def test_nothing_is_asked_of_octavia_and_cinder_where_there_is_none(world: World) -> None:
    uuid, _ = _built(world)
    world.cloud.resources.services = {'network'}
    world.cloud.faults |= {
        name: CloudUnavailable(name, 'down') for name in ('load-balancer', 'block-storage')
    }
    assert _delete(world, uuid).state == 'SUCCEEDED'


def test_what_is_not_the_bays_stays(world: World) -> None:
    uuid, network = _built(world)
    other, _ = _built(world, name='b')               # of the same name
    there = world.cloud.resources
    bay = world.bay(uuid)
    kept = [
        there.add_balancer('elsewhere', SERVICE + bay.name),       # a name is not enough
        there.add_balancer('elsewhere', SERVICE + uuid),           # not in the bay's network
        there.add_balancer(_network(world, other), SERVICE + other),
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
        there.add_volume({CLUSTER_KEY: uuid, RETAIN_KEY: 'true'}, (_server(world, uuid),)),
        there.add_volume({CLUSTER_KEY: other}),
        there.add_volume({CLUSTER_KEY: uuid}, project_id='other'),
    ]
    mine = there.add_balancer(network, SERVICE + uuid)
    brought = there.add_address(mine.vip_port_id, 'the address of our web site')
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert set(there.balancers) == {one.id for one in kept}
    assert set(there.addresses) == {one.id for one in (*addresses, brought)}
    assert set(there.volumes) == {one.id for one in volumes}
    said = ' '.join(_events(world, 'bay.delete.kept'))
    assert [one.id in said for one in volumes] == [True, True, True, True, False, False]
    assert RETAIN_KEY in said
    assert world.bay(other).status == 'CREATE_COMPLETE'


def test_volumes_are_kept_by_default(world: World) -> None:
    """Cinder does not say which of them the class says to retain."""
    uuid, network = _built(world)
    world.conf.clear_override('delete_claim_volumes', 'cinder')
    there = world.cloud.resources
    there.add_balancer(network, SERVICE + uuid, status='PENDING_UPDATE')
    volumes = [
        there.add_volume({CLUSTER_KEY: uuid}),
        there.add_volume({CLUSTER_KEY: uuid}, (_server(world, uuid),)),
    ]
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert set(there.volumes) == {one.id for one in volumes}
    said = _events(world, 'bay.delete.kept')
    assert [f'openstack volume delete {one.id}' in text
            for one, text in zip(volumes, said, strict=True)] == [True, True]


def test_snapshots_are_kept_by_default_and_told_of_before_their_volumes(world: World) -> None:
    uuid, _ = _built(world)
    world.conf.clear_override('delete_claim_volumes', 'cinder')
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: uuid})
    there.add_snapshot(volume, {CLUSTER_KEY: 'of another'})
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert len(there.snapshots[volume.id]) == 2
    first, second = _events(world, 'bay.delete.kept')
    assert 'snapshots of claims are kept here' in first
    assert f'openstack volume snapshot delete {snapshot.id}' in first
    assert f'openstack volume delete {volume.id}' in second


@pytest.mark.parametrize('name', NAMES)
def test_snapshots_go_before_their_volumes(world: World, name: str) -> None:
    """Volumes that were made of a snapshot go before that, on some backends."""
    uuid, _ = _built(world)
    cluster = NAMES[name](world.bay(uuid))
    there = world.cloud.resources
    server = _server(world, uuid)
    volume = there.add_volume({CLUSTER_KEY: cluster}, (server,))
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: cluster})
    restored = there.add_volume({CLUSTER_KEY: cluster}, (server,))
    there.origins[restored.id] = snapshot.id
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert (there.volumes, there.snapshots[volume.id]) == ({}, [])
    assert world.rows(models.LedgerEntry) == []
    removed = _events(world, 'bay.delete.removed')
    assert [text.split()[0] for text in removed] == ['volume', 'snapshot', 'volume']
    assert restored.id in removed[0]
    assert snapshot.id in removed[1]


def test_snapshots_that_stay_keep_their_volumes(world: World) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    server = _server(world, uuid)
    held = there.add_volume({CLUSTER_KEY: uuid}, (server,))
    retained = there.add_snapshot(held, {CLUSTER_KEY: uuid, RETAIN_KEY: 'true'})
    beside = there.add_snapshot(held, {CLUSTER_KEY: uuid})
    stays = there.add_volume({CLUSTER_KEY: uuid, RETAIN_KEY: 'true'})
    of_it = there.add_snapshot(stays, {CLUSTER_KEY: uuid})
    static = there.add_volume({})
    made = there.add_snapshot(static, {CLUSTER_KEY: uuid})
    by_name = there.add_snapshot(static, {CLUSTER_KEY: world.bay(uuid).name})
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert set(there.volumes) == {held.id, stays.id, static.id}
    left = {one.id for found in there.snapshots.values() for one in found}
    assert left == {retained.id, beside.id, of_it.id, by_name.id}
    (removed,) = _events(world, 'bay.delete.removed')
    assert made.id in removed
    said = _events(world, 'bay.delete.kept')
    assert [text.split()[0] for text in said] == ['snapshot'] * 4 + ['volume'] * 2
    why = {one.id: text.partition(' stays: ')[2] for text in said
           for one in (retained, beside, of_it, by_name, held, stays) if one.id in text}
    assert why[retained.id].startswith(f'its property {RETAIN_KEY} ')
    assert why[held.id].startswith('a snapshot of it stays')
    assert why[stays.id].startswith(f'its property {RETAIN_KEY} ')
    assert all(why[one.id].startswith('its volume stays') for one in (beside, of_it, by_name))


def test_a_known_snapshot_that_is_to_stay(world: World) -> None:
    """It was marked while Cinder was at work on it."""
    uuid, _ = _built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: uuid}, status='creating')
    world.ask('delete', uuid)
    worker = world.worker()
    for _ in range(6):
        worker.turn()
        world.cloud.settle()
        world.pass_time(30)
        worker.watch()
    assert snapshot.id in {entry.name for entry in world.rows(models.LedgerEntry)}
    there.change_snapshot(
        snapshot, status='available', metadata={**snapshot.metadata, RETAIN_KEY: '1'}
    )
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert (set(there.volumes), world.rows(models.LedgerEntry)) == ({volume.id}, [])
    assert _events(world, 'bay.delete.removed') == []


@pytest.mark.parametrize(('status', 'code'), [
    ('error_deleting', 'resource_failed'), ('backing-up', 'resource_in_use'),
])
def test_a_snapshot_that_does_not_go_is_named(world: World, status: str, code: str) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: uuid}, status)
    error = error_of(_delete(world, uuid))
    assert (error['code'], error['resource']) == (code, snapshot.id)
    assert error['resource_type'] == 'OS::Cinder::Snapshot'
    assert world.cloud.living() == []
    there.change_snapshot(snapshot, status='error')
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert (there.volumes, there.snapshots[volume.id]) == ({}, [])


def test_snapshots_that_nobody_may_see_are_left(world: World) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    there.add_volume({CLUSTER_KEY: uuid})
    world.cloud.faults['block-storage.list_snapshots'] = CloudForbidden(
        'block-storage', 'Policy does not allow it.', 403
    )
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert there.volumes == {}


def test_shares_are_kept_and_told_of(world: World) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    there.services.add(SHARES)
    kept = there.add_share({SHARE_CLUSTER_KEY: uuid})
    there.share_snapshots[kept.id] = [ShareSnapshot('s-1', 'nightly')]
    there.add_share({SHARE_CLUSTER_KEY: world.bay(uuid).name})      # a name may be another's
    there.add_share({SHARE_CLUSTER_KEY: uuid}, project_id='other')
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert len(there.shares) == 3
    of_snapshot, said = _events(world, 'bay.delete.kept')
    assert of_snapshot.endswith('openstack share snapshot delete s-1')
    assert f'openstack share delete {kept.id}' in said


@pytest.mark.parametrize('error', [
    CloudUnavailable(SHARES, 'down'), CloudForbidden(SHARES, 'Policy does not allow it.', 403),
])
def test_a_bay_goes_without_manila(world: World, error: CloudError) -> None:
    uuid, _ = _built(world)
    world.cloud.resources.services.add(SHARES)
    world.cloud.faults[SHARES] = error
    assert _delete(world, uuid).state == 'SUCCEEDED'
    (said,) = _events(world, 'bay.delete.kept')
    assert f'{SHARE_CLUSTER_KEY}={uuid}' in said


@pytest.mark.parametrize('away', ['Octavia at work', 'Octavia', 'Cinder'])
def test_servers_do_not_wait_for_ever(world: World, away: str) -> None:
    uuid, network = _built(world)
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


@pytest.mark.parametrize('since', ['retained', 'attached elsewhere'])
def test_a_known_volume_in_use_that_is_to_stay(world: World, since: str) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid}, (_server(world, uuid),))
    world.ask('delete', uuid)
    world.worker().turn()
    assert volume.id in {entry.name for entry in world.rows(models.LedgerEntry)}
    metadata = {**volume.metadata, **({RETAIN_KEY: 'yes'} if since == 'retained' else {})}
    there.volumes[volume.id] = dataclasses.replace(
        volume, metadata=metadata, server_ids=('of the user',)
    )
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert (set(there.volumes), world.rows(models.LedgerEntry)) == ({volume.id}, [])
    (said,) = _events(world, 'bay.delete.kept')
    assert volume.id in said
    assert _events(world, 'bay.delete.removed') == []


def test_what_stays_is_told_once(world: World) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    kept = there.add_volume({CLUSTER_KEY: uuid, RETAIN_KEY: 'yes'})
    there.add_volume({CLUSTER_KEY: uuid}, (_server(world, uuid),))
    assert _delete(world, uuid).state == 'SUCCEEDED'
    (said,) = _events(world, 'bay.delete.kept')
    assert kept.id in said


@pytest.mark.parametrize('since', ['refused', 'shared', 'gone'])
def test_only_what_is_gone_was_removed(world: World, since: str) -> None:
    uuid, network = _built(world)
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
    assert bool(_events(world, 'bay.delete.removed')) == (since == 'gone')


def test_a_cluster_whose_name_begins_like_the_bays(world: World) -> None:
    uuid, network = _built(world, name='prod')
    balancer = world.cloud.resources.add_balancer(
        network, SERVICE + 'prod',
        tags=('kube_service_prod_ns_svc', 'kube_service_prod_eu_ns_svc'),
    )
    assert balancer.id in error_of(_delete(world, uuid))['reason']


@pytest.mark.parametrize(
    'description', ['', SERVICE + 'kubernetes', 'of our own', 'Kubernetes service from cluster b']
)
def test_a_foreign_load_balancer_is_named(world: World, description: str) -> None:
    uuid, network = _built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, description, name='shop\nfront')
    operation = _delete(world, uuid)
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
    assert _delete(world, uuid).state == 'SUCCEEDED'


def test_a_load_balancer_that_another_cluster_uses_is_named(world: World) -> None:
    uuid, network = _built(world)
    balancer = world.cloud.resources.add_balancer(
        network, SERVICE + uuid,
        tags=(f'kube_service_{uuid}_default_web', 'kube_service_other_default_web'),
    )
    operation = _delete(world, uuid)
    assert error_of(operation)['code'] == 'resource_in_use'
    assert balancer.id in error_of(operation)['reason']


PORTS = {
    'a stray port': ('stray', '', '', 'OS::Neutron::Port stray'),
    "a server's": ('', 'compute:nova', 'server-1', 'OS::Nova::Server (server-1)'),
    "a router's": ('', 'network:router_interface', 'router-1', 'OS::Neutron::Router (router-1)'),
}


@pytest.mark.parametrize('port', PORTS)
def test_who_has_a_port_is_named(world: World, port: str) -> None:
    uuid, network = _built(world)
    *values, named = PORTS[port]
    world.cloud.resources.add_port(network, *values)
    world.cloud.resources.add_port(network, '', 'network:dhcp', 'dhcp-1')
    error = error_of(_delete(world, uuid))
    assert (error['code'], error['owner']) == ('resource_in_use', 'user')
    assert named in error['reason']
    assert 'dhcp' not in error['reason']


def test_a_load_balancer_that_goes_by_itself_is_waited_for(world: World) -> None:
    uuid, network = _built(world)
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
    uuid, network = _built(world)
    world.cloud.resources.add_balancer(network, SERVICE + uuid, status=status)
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert world.cloud.resources.balancers == {}


def test_a_load_balancer_made_while_heat_deletes(world: World) -> None:
    """The bay's controllers live as long as its masters do."""
    uuid, network = _built(world)
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
        network = _network(world, uuid)
    world.cloud.resources.add_balancer(network, SERVICE + uuid)
    world.cloud.resources.add_volume({CLUSTER_KEY: uuid})
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert (world.cloud.resources.balancers, world.cloud.resources.volumes) == ({}, {})


def test_the_delete_of_a_node_group_leaves_the_bays_services(world: World) -> None:
    uuid, network = _built(world)
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


def test_a_volume_with_a_snapshot_is_named(world: World) -> None:
    uuid, _ = _built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    there.snapshots[volume.id] = [Snapshot('s-1', 'before the upgrade')]
    error = error_of(_delete(world, uuid))
    assert (error['code'], error['owner'], error['resource']) == (
        'resource_in_use', 'user', volume.id
    )
    assert 'snapshot before the upgrade (s-1)' in error['reason']
    assert world.cloud.living() == []
    there.snapshots.clear()
    assert _delete(world, uuid).state == 'SUCCEEDED'
    assert there.volumes == {}


def test_what_was_given_to_something_else_since_stays(world: World) -> None:
    """A delete failed, and the user went on with what it had found."""
    uuid, network = _built(world)
    there = world.cloud.resources
    balancer = there.add_balancer(network, SERVICE + uuid)
    address = there.add_address(balancer.vip_port_id, ADDRESS + uuid)
    volume = there.add_volume({CLUSTER_KEY: uuid}, (_server(world, uuid),))
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
    uuid, network = _built(world)
    there = world.cloud.resources
    for _ in range(2):
        balancer = there.add_balancer(network, SERVICE + uuid)
        there.add_address(balancer.vip_port_id, ADDRESS + uuid)
    volume = there.add_volume({CLUSTER_KEY: uuid}, (_server(world, uuid),))
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
               _events(world, 'bay.delete.removed')]
    assert len(removed) == len(set(removed))


def _dies(world: World) -> bool:
    try:
        for _ in range(12):
            world.worker('doomed').turn()
            world.cloud.settle()
            world.pass_time(30)
            world.worker('doomed').watch()
    except Killed:
        return True
    return False
