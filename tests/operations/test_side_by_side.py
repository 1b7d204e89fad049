"""Steps that need nothing of each other: run together, recorded each by itself."""

import logging
import threading
from typing import Any

import pytest
from oslo_context import context
from oslo_db import exception as db_exc

from magnum.clients.errors import CloudUnavailable
from magnum.db import models
from magnum.db.repositories import steps
from magnum.domain import states, verbs
from magnum.domain.failures import Failure
from magnum.domain.parameters import Create
from magnum.operations import flows
from magnum.operations.outcomes import StepFailed
from tests.operations.conftest import World, error_of
from tests.unit.domain.test_parameters import read

PATIENCE = 30.0
PHASES = [(verb, phase) for verb in verbs.STEPS for phase in (states.START, states.FINISH)]


@pytest.fixture
def together(world: World, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have a create's user wait for its authority; set when both were at work."""
    ensure_user = world.tools.keystone.ensure_user
    ensure_authority = world.tools.certificates.ensure_authority
    begun, met = threading.Event(), threading.Event()

    def user(*args: Any) -> str:
        if begun.wait(PATIENCE):
            met.set()
        return ensure_user(*args)

    def authority(*args: Any) -> None:
        begun.set()
        ensure_authority(*args)

    monkeypatch.setattr(world.tools.keystone, 'ensure_user', user)
    monkeypatch.setattr(world.tools.certificates, 'ensure_authority', authority)
    return met


def _rows(world: World) -> dict[str, models.OperationStep]:
    return {row.name: row for row in world.rows(models.OperationStep)}


@pytest.mark.parametrize(('verb', 'phase'), PHASES)
def test_steps_need_what_comes_before_them(verb: str, phase: str) -> None:
    done: set[str] = set()
    for parameters in (read(verb, {}), read(verb, {}).again()):
        for step in flows.phase_steps(verb, phase, parameters):
            assert set(step.needs) <= done
            done.add(step.name)
        done.clear()


def test_what_may_run_side_by_side() -> None:
    found = {
        (one.name, other.name)
        for verb, phase in PHASES
        for chosen in [flows.phase_steps(verb, phase, read(verb, {}).again())]
        for one in chosen
        for other in chosen[chosen.index(one) + 1:]
        if one.name not in _all_needs(chosen, other)
    }
    assert found == {
        ('ensure_identity', 'ensure_authority'),
        ('ensure_identity', 'arm_bootstrap'),
        ('disarm_bootstrap', 'read_outputs'),
        ('ensure_authority', 'ensure_cloud_credential'),
        ('ensure_cloud_credential', 'arm_bootstrap'),
        ('disarm_all_bootstrap', 'revoke_cloud_credential'),
        ('disarm_all_bootstrap', 'remove_load_balancers'),
        ('delete_identity', 'delete_certificates'),
    }


def _all_needs(chosen: list[flows.PhaseStep], step: flows.PhaseStep) -> set[str]:
    """The steps that are done before one, whether it or one of those needs them."""
    by_name = {other.name: other for other in chosen}
    return set(step.needs).union(*(_all_needs(chosen, by_name[name]) for name in step.needs))


def test_only_declared_steps_are_named() -> None:
    assert flows.NEEDS.keys() <= flows.STEPS.keys()
    assert {name for needs in flows.NEEDS.values() for name in needs} <= flows.STEPS.keys()


def test_a_create_makes_user_and_authority_side_by_side(
    world: World, together: threading.Event
) -> None:
    uuid = world.create()
    world.build(uuid)
    assert together.is_set()
    assert world.bay(uuid).status == 'CREATE_COMPLETE'
    positions = {row.position: row.name for row in _rows(world).values()}
    (operation,) = world.operations(uuid)
    assert [positions[n] for n in sorted(positions)] == verbs.step_names(operation.verb, Create())


@pytest.mark.parametrize('fails', ['ensure_identity', 'ensure_authority'])
def test_a_failure_ends_the_operation_whatever_else_a_step_beside_it_met(
    world: World, together: threading.Event, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    uuid = world.create()
    for name in ('ensure_identity', 'ensure_authority'):
        def step(work: Any, name: str = name, function: flows.Step = flows.STEPS[name]) -> None:
            function(work)
            if name == fails:
                raise StepFailed(Failure('internal', 'no more'))
            raise CloudUnavailable('identity', 'HTTP 503', 503)

        monkeypatch.setitem(flows.STEPS, name, step)
    world.worker().turn()
    (operation,) = world.operations(uuid)
    assert together.is_set()
    assert (operation.state, error_of(operation)['reason']) == ('FAILED', 'no more')
    rows = _rows(world)
    assert {name: row.state for name, row in rows.items()} == {
        'ensure_identity': 'PENDING', 'ensure_authority': 'PENDING', fails: 'FAILED',
    }
    assert {row.reason for row in rows.values()} == {
        rows[fails].reason, 'identity: HTTP 503',
    }


def test_a_step_beside_one_that_has_to_wait_is_not_done_again(
    world: World, together: threading.Event
) -> None:
    uuid = world.create()
    world.cloud.faults['identity'] = CloudUnavailable('identity', 'HTTP 503', 503)
    world.worker().turn()
    assert together.is_set()
    assert _rows(world)['ensure_authority'].state == 'DONE'
    world.cloud.faults.clear()
    world.pass_time(30)
    world.build(uuid)
    rows = _rows(world)
    assert (rows['ensure_identity'].attempts, rows['ensure_authority'].attempts) == (2, 1)
    assert world.bay(uuid).status == 'CREATE_COMPLETE'


def test_an_operation_fails_for_its_own_reason_though_it_cannot_be_put_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that does not take the reason of a step's failure is no failure itself."""
    end = steps.end

    def fails(session: Any, operation_uuid: str, name: str, state: str, *more: Any) -> None:
        if state == states.STEP_FAILED:
            raise db_exc.DBError('no')
        end(session, operation_uuid, name, state, *more)

    monkeypatch.setattr(steps, 'end', fails)
    uuid = world.create()
    world.tools.conf.set_override('roles', ['nobody'], 'identity')
    world.worker().turn()
    (operation,) = world.operations(uuid)
    assert (operation.state, error_of(operation)['code']) == ('FAILED', 'forbidden')


def test_log_lines_of_steps_carry_the_request(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: dict[str, str | None] = {}
    for name, function in flows.STEPS.items():
        def step(work: Any, name: str = name, function: flows.Step = function) -> None:
            current = context.get_current()
            seen[name] = current.request_id if current else None
            function(work)

        monkeypatch.setitem(flows.STEPS, name, step)
    caplog.set_level(logging.ERROR)
    uuid = world.create()
    world.build(uuid)
    assert set(seen.values()) == {'req-1'}
    assert len(seen) == len(verbs.step_names('create', Create()))
