"""Nodes are replaced group by group; the bay follows its new baymodel at the end."""

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.domain.parameters import Upgrade
from magnum.domain.stack_names import short_id
from magnum.drivers.contract import PlanRefused
from magnum.drivers.plans import bay_plan
from magnum.operations import upgrading
from magnum.operations.accept.errors import OperationInProgress
from tests.fakes.cloud import FakeHeat
from tests.fakes.driver import FakeDriver
from tests.operations.conftest import World, error_of

pytestmark = pytest.mark.slow


@pytest.fixture
def uuid(world: World) -> str:
    """A bay with a node group beside its default ones."""
    made = world.create(name='bay', labels={'a': '1'})
    world.build(made)
    world.add_nodegroup(made, labels={'a': '1'})
    world.build(made)
    return made


def _revisions(world: World) -> dict[str, int]:
    return {group.name: group.revision for group in world.rows(models.Nodegroup)}


def _steps(world: World, operation: models.Operation) -> list[tuple[str, str]]:
    rows = world.rows(models.OperationStep, operation_uuid=operation.uuid)
    return [(row.name, row.state) for row in sorted(rows, key=lambda row: row.position)]


def test_group_by_group(world: World, uuid: str) -> None:
    target = world.new_baymodel(labels={'a': '2', 'b': '3'})
    old = world.bay(uuid).baymodel_id
    operation = world.ask('upgrade', uuid, target, max_batch_size=2)
    assert world.bay(uuid).status == 'UPDATE_IN_PROGRESS'
    worker = world.worker()
    worker.turn()                                     # settles what it is about
    assert world.statuses(uuid) == {
        'bay': 'UPDATE_IN_PROGRESS', 'default-master': 'CREATE_COMPLETE',
        'default-worker': 'UPDATE_IN_PROGRESS', 'gpu': 'CREATE_COMPLETE',
    }
    worker.turn()
    bays, gpus = world.stack(short_id(uuid)), world.stack('gpu')
    assert (bays['parameters']['image'], bays['parameters']['kept']) == ('debian-13', {})
    assert bays['parameters']['labels'] == {'a': '2', 'b': '3'}
    assert gpus['parameters']['image'] == 'debian'    # not yet
    assert bays['tags'] == (f'magnum-bay-{uuid}',)
    world.cloud.settle()
    world.pass_time(30)
    worker.watch()
    worker.turn()
    assert world.bay(uuid).baymodel_id == old         # not yet
    assert world.nodegroup('default-worker').image_id == 'debian-13'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_COMPLETE'
    assert world.statuses(uuid)['gpu'] == 'UPDATE_IN_PROGRESS'
    world.build(uuid)

    bay = world.bay(uuid)
    assert (bay.status, bay.baymodel_id) == ('UPDATE_COMPLETE', target.uuid)
    assert (bay.labels, bay.template_version) == ({'a': '2', 'b': '3'}, '2')
    assert world.nodegroup('gpu').template_version == 'group-2'
    assert world.nodegroup('gpu').image_id == 'debian-13'
    assert world.nodegroup('default-master').image_id == 'debian'
    assert _revisions(world) == {'default-master': 0, 'default-worker': 1, 'gpu': 1}
    assert world.cloud.calls.count('orchestration.replace_stack') == 2
    names = [
        'check_upgrade', 'upgrade_masters', 'choose_nodegroups',
        *(f'{step}.{group}' for group in ('default-worker', 'gpu') for step in (
            'choose_nodes', 'drain_nodes', 'remove_nodes', 'note_stack', 'arm_bootstrap',
            'replace_nodes', 'await_stack', 'await_nodes', 'disarm_bootstrap', 'read_outputs',
            'confirm_nodes',
        )),
        'adopt_baymodel',
    ]
    assert _steps(world, operation) == [(name, 'DONE') for name in names]


def test_own_values_stay(world: World, uuid: str) -> None:
    with world.database.writing() as session:
        for group in session.scalars(sa.select(models.Nodegroup).filter_by(name='gpu')):
            group.image_id = 'of-its-own'
    target = world.new_baymodel(flavor_id='m2')
    world.ask('upgrade', uuid, target)
    world.build(uuid)
    assert world.nodegroup('gpu').image_id == 'of-its-own'
    assert world.nodegroup('default-worker').flavor_id == 'm1'    # its bay's own
    assert world.nodegroup('default-worker').image_id == 'debian-13'


