"""Leases that a worker lengthens while it works."""

import logging

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc

from magnum.db import models
from tests.operations.conftest import World


def _leases(world: World) -> dict[str, object]:
    return {row.uuid: row.lease_expires_at for row in world.rows(models.Operation)}


def test_all_that_a_worker_holds_is_lengthened(world: World) -> None:
    for name in ('one', 'two'):
        world.create(name=name)
    worker = world.worker()
    worker.claims.claim(2)
    world.pass_time(50)
    before = _leases(world)

    worker.claims.renew_all()

    after = _leases(world)
    assert len(after) == 2
    assert all(after[uuid] > before[uuid] for uuid in after)  # type: ignore[operator]


def test_a_lost_lease_is_told_once_and_forgotten(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.create()
    worker = world.worker()
    (claim,) = worker.claims.claim(1)
    with world.database.writing() as session:
        session.execute(sa.update(models.Operation).values(fence=models.Operation.fence + 1))

    with caplog.at_level(logging.WARNING):
        worker.claims.renew_all()
        worker.claims.renew_all()

    told = [record.getMessage() for record in caplog.records if 'lease' in record.getMessage()]
    assert told == [f'The lease of operation {claim.operation_uuid} was lost']
    assert worker.claims.held == 0


@pytest.mark.parametrize('kind', [db_exc.DBConnectionError, db_exc.DBDeadlock])
def test_a_fault_of_the_database_costs_no_claim(
    world: World, kind: type[db_exc.DBError], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.create()
    worker = world.worker()
    (claim,) = worker.claims.claim(1)

    def away(*_: object) -> None:
        raise kind(Exception('gone away\nand more'))

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(world.database, 'writing', away)
        worker.claims.renew_all()

    told = [record.getMessage() for record in caplog.records if 'lease' in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith(f'The lease of operation {claim.operation_uuid} was not renewed: ')
    assert '\n' not in told[0]
    assert worker.claims.held == 1
