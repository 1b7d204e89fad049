"""Wake-up messages: hints that there is work, sent after the commit.

They leave from one background thread, without retry, through a bounded
queue: a message bus that is down delays no answer, and a lost hint costs a
conductor's poll interval. Of a burst of requests, one hint stands for many.
"""

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from oslo_config import cfg
from oslo_log import log as logging

if TYPE_CHECKING:
    import oslo_messaging

LOG = logging.getLogger(__name__)

_PENDING: Final = 1  # hints are all alike: one that waits stands for the rest
_PAUSE: Final = 0.05  # seconds from one hint to the next


class WakeUp:
    """Tells conductors, over the message bus, to look for work."""

    def __init__(self, conf: cfg.ConfigOpts, transport: 'oslo_messaging.Transport | None' = None):
        self._conf = conf
        self._transport = transport
        self._pending: queue.Queue[None] = queue.Queue(_PENDING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def send(self) -> None:
        """Ask for a hint to be sent; returns at once."""
        with self._lock:
            # Started late: a process that forks after import must not have it.
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._deliver, name='wake-up', daemon=True
                )
                self._thread.start()
        with contextlib.suppress(queue.Full):
            self._pending.put_nowait(None)

    def _deliver(self) -> None:
        client = None
        while True:
            self._pending.get()
            try:
                if client is None:
                    client = self._client()
                client.cast({}, 'wake_up')
            except Exception as error:
                # Whatever is wrong with the bus, the work is in the database.
                LOG.warning('No wake-up was sent, conductors will see by themselves: %s', error)
            time.sleep(_PAUSE)

    def _client(self) -> 'oslo_messaging.RPCClient':
        # Loaded with the first hint, and in its thread: reads need no message bus.
        import oslo_messaging

        transport = self._transport or oslo_messaging.get_rpc_transport(self._conf)
        target = oslo_messaging.Target(topic=self._conf.conductor.topic, fanout=True)
        return oslo_messaging.get_rpc_client(transport, target, retry=0)
