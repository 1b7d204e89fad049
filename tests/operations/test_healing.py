"""Workers that nothing is heard of are replaced, where the bay asks for it.

Of masters: test_lost_masters.py, test_lost_masters_again.py.
"""

import dataclasses

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.db.statements import database_now
from magnum.domain.parameters import Resize
from magnum.operations.healer import EVENT, NOT_REPLACED, Healer
from magnum.operations.node_watcher import NodeWatcher
from tests.fakes.reporters import Reporters
from tests.operations.conftest import World
from tests.operations.test_node_reports import pass_time

WORKERS = 4


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of a master and some workers, to be healed."""
    made = world.create(name='bay', labels={'auto_healing_enabled': 'True'})
    world.build(made)
    world.ask('resize', made, WORKERS)
    world.build(made)
    world.conf.set_override('drain_timeout', 0, 'nodes')     # no master is asked
    return made


@dataclasses.dataclass
class Conductor:
    """One that looks after silent nodes, with a clock of its own."""

    world: World
    seconds: float = 0

    def __post_init__(self) -> None:
        """Set up."""
        self.healer = Healer(
            self.world.conf, self.world.database, self.world.tools.drivers, lambda: self.seconds
        )

    def heal(self, after: float = 400) -> int:
        """Look, and again when the time has passed; how many replacements were begun."""
        begun = self.healer.look()
        self.seconds += after
        return begun + self.healer.look()


@pytest.fixture
def conductor(world: World) -> Conductor:
    return Conductor(world)


def names(nodes: Reporters) -> list[str]:
    return sorted(name for name in nodes.names if '-node-' in name)


def lose(world: World, nodes: Reporters, *lost: str) -> None:
    """Hear nothing of nodes for some time, and of all others."""
    pass_time(world, 400, *(set(nodes.names) - set(lost)))
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()


def hear(world: World, *names: str) -> None:
    """These report again."""
    with world.database.writing() as session:
        session.execute(
            sa.update(models.Node).where(models.Node.name.in_(names))
            .values(is_silent=False, heard_at=database_now(session))
        )


def test_a_lost_worker_is_replaced(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lost = names(nodes)[1]
    lose(world, nodes, lost)
    assert conductor.heal() == 1
    operation = world.operations(uuid)[-1]
    asked = Resize.of(operation)
    assert (asked.node_count, asked.nodes_to_remove) == (WORKERS, (lost.rpartition('-')[2],))
    assert (operation.user_id, operation.requester_project_id) == (None, 'demo')
    assert operation.request_id
    (told,) = world.rows(models.Event, kind=EVENT)
    assert told.message == f'not heard of for long, so replaced: {lost}'
    assert conductor.heal() == 0                # while it goes on
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert world.stack('bay')['parameters']['removed'] == [lost.rpartition('-')[2]]
    assert world.nodegroup('default-worker').node_count == WORKERS


SICK = {'Node': {'status': 'False', 'reason': 'NotReady', 'message': 'no network'}}


def fall_ill(world: World, nodes: Reporters, *sick: str) -> None:
    """These report that the COE does not count on them."""
    for name in sick:
        nodes.report(name, conditions=SICK)
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()


def test_a_worker_that_is_not_healthy_for_long_is_replaced(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    sick = names(nodes)[1]
    nodes.report()
    fall_ill(world, nodes, sick)
    assert conductor.heal() == 0, 'not for long enough'
    assert conductor.heal() == 1
    assert Resize.of(world.operations(uuid)[-1]).nodes_to_remove == (sick.rpartition('-')[2],)
    (told,) = world.rows(models.Event, kind=EVENT)
    assert told.message == f'not healthy for long, so replaced: {sick}'
    world.build(uuid)
    assert world.stack('bay')['parameters']['removed'] == [sick.rpartition('-')[2]]


def test_one_that_is_healthy_in_time_stays(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    sick = names(nodes)[1]
    nodes.report()
    fall_ill(world, nodes, sick)
    assert conductor.heal(700) == 1
    nodes.report(sick, conditions={})
    changes = world.cloud.calls.count('orchestration.update_stack')
    world.build(uuid)
    assert world.operations(uuid)[-1].state == 'SUCCEEDED'
    assert world.cloud.calls.count('orchestration.update_stack') == changes
    assert len(world.rows(models.Event, kind='bay.node.returned')) == 1


def call_down(world: World, nodes: Reporters, *down: str) -> None:
    """The manager that leads does not reach nodes, which say that they are well."""
    (leader,) = nodes.masters
    nodes.report(leader, conditions={'Members': {
        'status': 'False', 'reason': 'NodesDown', 'message': f'down: {", ".join(down)}',
    }})
    NodeWatcher(world.conf, world.database, world.tools.drivers).look()


def test_a_worker_that_managers_call_down_for_long_is_replaced(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    down = names(nodes)[1]
    nodes.report()
    call_down(world, nodes, down, 'of-another-bay')
    assert conductor.heal() == 0, 'not for long enough'
    assert conductor.heal() == 1
    assert Resize.of(world.operations(uuid)[-1]).nodes_to_remove == (down.rpartition('-')[2],)
    world.build(uuid)
    assert world.stack('bay')['parameters']['removed'] == [down.rpartition('-')[2]]
    assert world.rows(models.Event, kind='bay.node.returned') == []


def test_one_that_managers_reach_in_time_stays(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    nodes.report()
    call_down(world, nodes, names(nodes)[1])
    assert conductor.heal(700) == 1
    nodes.report(*nodes.masters)
    changes = world.cloud.calls.count('orchestration.update_stack')
    world.build(uuid)
    assert world.cloud.calls.count('orchestration.update_stack') == changes
    assert len(world.rows(models.Event, kind='bay.node.returned')) == 1


@pytest.mark.parametrize('who', ['master', 'many'])
def test_nodes_that_managers_call_down_and_are_left_alone(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, who: str
) -> None:
    nodes.report()
    call_down(world, nodes, *(nodes.masters if who == 'master' else names(nodes)[:2]))
    assert world.bay(uuid).health_status == 'UNHEALTHY'
    assert conductor.heal(700) == 0


@pytest.mark.parametrize('who', ['master', 'many', 'of a bay without the label'])
def test_unhealthy_nodes_that_are_left_alone(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, who: str
) -> None:
    nodes.report()
    fall_ill(world, nodes, *{
        'master': nodes.masters, 'many': names(nodes)[:2],
    }.get(who, names(nodes)[:1]))
    assert world.bay(uuid).health_status == 'UNHEALTHY'
    if who == 'of a bay without the label':
        with world.database.writing() as session:
            session.merge(world.bay(uuid)).labels = {}
    assert conductor.heal(700) == 0


@pytest.mark.parametrize('drain_timeout', [0, 300])
def test_a_worker_that_comes_back_in_time_stays(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, drain_timeout: int
) -> None:
    world.conf.set_override('drain_timeout', drain_timeout, 'nodes')
    lost = names(nodes)[1]
    lose(world, nodes, lost)
    changes = world.cloud.calls.count('orchestration.update_stack')
    assert conductor.heal() == 1
    hear(world, lost)
    world.build(uuid)
    operation = world.operations(uuid)[-1]
    assert (operation.state, operation.error) == ('SUCCEEDED', None)
    assert world.cloud.calls.count('orchestration.update_stack') == changes
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    (event,) = world.rows(models.Event, kind='bay.node.returned')
    assert event.message == f'not replaced, as heard of again: {lost}'


def test_others_that_are_lost_or_named_go_all_the_same(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.conf.set_override('heal_at_most', 50, 'nodes')
    first, second = names(nodes)[:2]
    lose(world, nodes, first, second)
    assert conductor.heal() == 1
    hear(world, first)
    world.build(uuid)
    assert world.stack('bay')['parameters']['removed'] == [second.rpartition('-')[2]]


def test_what_a_user_names_meanwhile_goes(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lost = names(nodes)[1]
    index = lost.rpartition('-')[2]
    lose(world, nodes, lost)
    assert conductor.heal() == 1
    world.ask('resize', uuid, WORKERS, nodes_to_remove=(index,))
    asked = world.operations(uuid)[-1]
    assert asked.user_id == 'alice', 'the service kept it'
    hear(world, lost)
    world.build(uuid)
    assert world.stack('bay')['parameters']['removed'] == [index]


def test_no_more_than_one_in_a_while(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    first, second = names(nodes)[:2]
    lose(world, nodes, first)
    assert conductor.heal() == 1
    world.build(uuid)
    hear(world, first)
    lose(world, nodes, second)
    world.conf.set_override('heal_pause', 10**6, 'nodes')
    assert conductor.heal() == 0
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1


@pytest.mark.parametrize('labels', [
    {}, {'auto_healing_enabled': 'false'}, {'auto_healing_enabled': ''},
])
def test_a_bay_that_does_not_ask_for_it(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, labels: dict[str, str]
) -> None:
    lose(world, nodes, names(nodes)[0])
    with world.database.writing() as session:
        session.merge(world.bay(uuid)).labels = labels
    assert conductor.heal() == 0


def test_an_operator_who_does_not_want_it(
    world: World, nodes: Reporters, conductor: Conductor
) -> None:
    lose(world, nodes, names(nodes)[0])
    world.conf.set_override('heal_after', 0, 'nodes')
    assert conductor.heal() == 0


def test_silence_that_is_not_long_enough(
    world: World, nodes: Reporters, conductor: Conductor
) -> None:
    lost = names(nodes)[0]
    lose(world, nodes, lost)
    assert conductor.heal(after=200) == 0
    hear(world, lost)
    assert conductor.heal(after=200) == 0
    lose(world, nodes, lost)
    assert conductor.heal(after=200) == 0       # counted anew


def test_the_service_was_away(world: World, nodes: Reporters, conductor: Conductor) -> None:
    """The nodes that report first are no reason to replace the others."""
    world.conf.set_override('heal_at_most', 100, 'nodes')
    lose(world, nodes, *nodes.names)
    assert conductor.heal(after=4000) == 0
    first, *others = nodes.names
    hear(world, first)
    assert conductor.heal(after=200) == 0
    hear(world, *others)
    assert conductor.heal() == 0


def test_a_conductor_that_has_just_started_waits(world: World, nodes: Reporters) -> None:
    lose(world, nodes, names(nodes)[0])
    assert Conductor(world).healer.look() == 0


def test_the_only_master_is_not_replaced(
    world: World, nodes: Reporters, conductor: Conductor
) -> None:
    (master,) = set(nodes.names) - set(names(nodes))
    lose(world, nodes, master)
    assert conductor.heal() == 0


@pytest.mark.parametrize(('at_most', 'begun'), [(34, 0), (50, 1)])
def test_many_at_once_are_the_network(
    world: World, nodes: Reporters, conductor: Conductor, at_most: int, begun: int
) -> None:
    world.conf.set_override('heal_at_most', at_most, 'nodes')
    lose(world, nodes, *names(nodes)[:2])
    assert conductor.heal() == begun


def test_not_after_a_failure(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.ask('resize', uuid, WORKERS + 1)
    world.fail()
    lose(world, nodes, names(nodes)[0])
    assert world.bay(uuid).status == 'UPDATE_FAILED'
    assert conductor.heal() == 0


def begin_and_fail(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> models.Operation:
    """Heat cannot make a new worker."""
    lose(world, nodes, names(nodes)[1])
    assert conductor.heal() == 1
    world.fail()
    return world.operations(uuid)[-1]


def test_a_failed_replacement_is_tried_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Nobody has to do anything, and other nodes are healed after it."""
    lost, other = names(nodes)[1:3]
    failed = begin_and_fail(world, uuid, nodes, conductor)
    assert conductor.heal() == 0, 'so soon'
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1
    again = world.operations(uuid)[-1]
    assert (again.user_id, again.retries) == (None, failed.uuid)
    hear(world, lost)           # drained before: it goes all the same
    world.build(uuid)
    assert world.again(again).state == 'SUCCEEDED'
    assert not world.rows(models.Event, kind='bay.node.returned')
    assert lost.rpartition('-')[2] in world.stack('bay')['parameters']['removed']
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    told = [event.message for event in world.rows(models.Event, kind=EVENT)]
    assert told[1] == f'tried again, 1 of 2: {failed.uuid} failed'
    lose(world, nodes, other)
    assert conductor.heal() == 1


