"""The HTTP server of the console scripts: waitress, with bounds on what clients send.

One thread reads all connections, and hands over to a worker thread only
requests that have come whole. So slow, silent and endless clients hold no
worker. How much a request may be, and how long it may take to come, is
bounded, and so is the number of connections.
"""

import logging as python_logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from oslo_config import cfg
from oslo_log import log as logging
from waitress.adjustments import Adjustments

from magnum.api.http.connections import Application, Bounds, Listener
from magnum.api.http.request import body_limit

LOG = logging.getLogger(__name__)

#: At least as much as a TLS record holds: what OpenSSL has decrypted and nobody
#: has read would not be noticed before more comes.
_READ_AT_ONCE: Final = 16_384
_BACKLOG: Final = 1024
_IDLE: Final = 75
#: Seconds that requests at hand may take after the server was asked to stop.
_GRACE: Final = 15.0
_LOOK: Final = 0.05


class Server:
    """Serves an application from threads; ``start`` returns when it listens."""

    def __init__(self, conf: cfg.ConfigOpts, application: Application):
        self._options = conf.api
        self._max_body: int = body_limit(conf)
        self._application = application
        self._context = _tls(conf) if conf.api.enabled_ssl else None
        self._sockets: dict[int, Any] = {}
        self._listener: Any = None
        self._thread: threading.Thread | None = None
        # It warns of each request that waits for a worker.
        python_logging.getLogger('waitress.queue').setLevel(python_logging.ERROR)

    def start(self) -> None:
        """Listen, and answer from threads."""
        options = self._options
        bound = _bind(str(options.host), options.port, shared=options.workers != 1)
        adjustments = Adjustments(
            sockets=[bound],
            backlog=_BACKLOG,
            threads=options.threads,
            url_scheme='https' if self._context else 'http',
            server_name=str(options.host),
            ident='',
            # That of ours is as strict, and configured for every WSGI server alike.
            clear_untrusted_proxy_headers=False,
            recv_bytes=_READ_AT_ONCE,
            max_request_header_size=options.max_header_size,
            # Chunks have headers of their own. What is longer than the application
            # takes and comes this far is refused there, in its own order of checks.
            max_request_body_size=self._max_body + self._max_body // 8 + 2,
            # The listener and its trigger count, too, and one is over before it goes.
            connection_limit=options.connections + 3,
            channel_timeout=_IDLE,
            cleanup_interval=1,
            log_socket_errors=False,
        )
        self._listener = Listener(
            self._application, self._sockets, bound, adjustments,
            Bounds(options.connections, options.request_time), self._context,
        )
        self._thread = threading.Thread(target=self._listener.run, name='http', daemon=True)
        self._thread.start()
        LOG.info('Listening on %s port %d', *self.address)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, once it listens."""
        return self._listener.effective_host, int(self._listener.effective_port)

    def stop(self) -> None:
        """Finish the requests at hand and close."""
        listener, thread = self._listener, self._thread
        if listener is None or thread is None:
            return
        self._in_its_thread(listener.stop_listening)
        give_up = time.monotonic() + _GRACE
        while listener.is_busy() and time.monotonic() < give_up:
            time.sleep(_LOOK)
        listener.task_dispatcher.shutdown(timeout=1)
        self._in_its_thread(listener.end)
        thread.join()
        # Only now: the thread may end before whoever woke it has done so.
        listener.trigger.close()

    def _in_its_thread(self, action: Callable[[], None]) -> None:
        """Do something in the thread that owns the connections."""
        self._listener.trigger.pull_trigger(action)


def _bind(host: str, port: int, shared: bool) -> socket.socket:
    """A socket at an address; IPv6's "any" takes IPv4 too.

    :param shared: other processes of this host listen there as well.
    """
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(
        address[:2], family=family, backlog=_BACKLOG, reuse_port=shared,
        dualstack_ipv6=address[0] == '::' and socket.has_dualstack_ipv6(),
    )


def _tls(conf: cfg.ConfigOpts) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(conf.api.ssl_cert_file, conf.api.ssl_key_file)
    return context
