"""A bay's life on a fake cloud."""

import datetime

import pytest
import sqlalchemy as sa

from magnum.clients.errors import CloudRefused, CloudUnavailable, Unauthenticated
from magnum.db import models
from magnum.operations.accept.errors import OperationInProgress
from magnum.operations.watcher import Watcher
from tests.operations.conftest import World, error_of


def test_created_resized_deleted(world: World) -> None:
    uuid = world.create()
    assert world.bay(uuid).status == 'CREATE_IN_PROGRESS'
    world.build(uuid)
    bay = world.bay(uuid)
    assert (bay.status, bay.api_address) == ('CREATE_COMPLETE', 'https://10.0.0.1:6443')
    assert len(world.cloud.living()) == 1

    world.ask('resize', uuid, 3)
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    workers = world.rows(models.Nodegroup, role='worker')[0]
    assert (workers.node_count, len(workers.node_addresses)) == (3, 3)

    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert world.cloud.living() == []
    assert world.cloud.users == {}
    for table in (models.LedgerEntry, models.KeyPair, models.BayIdentity, models.BootstrapToken,
                  models.Nodegroup):
        assert world.rows(table) == []
    assert [o.state for o in world.operations(uuid)] == ['SUCCEEDED'] * 3


def test_second_request_names_the_active_operation(world: World) -> None:
    uuid = world.create()
    with pytest.raises(OperationInProgress) as raised:
        world.ask('rotate_credential', uuid)
    assert raised.value.active.verb == 'create'