def test_a_renewal(world: World, uuid: str) -> None:
    same = world.rows(models.Baymodel)[0]
    world.ask('upgrade', uuid, same, nodegroup_uuid=world.nodegroup('gpu').uuid)
    assert world.nodegroup('gpu').status == 'UPDATE_IN_PROGRESS'
    world.build(uuid)
    assert _revisions(world) == {'default-master': 0, 'default-worker': 0, 'gpu': 1}
    assert world.stack('gpu')['parameters']['revision'] == 1
    assert world.bay(uuid).baymodel_id == same.uuid
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


@pytest.mark.parametrize('how', ['renewed', 'of a third baymodel', 'after a failure'])
def test_a_group_that_was_left_out_follows_later(world: World, uuid: str, how: str) -> None:
    """What it has of the baymodel of then is no choice of its own."""
    second = world.new_baymodel(labels={'a': '2'})
    workers = world.nodegroup('default-worker').uuid
    world.ask('upgrade', uuid, second, nodegroup_uuid=workers)
    world.build(uuid)
    gpu = world.nodegroup('gpu')
    assert (gpu.image_id, gpu.labels) == ('debian', {'a': '1'})
    assert (gpu.followed or {})['image_id'] == 'debian'
    assert world.nodegroup('default-worker').followed is None
    third = world.new_baymodel(image_id='debian-14', labels={'a': '3'})
    if how == 'renewed':
        world.ask('upgrade', uuid, second, nodegroup_uuid=gpu.uuid)
    elif how == 'of a third baymodel':
        world.ask('upgrade', uuid, third)
    else:
        failed = world.ask('upgrade', uuid, third)
        world.worker().turn()
        world.worker().turn()
        world.cloud.settle('UPDATE_FAILED')
        world.build(uuid)
        assert world.rows(models.Operation, uuid=failed.uuid)[0].state == 'FAILED'
        world.ask('upgrade', uuid, second)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    after = ('debian-14', {'a': '3'}) if how == 'of a third baymodel' else ('debian-13', {'a': '2'})
    for name in ('gpu', 'default-worker'):
        group = world.nodegroup(name)
        assert (group.image_id, group.labels, group.followed) == (*after, None)


def test_masters_that_were_left_out_follow_later(world: World, uuid: str) -> None:
    with world.database.writing() as session:
        session.execute(sa.update(models.Baymodel).values(master_flavor_id='m1'))
    second = world.new_baymodel(master_flavor_id='m2')
    workers = world.nodegroup('default-worker').uuid
    world.ask('upgrade', uuid, second, nodegroup_uuid=workers)
    world.build(uuid)
    masters = world.nodegroup('default-master')
    assert world.bay(uuid).baymodel_id == second.uuid
    assert masters.flavor_id == 'm1'
    renewal = upgrading.Change(second, second, FakeDriver())
    assert upgrading.changed_columns(masters, renewal) == ['image_id', 'flavor_id']
    values = upgrading.nodegroup_values(upgrading.columns_of(masters), masters, renewal)
    assert (values['image_id'], values['flavor_id']) == ('debian-13', 'm2')


def test_a_renewed_group_moves_nothing_of_the_bays_others(world: World, uuid: str) -> None:
    """The bay has the flavor that its default workers have."""
    with world.database.writing() as session:
        session.execute(sa.update(models.Baymodel).values(flavor_id='m1'))
        session.execute(sa.update(models.Bay).values(flavor_id='m1'))
    second = world.new_baymodel(flavor_id='m2')
    world.ask('upgrade', uuid, second, nodegroup_uuid=world.nodegroup('gpu').uuid)
    world.build(uuid)
    assert world.bay(uuid).baymodel_id == second.uuid
    assert world.nodegroup('default-worker').flavor_id == world.bay(uuid).flavor_id == 'm1'
    third = world.new_baymodel(flavor_id='m3')
    world.ask('upgrade', uuid, third)
    world.build(uuid)
    assert world.nodegroup('default-worker').flavor_id == world.bay(uuid).flavor_id == 'm3'


def test_another_name_of_what_a_bay_has_changes_nothing(world: World, uuid: str) -> None:
    target = world.new_baymodel(image_id='id-of-debian', external_network_id='id-of-public')
    world.ask('upgrade', uuid, target, ids={
        'image_id': {'debian': 'id-of-debian'}, 'external_network_id': {'public': 'id-of-public'},
    })
    world.build(uuid)
    bay = world.bay(uuid)
    assert (bay.status, bay.baymodel_id) == ('UPDATE_COMPLETE', target.uuid)
    assert bay.kept == {'external_network_id': 'public'}
    assert world.nodegroup('default-worker').image_id == 'debian'


