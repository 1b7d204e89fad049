"""A delete keeps or removes volumes, shares and snapshots of claims, as the operator wants."""

import dataclasses

import pytest

from magnum.clients.errors import CloudError, CloudForbidden, CloudUnavailable
from magnum.clients.project_resources import SHARES, ShareSnapshot, Snapshot
from magnum.db import models
from magnum.domain.bay_resources import CLUSTER_KEY, RETAIN_KEY, SHARE_CLUSTER_KEY
from tests.operations import workload
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow


def test_volumes_are_kept_by_default(world: World) -> None:
    """Cinder does not say which of them the class says to retain."""
    uuid, network = workload.built(world)
    world.conf.clear_override('delete_claim_volumes', 'cinder')
    there = world.cloud.resources
    there.add_balancer(network, workload.SERVICE + uuid, status='PENDING_UPDATE')
    volumes = [
        there.add_volume({CLUSTER_KEY: uuid}),
        there.add_volume({CLUSTER_KEY: uuid}, (workload.server(world, uuid),)),
    ]
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert set(there.volumes) == {one.id for one in volumes}
    said = workload.events(world, 'bay.delete.kept')
    assert [f'openstack volume delete {one.id}' in text
            for one, text in zip(volumes, said, strict=True)] == [True, True]


def test_snapshots_are_kept_by_default_and_told_of_before_their_volumes(world: World) -> None:
    uuid, _ = workload.built(world)
    world.conf.clear_override('delete_claim_volumes', 'cinder')
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: uuid})
    there.add_snapshot(volume, {CLUSTER_KEY: 'of another'})
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert len(there.snapshots[volume.id]) == 2
    first, second = workload.events(world, 'bay.delete.kept')
    assert 'snapshots of claims are kept here' in first
    assert f'openstack volume snapshot delete {snapshot.id}' in first
    assert f'openstack volume delete {volume.id}' in second


@pytest.mark.parametrize('name', workload.NAMES)
def test_snapshots_go_before_their_volumes(world: World, name: str) -> None:
    """Volumes that were made of a snapshot go before that, on some backends."""
    uuid, _ = workload.built(world)
    cluster = workload.NAMES[name](world.bay(uuid))
    there = world.cloud.resources
    server = workload.server(world, uuid)
    volume = there.add_volume({CLUSTER_KEY: cluster}, (server,))
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: cluster})
    restored = there.add_volume({CLUSTER_KEY: cluster}, (server,))
    there.origins[restored.id] = snapshot.id
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert (there.volumes, there.snapshots[volume.id]) == ({}, [])
    assert world.rows(models.LedgerEntry) == []
    removed = workload.events(world, 'bay.delete.removed')
    assert [text.split()[0] for text in removed] == ['volume', 'snapshot', 'volume']
    assert restored.id in removed[0]
    assert snapshot.id in removed[1]


def test_snapshots_that_stay_keep_their_volumes(world: World) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    server = workload.server(world, uuid)
    held = there.add_volume({CLUSTER_KEY: uuid}, (server,))
    retained = there.add_snapshot(held, {CLUSTER_KEY: uuid, RETAIN_KEY: 'true'})
    beside = there.add_snapshot(held, {CLUSTER_KEY: uuid})
    stays = there.add_volume({CLUSTER_KEY: uuid, RETAIN_KEY: 'true'})
    of_it = there.add_snapshot(stays, {CLUSTER_KEY: uuid})
    static = there.add_volume({})
    made = there.add_snapshot(static, {CLUSTER_KEY: uuid})
    by_name = there.add_snapshot(static, {CLUSTER_KEY: world.bay(uuid).name})
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert set(there.volumes) == {held.id, stays.id, static.id}
    left = {one.id for found in there.snapshots.values() for one in found}
    assert left == {retained.id, beside.id, of_it.id, by_name.id}
    (removed,) = workload.events(world, 'bay.delete.removed')
    assert made.id in removed
    said = workload.events(world, 'bay.delete.kept')
    assert [text.split()[0] for text in said] == ['snapshot'] * 4 + ['volume'] * 2
    why = {one.id: text.partition(' stays: ')[2] for text in said
           for one in (retained, beside, of_it, by_name, held, stays) if one.id in text}
    assert why[retained.id].startswith(f'its property {RETAIN_KEY} ')
    assert why[held.id].startswith('a snapshot of it stays')
    assert why[stays.id].startswith(f'its property {RETAIN_KEY} ')
    assert all(why[one.id].startswith('its volume stays') for one in (beside, of_it, by_name))