def test_heat_away_then_back(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['orchestration'] = CloudUnavailable('orchestration', 'connection refused')
    worker = world.worker()
    for _ in range(3):
        worker.turn()
        world.pass_time(100)
    assert world.bay(uuid).status == 'CREATE_IN_PROGRESS'
    world.cloud.faults.clear()
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'


def test_heat_away_until_the_deadline(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['orchestration'] = CloudUnavailable('orchestration', 'connection refused')
    worker = world.worker()
    worker.turn()
    world.pass_time(4000)
    worker.turn()
    bay = world.bay(uuid)
    assert bay.status == 'CREATE_FAILED'
    assert 'connection refused' in (bay.status_reason or '')
    assert error_of(world.operations(uuid)[0])['code'] == 'deadline_exceeded'


def test_silent_heat_ends_at_the_deadline(world: World) -> None:
    uuid = world.create()
    worker = world.worker()
    worker.turn()
    world.pass_time(4000)
    assert worker.watch() == 1
    worker.turn()
    assert world.bay(uuid).status == 'CREATE_FAILED'


def test_failure_says_why_and_delete_leaves_nothing(world: World) -> None:
    uuid = world.create()
    world.fail('ResourceInError: No valid host was found')
    bay = world.bay(uuid)
    assert bay.status == 'CREATE_FAILED'
    assert bay.status_reason == (
        'OS::Nova::Server node: ResourceInError: No valid host was found'
    )
    operation = world.operations(uuid)[0]
    assert error_of(operation)['code'] == 'no_valid_host'
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert world.cloud.living() == []


def test_refused_by_heat_fails_at_once(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['orchestration.create_stack'] = CloudRefused(
        'orchestration', 'Property error', 400
    )
    world.worker().turn()
    assert world.bay(uuid).status == 'CREATE_FAILED'
    assert 'Property error' in (world.bay(uuid).status_reason or '')


def test_failed_delete_is_asked_again(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    world.cloud.deletes_that_fail = 2
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)


def test_delete_that_fails_for_good_may_be_repeated(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    world.cloud.deletes_that_fail = 3
    world.ask('delete', uuid)
    world.build(uuid)
    assert world.bay(uuid).status == 'DELETE_FAILED'
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)


def test_delete_works_from_the_ledger_alone(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    with world.database.writing() as session:
        session.execute(sa.delete(models.BayIdentity))
        bay = session.merge(world.bay(uuid))
        bay.stack_id = None
        for group in world.rows(models.Nodegroup):
            session.merge(group).stack_id = None
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def test_delete_without_a_working_identity(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    world.cloud.users.clear()
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert world.cloud.living() == []


def test_delete_before_anything_was_made(world: World) -> None:
    uuid = world.create()
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert [o.state for o in world.operations(uuid)] == ['CANCELLED', 'SUCCEEDED']
    assert 'orchestration.create_stack' not in world.cloud.calls


def test_delete_while_heat_builds(world: World) -> None:
    uuid = world.create()
    world.worker().turn()
    assert len(world.cloud.living()) == 1
    world.ask('delete', uuid)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert world.cloud.living() == []


def test_delete_waits_for_the_preempted_worker(world: World) -> None:
    uuid = world.create()
    busy = world.worker('busy')
    claim = busy.claims.claim(1)[0]
    world.ask('delete', uuid)
    other = world.worker('other')
    assert other.claims.claim(10) == []      # not while a request may be on its way
    busy.runner.run(claim)                   # it sees that it is to stop
    assert world.operations(uuid)[0].state == 'CANCELLED'
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert 'orchestration.create_stack' not in world.cloud.calls


def test_delete_of_a_dead_workers_bay(world: World) -> None:
    uuid = world.create()
    world.worker('dead').claims.claim(1)
    world.ask('delete', uuid)
    world.pass_time(121)
    other = world.worker('other')
    assert other.claims.claim(10) == []     # its last request may be on its way
    world.pass_time(61)
    world.build(uuid)
    assert not world.has_bay(uuid)


def test_delete_waits_for_a_create_that_never_answered(world: World) -> None:
    """Heat may make a stack long after it was asked, and after the delete began."""
    uuid = world.create()
    fault = CloudUnavailable('orchestration', 'Request timed out')
    world.cloud.faults['orchestration.create_stack'] = fault
    worker = world.worker()
    worker.turn()
    world.cloud.faults.clear()
    world.ask('delete', uuid)
    worker.turn()
    world.pass_time(10)
    worker.watch()
    worker.turn()
    assert world.bay(uuid).status == 'DELETE_IN_PROGRESS'
    (entry,) = world.rows(models.LedgerEntry, kind='heat_stack')
    identity = world.rows(models.BayIdentity)[0]
    late = world.tools.heat.user(
        identity.user_id,
        world.cloud.users[identity.user_id]['password'], identity.project_id,
    )
    late.create(entry.name, '', {}, {'number_of_minions': 1}, 5, [f'magnum-bay-{uuid}'])
    with world.database.writing() as session:
        operation = session.merge(world.operations(uuid)[-1])
        assert operation.started_at is not None
        operation.started_at -= datetime.timedelta(seconds=61)
    world.pass_time(61)
    world.build(uuid)
    assert not world.has_bay(uuid)
    assert (world.cloud.living(), world.cloud.users) == ([], {})


def test_deadlines_hold_while_heat_is_away(world: World) -> None:
    uuid = world.create()
    worker = world.worker()
    worker.turn()
    world.cloud.faults['orchestration'] = CloudUnavailable('orchestration', 'refused')
    world.pass_time(4000)
    watcher = Watcher(world.database, world.tools.heat, lambda: 1.0)
    assert watcher.fail_overdue() == 1
    worker.turn()
    assert world.bay(uuid).status == 'CREATE_FAILED'


def test_a_hanging_worker_loses_its_lease(world: World) -> None:
    world.create()
    hanging = world.worker('hanging')
    hanging.claims.claim(1)
    for _ in range(40):
        world.pass_time(100)
        hanging.claims.renew_all()
    assert len(world.worker('other').claims.claim(1)) == 1


def test_a_failed_resize_may_be_asked_for_again(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    world.ask('resize', uuid, 3)
    world.fail('quota exceeded')
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert world.ask('resize', uuid, 3) is not None
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_a_change_that_heat_undid_is_a_failure(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    worker = world.worker()
    world.ask('resize', uuid, 3)
    worker.turn()
    stack = world.cloud.living()[0]
    stack['status'], stack['reason'] = 'ROLLBACK_COMPLETE', 'no valid host'
    stack['parameters']['number_of_minions'] = 1
    world.pass_time(30)
    worker.watch()
    worker.turn()
    bay = world.bay(uuid)
    assert (bay.status, 'no valid host' in (bay.status_reason or '')) == ('UPDATE_FAILED', True)
    assert world.rows(models.Nodegroup, role='worker')[0].node_count == 1


def test_resize_that_waits_takes_the_new_count(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    first = world.ask('resize', uuid, 2)
    second = world.ask('resize', uuid, 5)
    assert first.uuid == second.uuid
    world.build(uuid)
    assert world.rows(models.Nodegroup, role='worker')[0].node_count == 5


def test_resize_to_the_same_count_plans_nothing(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    assert world.ask('resize', uuid, 1) is None


def test_a_failed_bay_may_be_resized(world: World) -> None:
    uuid = world.create()
    world.fail('WaitConditionTimeout: 0 of 1 received')
    assert world.bay(uuid).status == 'CREATE_FAILED'
    world.ask('resize', uuid, 2)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_an_old_complete_is_not_the_new_one(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    world.ask('resize', uuid, 2)
    world.build(uuid)
    world.ask('resize', uuid, 3)
    worker = world.worker()
    worker.turn()
    stack = world.cloud.living()[0]
    stack['status'] = 'UPDATE_COMPLETE'                       # as before the change
    stack['updated'] = world.operations(uuid)[-1].stack_updated_before
    world.pass_time(30)
    assert worker.watch() == 0
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'


def test_quota(world: World) -> None:
    from magnum.operations.accept.errors import QuotaExceeded

    world.conf.set_override('max_clusters_per_project', 2, 'quotas')
    world.create()
    world.create()
    with pytest.raises(QuotaExceeded):
        world.create()
    assert len(world.rows(models.Bay)) == 2


def test_a_token_that_is_not_accepted_yet(world: World) -> None:
    uuid = world.create()
    world.cloud.faults['orchestration.create_stack'] = Unauthenticated(
        'orchestration', 'requires authentication', 401
    )
    worker = world.worker()
    worker.turn()
    assert world.bay(uuid).status == 'CREATE_IN_PROGRESS'
    world.cloud.faults.clear()
    world.build(uuid)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