def test_another_group_is_no_concern_of_it(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """What was resized beside it is not what failed."""
    world.add_nodegroup(uuid)
    world.build(uuid)
    failed = begin_and_fail(world, uuid, nodes, conductor)
    world.ask('resize', uuid, 2, nodegroup_uuid=world.nodegroup('gpu').uuid)
    world.build(uuid)
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1
    assert world.operations(uuid)[-1].retries == failed.uuid


def test_what_was_cancelled_unbegun_is_no_concern_of_it(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    failed = begin_and_fail(world, uuid, nodes, conductor)
    world.about('cancel', world.ask('resize', uuid, WORKERS + 1))
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1
    assert world.operations(uuid)[-1].retries == failed.uuid


def test_a_rotation_after_a_failed_replacement(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """It made no nodes: what is not there is made anew."""
    begin_and_fail(world, uuid, nodes, conductor)
    hear(world, *nodes.names)
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'
    assert world.nodegroup('default-worker').status == 'UPDATE_FAILED'
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1
    world.build(uuid)
    assert world.nodegroup('default-worker').status == 'UPDATE_COMPLETE'
    assert conductor.heal() == 0


def test_what_the_user_is_told_to_do_helps_after_a_rotation(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.conf.set_override('heal_retries', 0, 'nodes')
    begin_and_fail(world, uuid, nodes, conductor)
    hear(world, *nodes.names)
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 0
    (event,) = world.rows(models.Event, kind=NOT_REPLACED)
    assert f'resize the group to the {WORKERS} that it has' in event.message
    world.ask('rotate_credential', uuid)
    world.build(uuid)
    world.ask('resize', uuid, WORKERS)
    world.build(uuid)
    assert world.nodegroup('default-worker').status == 'UPDATE_COMPLETE'


def test_attempts_count_anew_when_the_nodes_were_mended(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.conf.set_override('heal_retries', 1, 'nodes')
    begin_and_fail(world, uuid, nodes, conductor)
    world.conf.set_override('heal_pause', 0, 'nodes')
    assert conductor.heal() == 1
    world.fail()
    world.ask('upgrade', uuid, world.new_baymodel(labels={'auto_healing_enabled': 'True'}))
    world.build(uuid)
    hear(world, *nodes.names)
    failed = begin_and_fail(world, uuid, nodes, conductor)
    assert conductor.heal() == 1
    assert world.operations(uuid)[-1].retries == failed.uuid


def test_a_replacement_that_fails_again_and_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """It is left to the user, who is told once, and may retry it."""
    begin_and_fail(world, uuid, nodes, conductor)
    world.conf.set_override('heal_pause', 0, 'nodes')
    for _ in range(2):
        assert conductor.heal() == 1
        world.fail()
    last = world.operations(uuid)[-1]
    assert [conductor.heal(), conductor.heal()] == [0, 0]
    (told,) = world.rows(models.Event, kind=NOT_REPLACED)
    assert told.operation_uuid == last.uuid
    assert 'default-worker' in told.message
    world.about('retry', last)
    world.build(uuid)
    assert world.bay(uuid).status == 'UPDATE_COMPLETE'


@pytest.mark.parametrize('why', [
    'cancelled', 'not retryable', 'resized', 'upgrade failed', 'upgraded', 'all are silent',
    'many are silent',
])
def test_a_failed_replacement_that_is_not_tried_again(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, why: str
) -> None:
    world.conf.set_override('heal_pause', 0, 'nodes')
    failed = begin_and_fail(world, uuid, nodes, conductor)
    with world.database.writing() as session:
        row = session.merge(failed)
        if why == 'cancelled':
            row.state = 'CANCELLED'
        if why in ('not retryable', 'upgraded'):
            row.error = {**(row.error or {}), 'retryable': False}
    if why == 'resized':        # and that has failed, too
        world.ask('resize', uuid, WORKERS + 1)
        world.fail()
    if why.startswith('upgrade'):
        hear(world, *nodes.names)
        world.ask('upgrade', uuid, world.new_baymodel(labels={'auto_healing_enabled': 'True'}))
        if why == 'upgraded':
            world.build(uuid)
        else:
            world.fail()
    if why.endswith('are silent'):
        lose(world, nodes, *(nodes.names if why.startswith('all') else names(nodes)[:2]))
    assert conductor.heal() == 0
    assert len(world.rows(models.Event, kind=NOT_REPLACED)) == (why == 'not retryable')


def test_one_resize_for_several_conductors(world: World, nodes: Reporters) -> None:
    lose(world, nodes, names(nodes)[0])
    conductors = [Conductor(world), Conductor(world)]
    assert [one.healer.look() for one in conductors] == [0, 0]
    for one in conductors:
        one.seconds += 400
    assert [one.healer.look() for one in conductors] == [1, 0]