def test_a_known_snapshot_that_is_to_stay(world: World) -> None:
    """It was marked while Cinder was at work on it."""
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: uuid}, status='creating')
    world.ask('delete', uuid)
    worker = world.worker()
    for _ in range(6):
        worker.go_on()
    assert snapshot.id in {entry.name for entry in world.rows(models.LedgerEntry)}
    there.change_snapshot(
        snapshot, status='available', metadata={**snapshot.metadata, RETAIN_KEY: '1'}
    )
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert (set(there.volumes), world.rows(models.LedgerEntry)) == ({volume.id}, [])
    assert workload.events(world, 'bay.delete.removed') == []


@pytest.mark.parametrize(('status', 'code'), [
    ('error_deleting', 'resource_failed'), ('backing-up', 'resource_in_use'),
])
def test_a_snapshot_that_does_not_go_is_named(world: World, status: str, code: str) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    snapshot = there.add_snapshot(volume, {CLUSTER_KEY: uuid}, status)
    error = error_of(workload.delete(world, uuid))
    assert (error['code'], error['resource']) == (code, snapshot.id)
    assert error['resource_type'] == 'OS::Cinder::Snapshot'
    assert world.cloud.living() == []
    there.change_snapshot(snapshot, status='error')
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert (there.volumes, there.snapshots[volume.id]) == ({}, [])


def test_snapshots_that_nobody_may_see_are_left(world: World) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    there.add_volume({CLUSTER_KEY: uuid})
    world.cloud.faults['block-storage.list_snapshots'] = CloudForbidden(
        'block-storage', 'Policy does not allow it.', 403
    )
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert there.volumes == {}


def test_shares_are_kept_and_told_of(world: World) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    there.services.add(SHARES)
    kept = there.add_share({SHARE_CLUSTER_KEY: uuid})
    there.share_snapshots[kept.id] = [ShareSnapshot('s-1', 'nightly')]
    there.add_share({SHARE_CLUSTER_KEY: world.bay(uuid).name})      # a name may be another's
    there.add_share({SHARE_CLUSTER_KEY: uuid}, project_id='other')
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert len(there.shares) == 3
    of_snapshot, said = workload.events(world, 'bay.delete.kept')
    assert of_snapshot.endswith('openstack share snapshot delete s-1')
    assert f'openstack share delete {kept.id}' in said


@pytest.mark.parametrize('error', [
    CloudUnavailable(SHARES, 'down'), CloudForbidden(SHARES, 'Policy does not allow it.', 403),
])
def test_a_bay_goes_without_manila(world: World, error: CloudError) -> None:
    uuid, _ = workload.built(world)
    world.cloud.resources.services.add(SHARES)
    world.cloud.faults[SHARES] = error
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    (said,) = workload.events(world, 'bay.delete.kept')
    assert f'{SHARE_CLUSTER_KEY}={uuid}' in said


@pytest.mark.parametrize('since', ['retained', 'attached elsewhere'])
def test_a_known_volume_in_use_that_is_to_stay(world: World, since: str) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid}, (workload.server(world, uuid),))
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
    (said,) = workload.events(world, 'bay.delete.kept')
    assert volume.id in said
    assert workload.events(world, 'bay.delete.removed') == []


def test_a_volume_with_a_snapshot_is_named(world: World) -> None:
    uuid, _ = workload.built(world)
    there = world.cloud.resources
    volume = there.add_volume({CLUSTER_KEY: uuid})
    there.snapshots[volume.id] = [Snapshot('s-1', 'before the upgrade')]
    error = error_of(workload.delete(world, uuid))
    assert (error['code'], error['owner'], error['resource']) == (
        'resource_in_use', 'user', volume.id
    )
    assert 'snapshot before the upgrade (s-1)' in error['reason']
    assert world.cloud.living() == []
    there.snapshots.clear()
    assert workload.delete(world, uuid).state == 'SUCCEEDED'
    assert there.volumes == {}