def test_refused_by_the_driver(world: World, uuid: str) -> None:
    world.ask('upgrade', uuid, world.new_baymodel(network_driver='calico'))
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert 'network_driver' in (world.bay(uuid).status_reason or '')
    assert _revisions(world)['default-worker'] == 0


def test_nodes_that_the_driver_cannot_replace(world: World, uuid: str) -> None:
    masters = world.nodegroup('default-master').uuid
    world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=masters)
    world.build(uuid)
    assert error_of(world.operations(uuid)[-1])['code'] == 'plan_refused'


@pytest.mark.parametrize('when', ['before it begins', 'at its end'])
@pytest.mark.parametrize('what', ['gone', 'changed', 'renamed'])
def test_the_baymodel_changes_meanwhile(world: World, uuid: str, when: str, what: str) -> None:
    target = world.new_baymodel()
    world.ask('upgrade', uuid, target)
    if when == 'at its end':
        for _ in range(2):
            world.worker().turn()
            world.worker().go_on()
    with world.database.writing() as session:
        if what == 'gone':
            session.execute(sa.delete(models.Baymodel).filter_by(uuid=target.uuid))
        else:
            values = {'changed': {'flavor_id': 'x'}, 'renamed': {'name': 'other'}}[what]
            session.execute(
                sa.update(models.Baymodel).filter_by(uuid=target.uuid).values(**values)
            )
    world.build(uuid)
    expected = 'UPDATE_COMPLETE' if what == 'renamed' else 'UPDATE_FAILED'
    assert world.bay(uuid).status == expected


def test_a_failed_round_is_retried_alone(world: World, uuid: str) -> None:
    target = world.new_baymodel()
    first = world.ask('upgrade', uuid, target)
    worker = world.worker()
    worker.turn()
    worker.go_on()
    worker.turn()                               # the default workers are done
    world.fail('quota exceeded')
    assert world.statuses(uuid) == {
        'bay': 'UPDATE_FAILED', 'default-master': 'CREATE_COMPLETE',
        'default-worker': 'UPDATE_COMPLETE', 'gpu': 'UPDATE_FAILED',
    }
    assert world.bay(uuid).status_reason == 'OS::Nova::Server node: quota exceeded'
    assert error_of(world.operations(uuid)[-1])['code'] == 'quota_exceeded'
    again = world.about('retry', first)
    assert (again.retries, again.verb) == (first.uuid, 'upgrade')
    assert world.statuses(uuid)['gpu'] == 'UPDATE_IN_PROGRESS'
    assert world.statuses(uuid)['default-worker'] == 'UPDATE_COMPLETE'
    world.build(uuid)
    assert world.bay(uuid).baymodel_id == target.uuid
    assert world.stack(short_id(uuid))['replaced'] == 1
    assert world.stack('gpu')['replaced'] == 3, 'once in vain, then two batches'
    # Nodes that failed in the first attempt are told from those of the second.
    assert _revisions(world) == {'default-master': 0, 'default-worker': 1, 'gpu': 2}
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def test_values_of_an_unfinished_upgrade_are_nobodys_own(world: World, uuid: str) -> None:
    world.ask('upgrade', uuid, world.new_baymodel(image_id='second'))
    worker = world.worker()
    worker.turn()
    worker.go_on()
    worker.turn()
    world.fail()
    assert world.nodegroup('default-worker').image_id == 'second'
    world.ask('upgrade', uuid, world.new_baymodel(image_id='third'))
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.nodegroup('default-worker').image_id == 'third'
    assert world.nodegroup('gpu').image_id == 'third'
    assert _revisions(world) == {'default-master': 0, 'default-worker': 2, 'gpu': 2}


def test_each_round_has_its_time(world: World, uuid: str) -> None:
    world.ask('upgrade', uuid, world.new_baymodel())
    worker = world.worker()
    worker.turn()
    worker.turn()
    world.pass_time(3000)
    world.cloud.settle()
    worker.watch()
    worker.turn()
    left = world.operations(uuid)[-1].deadline - world.operations(uuid)[-1].created_at
    assert left.total_seconds() > 3500, 'an hour of its own'
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


def _next(world: World) -> None:
    """Heat is done with a batch, and the next is asked for."""
    world.cloud.settle()
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()
    world.worker().turn()


