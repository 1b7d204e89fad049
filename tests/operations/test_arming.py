"""Bootstrap tokens are armed for the nodes that an operation builds, and no others."""

import pytest

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.clients.servers import Server
from magnum.db import models
from magnum.db.repositories import nodes
from magnum.domain import states
from magnum.domain.node_certificates import NodeAddresses
from tests.fakes.driver import FakeDriver
from tests.operations.conftest import World


@pytest.fixture
def uuid(world: World) -> str:
    """A bay of three workers."""
    return world.built(workers=3)


def _armed(world: World) -> list[str]:
    """The roles whose tokens open something, after one turn of a worker."""
    world.worker().turn()
    return sorted(row.role for row in world.rows(models.BootstrapToken, armed=True))


def test_a_creation_arms_both(world: World) -> None:
    world.create(name='bay')
    assert _armed(world) == ['master', 'worker']


@pytest.mark.parametrize(('count', 'going', 'armed'), [
    (4, (), ['worker']), (2, (), []), (0, (), []), (2, ('1',), []), (1, ('0', '1'), []),
    # These are replaced.
    (3, ('1',), ['worker']), (2, ('0', '1'), ['worker']),
])
def test_a_resize_arms_what_it_builds(
    world: World, uuid: str, count: int, going: tuple[str, ...], armed: list[str]
) -> None:
    world.ask('resize', uuid, count, nodes_to_remove=going)
    assert _armed(world) == armed
    world.build(uuid)
    assert world.operations(uuid)[-1].state == states.SUCCEEDED
    assert world.rows(models.BootstrapToken, armed=True) == []


def test_what_failed_is_built_again(world: World, uuid: str) -> None:
    """By whatever count: nodes that did not come up are replaced."""
    world.ask('resize', uuid, 5)
    world.fail()
    world.ask('resize', uuid, 4)
    assert _armed(world) == ['worker']


def test_an_upgrade_and_a_node_group_arm_workers(world: World, uuid: str) -> None:
    world.add_nodegroup(uuid)
    assert _armed(world) == ['worker']
    world.build(uuid)
    world.ask('upgrade', uuid, world.new_baymodel())
    world.worker().turn()       # settles the rounds
    assert _armed(world) == ['worker']


@pytest.mark.parametrize('verb', ['rotate_ca', 'rotate_credential'])
def test_what_builds_nothing_arms_nothing(world: World, uuid: str, verb: str) -> None:
    world.ask(verb, uuid)
    assert _armed(world) == []


def test_a_retried_creation_has_another_authority(world: World) -> None:
    uuid = world.create(name='bay')
    world.worker().turn()
    (before,) = world.rows(models.KeyPair, bay_uuid=uuid, purpose='ca')
    world.cloud.settle('FAILED', 'No valid host was found')
    world.pass_time(30)
    world.worker().watch()
    world.worker().turn()
    world.about('retry', world.operations(uuid)[-1])
    world.build(uuid)
    (after,) = world.rows(models.KeyPair, bay_uuid=uuid, purpose='ca')
    assert world.operations(uuid)[-1].state == states.SUCCEEDED
    assert after.certificate != before.certificate


def test_two_processes_register_a_node_at_the_same_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them does; the other request is to be sent again."""
    uuid = world.create(name='bay')
    world.worker().turn()
    bay, operation = world.bay(uuid), world.operations(uuid)[-1]
    assert bay is not None
    applicant = admission.Applicant(bay, 'worker', 'n', FakeDriver())
    confirmed = admission.Confirmed(Server('s', 'u', '2026-01-01T00:00:00Z', ()), NodeAddresses())
    asked = applicant, operation, 'node', 'a' * 64, confirmed
    with world.database.writing() as session:
        standing, _ = admission.judge(session, *asked)
    assert standing is admission.Standing.ADMITTED
    # As the second one saw it, before the first had committed.
    monkeypatch.setattr(nodes, 'find', lambda *_, **__: None)
    with pytest.raises(errors.APIError) as refused, world.database.writing() as session:
        admission.judge(session, *asked)
    assert refused.value.kind is errors.service.CLOUD_UNAVAILABLE
    assert len(world.rows(models.Node)) == 1
