"""How a conductor leaves the message bus."""

import threading
import time

import oslo_messaging
import pytest
from oslo_config import cfg

from magnum import conf as magnum_conf
from magnum.conductor import bus


class Server:
    """A server of oslo.messaging whose connection cannot be closed before it is let."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.may_close = threading.Event()
        self.calls: list[str] = []

    def start(self) -> None:
        self.started.set()

    def stop(self) -> None:
        self.calls.append('stop')

    def wait(self) -> None:
        self.may_close.wait(60)
        self.calls.append('wait')


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(oslo_messaging, 'get_rpc_server', lambda *_arguments: made)
    return made


@pytest.fixture
def running(server: Server) -> bus.Bus:
    conf = magnum_conf.load(config_files=[], conf=cfg.ConfigOpts())
    conf.set_override('heat_notifications', False, 'conductor')
    made = bus.Bus(
        conf, lambda: None, lambda _stack: None,
        oslo_messaging.get_rpc_transport(conf, url='fake://'),
    )
    made.start()
    assert server.started.wait(10)
    while not made._servers:
        time.sleep(0.01)
    return made


def test_connections_are_closed(running: bus.Bus, server: Server) -> None:
    server.may_close.set()
    running.stop()
    assert server.calls == ['stop', 'wait']


def test_a_bus_that_does_not_answer_keeps_nobody(
    running: bus.Bus, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, '_CLOSING', 0.2)
    running.stop()
    assert server.calls == ['stop']
    server.may_close.set()