@pytest.fixture
def five(world: World, uuid: str) -> str:
    """The bay with five nodes in its further group, whose uuid this is."""
    gpu = world.nodegroup('gpu').uuid
    world.ask('resize', uuid, 5, nodegroup_uuid=gpu)
    world.build(uuid)
    return gpu


def test_batch_by_batch(world: World, uuid: str, five: str) -> None:
    before = dict(world.stack('gpu')['nodes'])
    operation = world.ask(
        'upgrade', uuid, world.new_baymodel(), max_batch_size=2, nodegroup_uuid=five
    )
    world.worker().turn()
    world.worker().turn()
    stack = world.stack('gpu')
    for kept in (['2', '3', '4'], ['4'], []):
        assert stack['parameters']['kept'] == dict.fromkeys(kept, 'debian')
        assert stack['parameters']['image'] == 'debian-13'
        _next(world)
        assert [index for index in before if stack['nodes'][index] == before[index]] == kept
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert stack['replaced'] == 3
    told = [
        event.message for event in world.rows(models.Event, operation_uuid=operation.uuid)
        if event.kind == 'bay.upgrade.advanced'
    ]
    assert told == [
        'node group gpu: 2 nodes done, 3 to go', 'node group gpu: 2 nodes done, 1 to go',
    ]


@pytest.mark.parametrize('how', ['cancelled', 'failed'])
def test_between_batches(world: World, uuid: str, five: str, how: str) -> None:
    """What is done stays, the rest is as it was; all nodes are new after a retry."""
    before = dict(world.stack('gpu')['nodes'])
    operation = world.ask(
        'upgrade', uuid, world.new_baymodel(), max_batch_size=2, nodegroup_uuid=five
    )
    world.worker().turn()
    world.worker().turn()
    _next(world)
    if how == 'failed':
        world.fail()
    else:
        world.about('cancel', operation)
        world.worker().turn()
        world.cloud.settle()
    stack = world.stack('gpu')
    assert world.operations(uuid)[-1].state == how.upper()
    assert [i for i in before if stack['nodes'][i] == before[i]] == ['2', '3', '4']
    assert world.nodegroup('gpu').image_id == 'debian'

    world.ask('resize', uuid, 6, nodegroup_uuid=five)
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert stack['parameters']['kept'] == {'4': 'debian'}, 'a resize leaves it as it is'
    assert stack['nodes']['4'] == before['4']

    world.ask('upgrade', uuid, world.new_baymodel(), max_batch_size=4, nodegroup_uuid=five)
    world.worker().turn()
    world.worker().turn()
    assert stack['parameters']['kept'] == {'4': 'debian', '5': 'debian-13'}
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert stack['nodes']['4'] != before['4']
    assert stack['parameters']['kept'] == {}


def test_an_index_that_is_given_again_is_of_no_node_that_waits(
    world: World, uuid: str, five: str
) -> None:
    operation = world.ask(
        'upgrade', uuid, world.new_baymodel(), max_batch_size=2, nodegroup_uuid=five
    )
    world.worker().turn()
    world.worker().turn()
    world.about('cancel', operation)
    world.worker().turn()
    world.cloud.settle()
    for count, kept in ((3, '234'), (5, '2')):
        world.ask('resize', uuid, count, nodegroup_uuid=five)
        world.build(uuid)
        assert world.stack('gpu')['parameters']['kept'] == dict.fromkeys(kept, 'debian')


def test_a_retry_begins_with_the_batch_that_failed(world: World, uuid: str, five: str) -> None:
    """Its nodes are down; those of the other batches are not, and wait."""
    operation = world.ask(
        'upgrade', uuid, world.new_baymodel(), max_batch_size=2, nodegroup_uuid=five
    )
    world.worker().turn()
    world.worker().turn()
    _next(world)
    world.fail()
    assert world.operations(uuid)[-1].state == 'FAILED'
    world.about('retry', operation)
    world.worker().turn()
    world.worker().turn()
    assert sorted(world.stack('gpu')['parameters']['kept']) == ['0', '1', '4']
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert world.stack('gpu')['replaced'] == 2 + 3


