"""RPC and notification endpoints of a conductor; all messages are hints."""

import threading
from collections.abc import Callable
from typing import Any, Final

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_HEAT_EXCHANGE: Final = 'heat'
_RETRY: Final = 10.0  # seconds
_CLOSING: Final = 5.0  # seconds for the connections to close


class _WakeUpEndpoint:
    """RPC methods of a conductor."""

    def __init__(self, wake_up: Callable[[], None]):
        self._wake_up = wake_up

    def wake_up(self, context: dict[str, Any]) -> None:
        """Handle a hint that there is work in the database."""
        self._wake_up()


class _HeatEndpoint:
    """Heat's notifications of stacks."""

    filter_rule = oslo_messaging.NotificationFilter(
        event_type=r'^orchestration\.stack\.(create|update|delete)\.(end|error)$'
    )

    def __init__(self, stack_moved: Callable[[str], None]):
        self._stack_moved = stack_moved

    def info(
        self, context: Any, publisher: str, event: str, payload: dict[str, Any], metadata: Any
    ) -> None:
        """Handle a notification that a stack has changed."""
        stack_id = str(payload.get('stack_identity', '')).rpartition('/')[2]
        if stack_id:
            self._stack_moved(stack_id)

    error = info


class Bus:
    """RPC server and notification listener, connected in the background."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        wake_up: Callable[[], None],
        stack_moved: Callable[[str], None],
        transport: oslo_messaging.Transport | None = None,
    ):
        self._conf = conf
        self._transport = transport
        self._makers = [lambda: self._rpc_server(wake_up)]
        if conf.conductor.heat_notifications:
            self._makers.append(lambda: self._heat_listener(stack_moved))
        self._servers: list[Any] = []
        self._stopped = threading.Event()

    def start(self) -> None:
        """Connect as soon as the bus is there; returns at once."""
        for maker in self._makers:
            threading.Thread(target=self._connect, args=(maker,), name='bus', daemon=True).start()

    def stop(self) -> None:
        """Stop listening, and close the connections, unless the bus does not answer."""
        self._stopped.set()
        closing = threading.Thread(target=self._close, name='bus', daemon=True)
        closing.start()
        closing.join(_CLOSING)

    def _close(self) -> None:
        for server in self._servers:
            server.stop()
            server.wait()

    def _connect(self, make: Callable[[], Any]) -> None:
        while not self._stopped.is_set():
            try:
                server = make()
                server.start()
            except Exception as error:
                LOG.warning('The message bus is not there, work goes on without: %s', error)
                self._stopped.wait(_RETRY)
            else:
                self._servers.append(server)
                return

    def _rpc_server(self, wake_up: Callable[[], None]) -> Any:
        transport = self._transport or oslo_messaging.get_rpc_transport(self._conf)
        target = oslo_messaging.Target(
            topic=self._conf.conductor.topic, server=self._conf.host
        )
        return oslo_messaging.get_rpc_server(transport, target, [_WakeUpEndpoint(wake_up)])

    def _heat_listener(self, stack_moved: Callable[[str], None]) -> Any:
        url = self._conf.conductor.heat_notifications_transport_url
        transport = oslo_messaging.get_notification_transport(self._conf, url=url)
        # A topic of our own, as Heat makes queues for each of its topics: those of a
        # topic that others read too would need a reader besides us, or grow for ever.
        target = oslo_messaging.Target(
            topic=self._conf.conductor.heat_notifications_topic, exchange=_HEAT_EXCHANGE
        )
        return oslo_messaging.get_notification_listener(
            transport, [target], [_HeatEndpoint(stack_moved)], allow_requeue=False
        )
