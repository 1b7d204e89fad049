"""Many at once, each with a connection of its own: one wins, the others hear of it."""

import collections
import concurrent.futures
import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from magnum.db import models
from magnum.domain.parameters import Resize
from magnum.operations.accept.errors import (
    BayGone,
    NodegroupExists,
    OperationInProgress,
    QuotaExceeded,
)
from magnum.operations.claims import Claims
from magnum.operations.runner import Runner
from tests.operations.conftest import World

AT_ONCE = 8
_REFUSALS = (BayGone, NodegroupExists, OperationInProgress, QuotaExceeded)


def _all_at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call returned, or the refusal it raised; any other error is the test's."""
    together = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        together.wait(30)
        try:
            return call()
        except _REFUSALS as refusal:
            return refusal

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(120) for future in [pool.submit(run, call) for call in calls]]


def _active(world: World, uuid: str) -> list[models.Operation]:
    return [one for one in world.operations(uuid) if one.active_for is not None]


@pytest.mark.parametrize('quota', [1, 3])
def test_creates_against_a_quota(world: World, quota: int) -> None:
    world.conf.set_override('max_clusters_per_project', quota, 'quotas')
    answers = _all_at_once([functools.partial(world.create, name=f'b{n}') for n in range(AT_ONCE)])
    kinds = collections.Counter(type(answer).__name__ for answer in answers)
    assert kinds == {'str': quota, 'QuotaExceeded': AT_ONCE - quota}
    assert len(world.rows(models.Bay)) == len(world.rows(models.Operation)) == quota
    assert len(world.rows(models.Quota)) == 1


def test_creates_of_several_projects(world: World) -> None:
    """Nobody waits for, or is counted with, another project."""
    world.conf.set_override('max_clusters_per_project', 100, 'quotas')
    _all_at_once([functools.partial(world.create, name=f'b{n}') for n in range(AT_ONCE)])
    assert len(world.rows(models.Bay)) == AT_ONCE


def test_requests_about_one_bay(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    target = world.new_baymodel()
    calls: list[Callable[[], Any]] = [
        lambda: world.ask('resize', uuid, 3),
        lambda: world.ask('upgrade', uuid, target),
        lambda: world.ask('rotate_credential', uuid),
        lambda: world.add_nodegroup(uuid, 'one'),
        lambda: world.add_nodegroup(uuid, 'one'),
        lambda: world.add_nodegroup(uuid, 'two'),
    ]
    answers = _all_at_once(calls)
    planned = [answer for answer in answers if isinstance(answer, models.Operation)]
    refused = [answer for answer in answers if isinstance(answer, OperationInProgress)]
    active = _active(world, uuid)
    waiting = [one for one in world.operations(uuid) if one.state == 'PENDING']
    assert {refusal.active.uuid for refusal in refused} <= {
        one.uuid for one in (*active, *waiting)
    }
    assert {one.uuid for one in (*active, *waiting)} == {one.uuid for one in planned}
    assert len(planned) == len(world.operations(uuid)) - 1
    taken = [one.active_for for one in active]
    assert len(taken) == len(set(taken)) > 0
    assert uuid not in taken or len(taken) == 1
    names = [group.name for group in world.rows(models.Nodegroup, is_default=False)]
    assert len(names) == len(set(names))


def test_deletes_among_other_requests(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    answers = _all_at_once([
        *[lambda: world.ask('delete', uuid)] * 4,
        *[lambda n=n: world.ask('resize', uuid, 3 + n) for n in range(4)],
    ])
    deletes = {a.uuid for a in answers if isinstance(a, models.Operation) and a.verb == 'delete'}
    assert len(deletes) == 1
    assert [operation.uuid for operation in _active(world, uuid)] == list(deletes)
    assert world.bay(uuid).status == 'DELETE_IN_PROGRESS'
    world.build(uuid)
    assert (world.has_bay(uuid), world.cloud.living()) == (False, [])


def test_resizes_that_take_over(world: World) -> None:
    uuid = world.create()
    world.build(uuid)
    answers = _all_at_once(
        [functools.partial(world.ask, 'resize', uuid, 2 + n) for n in range(6)]
    )
    assert len({answer.uuid for answer in answers}) == 1
    (active,) = _active(world, uuid)
    assert world.nodegroup('default-worker').node_count == Resize.of(active).node_count
    assert Resize.of(active).previous_node_count == 1


def test_retries_of_one_operation(world: World) -> None:
    uuid = world.create()
    world.fail()
    (failed,) = world.operations(uuid)
    answers = _all_at_once([lambda: world.about('retry', failed)] * AT_ONCE)
    assert sum(isinstance(answer, models.Operation) for answer in answers) == 1
    assert len(world.operations(uuid)) == 2


def test_workers_never_claim_the_same(world: World) -> None:
    world.conf.set_override('max_clusters_per_project', 100, 'quotas')
    for number in range(20):
        world.create(name=f'b{number}')
    claims = [Claims(world.database, f'w{n}', lease=120, client_timeout=60) for n in range(6)]
    taken: list[str] = []

    def drain(own: Claims) -> None:
        idle = 0
        while idle < 3:            # skipping what others hold, one may find nothing
            found = own.claim(2)
            idle = 0 if found else idle + 1
            taken.extend(claim.operation_uuid for claim in found)

    _all_at_once([functools.partial(drain, own) for own in claims])
    for own in claims:
        drain(own)
    assert len(taken) == len(set(taken)) == 20
    assert {operation.fence for operation in world.rows(models.Operation)} == {1}


def test_workers_and_requests_about_the_same_bays(world: World) -> None:
    """Workers end operations while requests plan, cancel and delete: all come to an end."""
    world.conf.set_override('max_clusters_per_project', 100, 'quotas')
    bays = [world.create(name=f'b{number}') for number in range(6)]
    stop = threading.Event()

    def work(name: str) -> None:
        claims = Claims(world.database, name, lease=120, client_timeout=60)
        runner = Runner(world.tools, claims)
        due = sa.update(models.Operation).values(not_before=None)
        while not stop.is_set():
            for claim in claims.claim(2):
                runner.run(claim)
            claims.renew_all()
            world.cloud.settle()
            world.database.run(lambda session: session.execute(due))
            world.worker('watcher').watch()

    def ask(uuid: str) -> None:
        for number in range(6):
            try:
                if number % 3 == 2:
                    active = _active(world, uuid)
                    if active:
                        world.about('cancel', active[0])
                else:
                    world.ask('resize', uuid, 2 + number)
            except OperationInProgress:
                continue
            except Exception as error:
                if type(error).__name__ != 'NotCancellable':
                    raise
        world.ask('delete', uuid)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        workers = [pool.submit(work, f'w{n}') for n in range(3)]
        try:
            for future in [pool.submit(ask, uuid) for uuid in bays]:
                future.result(120)
            waiting = threading.Event()
            for _ in range(600):
                if not world.rows(models.Bay) or any(worker.done() for worker in workers):
                    break
                waiting.wait(0.2)
        finally:
            stop.set()
        for worker in workers:
            worker.result(60)
    assert world.rows(models.Bay) == []
    assert (world.cloud.living(), world.cloud.users) == ([], {})
    states = {operation.state for operation in world.rows(models.Operation)}
    assert states <= {'SUCCEEDED', 'CANCELLED', 'FAILED'}
