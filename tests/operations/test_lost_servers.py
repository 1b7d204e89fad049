"""Servers of masters that Heat would wait for without end are deleted before it is asked."""

from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa

from magnum.clients.errors import (
    CloudConflict,
    CloudError,
    CloudForbidden,
    CloudRefused,
    CloudUnavailable,
)
from magnum.db import models
from magnum.domain.parameters import Upgrade
from magnum.domain.stack_names import short_id
from magnum.operations.accept.errors import MastersUnfinished
from tests.fakes.driver import FakeDriver
from tests.fakes.reporters import Reporters
from tests.operations.conftest import Killed, World, error_of
from tests.operations.lost_masters import begin, come_back, let_lost_go, of, to_be_healed
from tests.operations.test_healing import Conductor, lose
from tests.operations.test_new_masters import LONG_AGO, let_go, renew, settle, silence

pytestmark = pytest.mark.slow

_DELETED, _NOT_DELETED = 'bay.upgrade.server_deleted', 'bay.upgrade.server_not_deleted'
_PREVIEW = 'orchestration.preview_update'
_ASK_HEAT, _ASK_NOVA = 'orchestration.replace_stack', 'compute.delete_server'


@pytest.fixture(params=[3])
def uuid(
    world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> str:
    """A bay of three masters, or as many as a test says, and three workers, to be healed."""
    monkeypatch.setattr(FakeDriver, 'is_lasting', True)
    return to_be_healed(world, monkeypatch, request.param)


@pytest.fixture
def nodes(world: World, nodes: Reporters) -> Reporters:
    """The nodes of the bay, each with a server of its own in Nova."""
    for name in nodes.names:
        serve(world, name, server_of(name))
    return nodes


@pytest.fixture
def conductor(world: World) -> Conductor:
    return Conductor(world)


def server_of(name: str) -> str:
    return f'server-of-{name}'


def serve(world: World, name: str, server: str) -> None:
    """Nova has a server, by which a node has registered."""
    world.cloud.resources.servers[server] = 'ACTIVE'
    with world.database.writing() as session:
        session.execute(sa.update(models.Node).filter_by(name=name).values(server_id=server))


def gone(world: World, nodes: Reporters) -> Sequence[str]:
    """Nodes whose first servers are no more, or will not be."""
    there = world.cloud.resources.servers
    return [name for name in nodes.names if there.get(server_of(name)) != 'ACTIVE']


def events(world: World) -> list[tuple[str, str]]:
    return [
        (event.kind, event.message) for event in world.rows(models.Event)
        if event.kind in (_DELETED, _NOT_DELETED)
    ]


def deleted(name: str) -> tuple[str, str]:
    return _DELETED, f'the server {server_of(name)} of the master {name} is deleted'


def lose_one(world: World, uuid: str, nodes: Reporters, conductor: Conductor) -> models.Operation:
    """The second of three masters is lost, and the others have let it go."""
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    let_lost_go(world, nodes, lost)
    return asked


def test_a_lost_ones_is_deleted_before_heat_is_asked(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lost = nodes.masters[1]
    asked = lose_one(world, uuid, nodes, conductor)
    world.go_on_soon()
    assert _ASK_HEAT not in world.cloud.calls, 'Nova is not done'
    assert events(world) == []
    assert gone(world, nodes) == [lost]
    settle(world)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    assert gone(world, nodes) == [lost]
    assert events(world) == [deleted(lost)]


def test_those_of_masters_that_serve_are_heats(
    world: World, uuid: str, nodes: Reporters
) -> None:
    renew(world, uuid)
    let_go(world, nodes, nodes.masters[0])
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert gone(world, nodes) == []
    assert 'compute.get_server' not in world.cloud.calls


@of(1)
def test_the_only_ones_is_deleted(world: World, uuid: str, nodes: Reporters) -> None:
    """Although it serves: what it keeps is in use until then."""
    (master,) = nodes.masters
    asked = renew(world, uuid)
    nodes.result(master, nodes.told()[master]['id'])
    assert gone(world, nodes) == [], 'it saves first'
    world.go_on_soon()
    assert gone(world, nodes) == [master]
    settle(world)
    come_back(world, nodes, master, asked)
    assert world.again(asked).state == 'SUCCEEDED'
    assert events(world) == [deleted(master)]


def test_one_that_nova_keeps_for_a_while_is_deleted_for_good(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """It would keep its port and its volume, too."""
    world.cloud.resources.keeps_deleted = True
    lose_one(world, uuid, nodes, conductor)
    settle(world)
    assert _ASK_HEAT not in world.cloud.calls
    settle(world)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert world.cloud.calls.count('compute.force_delete_server') == 1
    assert gone(world, nodes) == [nodes.masters[1]]


def test_one_that_is_gone_already(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    del world.cloud.resources.servers[server_of(nodes.masters[1])]
    lose_one(world, uuid, nodes, conductor)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert _ASK_NOVA not in world.cloud.calls
    assert events(world) == []


def test_one_that_is_heard_of_again_while_it_is_deleted(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Its end is waited for: Nova does not go back."""
    lost = nodes.masters[1]
    lose_one(world, uuid, nodes, conductor)
    silence(world, lost, is_silent=False)
    world.go_on_soon()
    assert _ASK_HEAT not in world.cloud.calls
    settle(world)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert events(world) == [deleted(lost)]


@pytest.mark.parametrize('refusal', [
    CloudForbidden('compute', 'Policy does not allow it.', 403),
    CloudConflict('compute', 'Instance is locked', 409),
])
@pytest.mark.parametrize('action', ['compute', _ASK_NOVA])
def test_what_nova_refuses_is_heats(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, action: str,
    refusal: CloudError,
) -> None:
    lost = nodes.masters[1]
    world.cloud.faults[action] = refusal
    lose_one(world, uuid, nodes, conductor)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert events(world) == [(
        _NOT_DELETED,
        f'the server {server_of(lost)} of the master {lost} is not deleted: {refusal.reason}',
    )]
    assert gone(world, nodes) == []


def test_where_the_bays_user_may_not_the_service_does(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.cloud.resources.refusing_bays.add('compute')
    lose_one(world, uuid, nodes, conductor)
    assert gone(world, nodes) == [nodes.masters[1]]


def test_a_nova_that_does_not_answer_is_waited_for_some_minutes(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """Heat may reach it where a conductor cannot."""
    world.cloud.faults['compute'] = CloudUnavailable('compute', 'HTTP 503', 503)
    lose_one(world, uuid, nodes, conductor)
    settle(world)
    assert _ASK_HEAT not in world.cloud.calls
    assert events(world) == []
    with world.database.writing() as session:
        session.execute(sa.update(models.OperationStep).values(started_at=LONG_AGO))
    settle(world)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert [kind for kind, _ in events(world)] == [_NOT_DELETED]


@of(1)
@pytest.mark.parametrize('refusal', [
    CloudRefused('orchestration', 'The image debian-12 could not be found.', 400),
    CloudForbidden('orchestration', 'Policy does not allow it.', 403),
])
def test_what_heat_would_refuse_ends_the_operation_with_the_server_there(
    world: World, uuid: str, nodes: Reporters, refusal: CloudError
) -> None:
    """The image of an only master has been deleted, or the bay's identity may do nothing."""
    (master,) = nodes.masters
    asked = renew(world, uuid)
    world.cloud.faults[_PREVIEW] = refusal
    nodes.result(master, nodes.told()[master]['id'])
    settle(world)
    assert world.again(asked).state == 'FAILED'
    assert refusal.reason in error_of(world.again(asked))['reason']
    assert gone(world, nodes) == []
    assert _ASK_HEAT not in world.cloud.calls
    world.ask('resize', uuid, 4)    # nothing is half-made


def test_a_heat_that_does_not_answer_is_waited_for_with_the_server_there(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    world.cloud.faults[_PREVIEW] = CloudUnavailable('orchestration', 'HTTP 503', 503)
    lose_one(world, uuid, nodes, conductor)
    settle(world)
    assert gone(world, nodes) == []
    del world.cloud.faults[_PREVIEW]
    settle(world)
    settle(world)
    assert gone(world, nodes) == [nodes.masters[1]]
    assert world.cloud.calls.count(_ASK_HEAT) == 1


def test_what_heat_refuses_is_half_made_without_its_server(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    lose_one(world, uuid, nodes, conductor)
    world.cloud.faults[_ASK_HEAT] = CloudForbidden('orchestration', 'no such flavor', 403)
    settle(world)
    asked = world.operations(uuid)[-1]
    assert world.again(asked).state == 'FAILED'
    with pytest.raises(MastersUnfinished):
        world.ask('resize', uuid, 4)


def test_one_that_does_not_go_ends_the_operation_with_its_time(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    asked = lose_one(world, uuid, nodes, conductor)
    world.pass_time(100_000)
    world.worker().turn()
    world.worker().watch()
    world.worker().turn()
    assert world.again(asked).state == 'FAILED'
    assert error_of(world.again(asked))['code'] == 'deadline_exceeded'
    assert server_of(nodes.masters[1]) in error_of(world.again(asked))['reason']
    assert _ASK_HEAT not in world.cloud.calls


def let_lost_go_until_heat_is_asked(world: World, nodes: Reporters) -> None:
    let_lost_go(world, nodes, nodes.masters[1])
    settle(world)


@pytest.mark.parametrize('point', [
    f'before:{_ASK_NOVA}', f'after:{_ASK_NOVA}', f'before:{_ASK_HEAT}', f'after:{_ASK_HEAT}',
])
def test_a_conductor_that_dies(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    die_at: Callable[[str], None], point: str,
) -> None:
    lost = nodes.masters[1]
    lose(world, nodes, lost)
    asked = begin(world, uuid, conductor)
    die_at(point)
    with pytest.raises(Killed):
        let_lost_go_until_heat_is_asked(world, nodes)
    world.pass_time(200)
    settle(world)
    settle(world)
    assert world.cloud.calls.count(_ASK_HEAT) == 1
    assert gone(world, nodes) == [lost]
    assert events(world) == [deleted(lost)]
    come_back(world, nodes, lost, asked)
    assert world.again(asked).state == 'SUCCEEDED'


def test_a_new_server_is_not_deleted_by_who_asked_for_it(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor,
    die_at: Callable[[str], None],
) -> None:
    """Even if the conductor died, it is silent, and the stack looks as if nobody had asked."""
    lost, stack = nodes.masters[1], world.stack(short_id(uuid))
    asked = lose_one(world, uuid, nodes, conductor)
    before = {name: stack[name] for name in ('status', 'updated')}
    die_at(f'after:{_ASK_HEAT}')
    with pytest.raises(Killed):
        settle(world)
    nodes.boot(lost, asked.uuid)
    serve(world, lost, 'new')
    silence(world, lost)
    stack.update(before)
    world.pass_time(200)
    world.worker().turn()
    assert world.cloud.calls.count(_ASK_HEAT) == 2
    assert world.cloud.resources.servers['new'] == 'ACTIVE'


@pytest.mark.parametrize('is_lost', [True, False])
def test_a_retry_deletes_the_server_of_the_attempt_before_it_where_that_is_lost(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor, is_lost: bool
) -> None:
    """Heat makes another one of it then."""
    lost = nodes.masters[1]
    asked = lose_one(world, uuid, nodes, conductor)
    settle(world)
    settle(world)
    nodes.boot(lost, asked.uuid)
    serve(world, lost, 'new')
    nodes.report(lost, state='failed', step='50-etcd', lines=['no quorum'])
    settle(world)
    assert world.again(asked).state == 'FAILED'
    silence(world, lost, is_lost)
    again = world.about('retry', asked)
    world.go_on_soon()
    let_lost_go(world, nodes, lost)
    revisions = [Upgrade.of(world.again(one)).groups[0].revision for one in (asked, again)]
    assert revisions == [1, 2]
    assert (world.cloud.resources.servers['new'] != 'ACTIVE') == is_lost
    settle(world)
    assert world.cloud.calls.count(_ASK_HEAT) == 2
    assert events(world)[1:] == [
        (_DELETED, f'the server new of the master {lost} is deleted')
    ] * is_lost


def test_a_retry_after_a_new_server_that_has_never_registered(
    world: World, uuid: str, nodes: Reporters, conductor: Conductor
) -> None:
    """It is known to Heat alone, which replaces it."""
    lost = nodes.masters[1]
    asked = lose_one(world, uuid, nodes, conductor)
    world.cloud.resources.servers['new'] = 'ACTIVE'
    settle(world)
    world.cloud.settle('FAILED', 'No valid host was found')
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()
    assert world.again(asked).state == 'FAILED'
    world.about('retry', asked)
    world.go_on_soon()
    let_lost_go(world, nodes, lost)
    assert world.cloud.calls.count(_ASK_HEAT) == 2
    assert world.cloud.calls.count(_ASK_NOVA) == 1
    assert world.cloud.resources.servers['new'] == 'ACTIVE'
