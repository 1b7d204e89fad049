"""Baymodels that bays are being upgraded to stay as they are."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import orm

from magnum.db import models
from magnum.db.repositories import baymodels, locking
from magnum.domain import states
from magnum.operations.accept import upgrade
from magnum.operations.accept.errors import BaymodelChanged, BaymodelGone, NotRetryable
from tests.operations.conftest import REQUESTER, World


@pytest.fixture
def uuid(world: World) -> str:
    """A bay that is built."""
    made = world.create(name='bay')
    world.build(made)
    return made


def delete(world: World, target: models.Baymodel) -> None:
    world.database.run(lambda session: baymodels.delete(session, target.uuid))


def change(world: World, target: models.Baymodel, alters: bool = True, **changes: Any) -> None:
    world.database.run(lambda session: baymodels.update(
        session, target.uuid, target.generation, changes, allowed_in_use=False,
        alters_upgrades=alters,
    ))


@pytest.mark.parametrize('state', ['PENDING', 'QUEUED', 'WAITING'])
def test_while_an_upgrade_to_it_has_not_ended(world: World, uuid: str, state: str) -> None:
    target = world.new_baymodel()
    if state == 'PENDING':
        world.ask('resize', uuid, 2)
    asked = world.ask('upgrade', uuid, target)
    for _ in range(2 if state == 'WAITING' else 0):
        world.worker().turn()
    assert world.again(asked).state == state
    for act in (
        lambda: delete(world, target), lambda: change(world, target, image_id='another'),
    ):
        with pytest.raises(baymodels.UpgradeToIt) as refused:
            act()
        assert str(refused.value) == f'of bay ({uuid}), operation {asked.uuid}'
    change(world, target, alters=False, name='renamed')
    delete(world, world.new_baymodel())     # another one
    world.about('cancel', asked)
    world.build_all(uuid)
    assert world.again(asked).state in states.ENDED
    delete(world, target)
    with pytest.raises(NotRetryable, match='gone'):
        world.about('retry', asked)


def test_bays_of_others_are_not_named(world: World, uuid: str) -> None:
    target = world.new_baymodel(project_id='another', public=True)
    world.ask('upgrade', uuid, target)
    with pytest.raises(baymodels.UpgradeToIt) as refused:
        delete(world, target)
    assert str(refused.value) == 'of another project'


def test_one_that_was_changed_before_a_retry(world: World, uuid: str) -> None:
    target = world.new_baymodel()
    asked = world.ask('upgrade', uuid, target)
    world.about('cancel', asked)
    change(world, target, image_id='another')
    with pytest.raises(NotRetryable, match='changed'):
        world.about('retry', asked)


@pytest.mark.parametrize(('act', 'error'), [
    (delete, BaymodelGone),
    (lambda world, target: change(world, target, image_id='another'), BaymodelChanged),
])
def test_what_became_of_it_before_the_upgrade_is_accepted(
    world: World, uuid: str, act: Callable[..., None], error: type[Exception]
) -> None:
    target = world.new_baymodel()
    act(world, target)
    with pytest.raises(error):
        world.ask('upgrade', uuid, target)
    assert world.history(uuid) == []


def test_a_delete_meets_an_upgrade_that_is_being_accepted(world: World, uuid: str) -> None:
    """Which comes first holds the lock until its commit."""
    target = world.new_baymodel()
    met: list[BaseException] = []
    begun = threading.Event()

    def deleting() -> None:
        begun.set()
        try:
            delete(world, target)
        except baymodels.UpgradeToIt as error:
            met.append(error)

    other = threading.Thread(target=deleting)

    def accept(session: orm.Session) -> None:
        upgrade.accept(
            world.conf, session, locking.lock_bay(session, uuid), target, REQUESTER
        )
        session.flush()
        other.start()
        begun.wait()
        other.join(0.5)     # it waits for this transaction

    world.database.run(accept)
    other.join()
    assert [type(error) for error in met] == [baymodels.UpgradeToIt]


def test_an_upgrade_meets_a_delete(world: World, uuid: str) -> None:
    target = world.new_baymodel()
    met: list[BaseException] = []
    begun = threading.Event()

    def asking() -> None:
        begun.set()
        try:
            world.ask('upgrade', uuid, target)
        except BaymodelGone as error:
            met.append(error)

    other = threading.Thread(target=asking)

    def deleting(session: orm.Session) -> None:
        baymodels.delete(session, target.uuid)
        other.start()
        begun.wait()
        other.join(0.5)

    world.database.run(deleting)
    other.join()
    assert [type(error) for error in met] == [BaymodelGone]
