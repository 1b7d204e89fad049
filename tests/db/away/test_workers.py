"""Workers while the database is away: they wait, and go on where they were."""

import os
import threading
import time

import oslo_messaging
import pytest

from magnum.clients import failpoints
from magnum.conductor.service import Conductor
from magnum.domain import states
from tests.fakes.gateway import Gateway
from tests.operations.conftest import World

CALLS = ('identity.create_user', 'identity.grant_role', 'orchestration.create_stack')


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('call', CALLS)
def test_an_operation_goes_on(
    gateway: Gateway, world: World, monkeypatch: pytest.MonkeyPatch, call: str, when: str
) -> None:
    uuid = world.create()
    monkeypatch.setattr(os, 'kill', lambda *_: gateway.cut())
    failpoints.arm(f'{when}:{call}')
    worker = world.worker()
    turn = threading.Thread(target=worker.turn)
    turn.start()
    try:
        while gateway.is_open:
            time.sleep(0.01)
        time.sleep(1)
        assert turn.is_alive()      # it waits
    finally:
        failpoints.arm(None)
        gateway.open()
    turn.join(60)
    assert not turn.is_alive()
    (operation,) = world.operations(uuid)
    # Nobody has to wait for a lease, and nothing counts as a failed attempt.
    assert operation.state in (states.QUEUED, states.WAITING)
    assert operation.error is None
    world.build(uuid)
    bay = world.bay(uuid)
    assert bay is not None
    assert bay.status == 'CREATE_COMPLETE'
    assert len(world.cloud.stacks) == len(world.cloud.users) == 1


def test_a_conductor_goes_on(gateway: Gateway, world: World) -> None:
    """All its threads: it claims, renews and reports again when the database is back."""
    conf = world.conf
    conf.set_override('heat_notifications', False, 'conductor')
    conf.set_override('poll_interval', 0.1, 'conductor')
    conf.set_override('watch_interval', 0.1, 'conductor')
    conf.set_override('state_path', '/nonexistent')
    transport = oslo_messaging.get_rpc_transport(conf, url='fake://')
    conductor = Conductor(conf, world.database, world.tools, transport)
    conductor.start()
    try:
        gateway.cut()
        time.sleep(3)
        gateway.open()
        uuid = world.create()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            world.cloud.settle()
            bay = world.bay(uuid)
            if bay is not None and bay.status == 'CREATE_COMPLETE':
                break
            time.sleep(0.1)
        assert bay is not None
        assert bay.status == 'CREATE_COMPLETE'
    finally:
        conductor.stop()