@pytest.mark.parametrize('is_done', [True, False])
def test_what_an_earlier_release_has_asked_for(
    world: World, uuid: str, five: str, is_done: bool
) -> None:
    """It did not choose nodes, and asked for all in one update, by its own template."""
    world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=five)
    world.worker().turn()
    stack = world.stack('gpu')
    with world.database.writing() as session:
        (operation,) = session.scalars(sa.select(models.Operation).filter_by(active_for=uuid))
        operation.stack_id, operation.stack_updated_before = stack['id'], stack['updated']
        operation.parameters = dataclasses.replace(
            Upgrade.of(operation), template_version='group-1'
        ).stored()
        for position, name in enumerate(('note_stack.gpu', 'arm_bootstrap.gpu'), 1):
            session.add(models.OperationStep(
                operation_uuid=operation.uuid, name=name, position=position, state='DONE',
                attempts=1,
            ))
    world.cloud.calls.clear()
    FakeHeat(world.cloud, None, '', 'service').replace(
        stack['id'], '', {}, {**stack['parameters'], 'revision': 1}, 60, stack['tags']
    )
    if is_done:
        world.cloud.settle()
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert world.cloud.calls.count('orchestration.replace_stack') == 1
    assert not world.rows(models.Event, kind='bay.upgrade.not_drained'), 'nothing was drained'
    assert world.nodegroup('gpu').template_version == 'group-1'


def test_heat_does_not_say_which_nodes_there_are(
    world: World, uuid: str, five: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(world.stack('gpu')['nodes'])
    monkeypatch.setattr(FakeHeat, 'output', lambda *_: None)
    world.ask('upgrade', uuid, world.new_baymodel(), nodegroup_uuid=five)
    world.build(uuid)
    assert error_of(world.operations(uuid)[-1])['code'] == 'stack_failed'
    assert world.stack('gpu')['nodes'] == before


def test_no_second_one_and_no_node_group_meanwhile(world: World, uuid: str) -> None:
    target = world.new_baymodel()
    world.ask('upgrade', uuid, target)
    with pytest.raises(OperationInProgress):
        world.ask('upgrade', uuid, target)
    with pytest.raises(OperationInProgress):
        world.add_nodegroup(uuid)


def test_a_bay_keeps_its_network(world: World, uuid: str) -> None:
    """Name servers of a bay's subnet, its router and its networks are not its nodes'."""
    first = world.bay(uuid).baymodel_id
    other = world.new_baymodel(
        dns_nameserver='9.9.9.9', external_network_id='elsewhere', fixed_network='theirs',
        labels={'fixed_subnet_cidr': '10.9.0.0/24', 'a': '1'},
    )
    world.ask('upgrade', uuid, other)
    world.build(uuid)
    bay = world.bay(uuid)
    assert (bay.status, bay.baymodel_id) == ('UPDATE_COMPLETE', other.uuid)
    assert bay.kept == {'dns_nameserver': None, 'external_network_id': 'public'}
    assert (bay.fixed_network, bay.labels) == (None, {'a': '1'})
    groups = world.rows(models.Nodegroup, bay_uuid=uuid)
    plan = bay_plan(bay, other, groups, world.conf)
    assert (plan.dns_nameservers, plan.external_network) == ((), 'public')
    # Nor does an upgrade after it bring anything of the network.
    world.ask('upgrade', uuid, other)
    world.build(uuid)
    assert world.bay(uuid).kept == bay.kept
    with world.database.reading() as session:
        back = session.query(models.Baymodel).filter_by(uuid=first).one()
    world.ask('upgrade', uuid, back)
    world.build(uuid)
    assert (world.bay(uuid).status, world.bay(uuid).kept) == ('UPDATE_COMPLETE', None)


def test_workers_that_the_upgraded_masters_would_not_serve(
    world: World, uuid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had to wait behind may have brought some; those that are silent do not count."""
    with world.database.writing() as session:
        session.add_all(
            models.Node(
                bay_uuid=uuid, role=role, name=name, server_id='s', public_keys={},
                heard_at=sa.func.now(), versions={'kubelet': name}, is_silent=name == 'silent',
            )
            for role, name in [
                ('worker', 'young'), ('worker', 'old'), ('worker', 'silent'), ('master', 'm')
            ]
        )

    def refused(_driver: object, _current: object, _target: object, versions: Any) -> None:
        raise PlanRefused('labels/kube_tag', f'These are old: {versions}')

    monkeypatch.setattr(FakeDriver, 'check_versions', refused)
    operation = world.ask('upgrade', uuid, world.new_baymodel())
    world.build(uuid)
    (row,) = (each for each in world.operations(uuid) if each.uuid == operation.uuid)
    assert error_of(row)['code'] == 'plan_refused'
    told = error_of(row)['reason']
    assert "{'old': {'kubelet': 'old'}, 'young': {'kubelet': 'young'}}" in told
