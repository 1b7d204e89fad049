"""Queues of Heat's notifications, on the real message bus: each is emptied by one Magnum."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import amqp
import oslo_messaging
import pytest
from oslo_config import cfg

from magnum import conf as magnum_conf
from magnum.conductor.bus import Bus
from tools.devcloud import settings

#: Of one topic: what Heat sends, by severity.
_EVENTS = (
    ('info', 'orchestration.stack.create.end'), ('error', 'orchestration.stack.create.error'),
)
_COUNT = 50


class Listener:
    """The bus of a conductor with a topic of its own, and what it heard."""

    def __init__(self) -> None:
        self.topic = f'test-{uuid.uuid4().hex[:8]}'
        self.heard: list[str] = []
        self._lock = threading.Lock()
        conf = magnum_conf.load(config_files=[], conf=cfg.ConfigOpts())
        conf.set_override('heat_notifications_topic', self.topic, 'conductor')
        url = settings.rabbitmq_url(settings.CLOUD_VHOST)
        conf.set_override('heat_notifications_transport_url', url, 'conductor')
        conf.set_override('topic', self.topic, 'conductor')
        self.bus = Bus(
            conf, lambda: None, self._moved, oslo_messaging.get_rpc_transport(conf, url='fake://')
        )

    def _moved(self, stack_id: str) -> None:
        with self._lock:
            self.heard.append(stack_id)


@pytest.fixture
def connection() -> Iterator[amqp.Connection]:
    with amqp.Connection(
        f'{settings.IP}:{settings.RABBITMQ_PORT}', userid=settings.RABBITMQ_USER,
        password=settings.PASSWORD, virtual_host=settings.CLOUD_VHOST,
    ) as connection:
        yield connection


def test_two_listeners_empty_their_own_queues(connection: amqp.Connection) -> None:
    listeners = Listener(), Listener()
    for listener in listeners:
        listener.bus.start()
    topics = [listener.topic for listener in listeners]
    try:
        _wait(lambda: all(_consumers(connection, topic) for topic in topics))
        sent = _send(topics)
        _wait(lambda: all(len(listener.heard) >= len(sent) for listener in listeners))
        # Each has heard all, once: neither takes the other's.
        for listener in listeners:
            assert sorted(listener.heard) == sorted(sent)
        assert _lengths(connection, topics) == dict.fromkeys(_queues(topics), 0)
    finally:
        for listener in listeners:
            listener.bus.stop()
        with connection.channel() as channel:
            for name in _queues(topics):
                channel.queue_delete(name)


def _send(topics: list[str]) -> list[str]:
    """Notify as Heat does, whose topics these are; the ids of the stacks."""
    conf = cfg.ConfigOpts()
    conf([], project='heat', default_config_files=[])
    transport = oslo_messaging.get_notification_transport(
        conf, url=settings.rabbitmq_url(settings.CLOUD_VHOST)
    )
    conf.set_override('control_exchange', 'heat')
    notifier = oslo_messaging.Notifier(
        transport, publisher_id='orchestration.test', driver='messagingv2', topics=topics
    )
    sent = []
    for number in range(_COUNT):
        for severity, event in _EVENTS:
            stack_id = f'{number}-{severity}'
            payload = {'stack_identity': f'arn:openstack:heat::demo:stacks/s/{stack_id}'}
            getattr(notifier, severity)({}, event, payload)
            sent.append(stack_id)
    transport.cleanup()
    return sent


def _queues(topics: list[str]) -> list[str]:
    return [f'{topic}.{severity}' for topic in topics for severity, _ in _EVENTS]


def _lengths(connection: amqp.Connection, topics: list[str]) -> dict[str, int]:
    with connection.channel() as channel:
        return {
            name: channel.queue_declare(name, passive=True).message_count
            for name in _queues(topics)
        }


def _consumers(connection: amqp.Connection, topic: str) -> bool:
    for name in _queues([topic]):
        try:
            with connection.channel() as channel:
                if not channel.queue_declare(name, passive=True).consumer_count:
                    return False
        except amqp.NotFound:
            return False
    return True


def _wait(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)
