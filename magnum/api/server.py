"""The HTTP server of the console scripts: cheroot, with threads."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Any

from cheroot import wsgi
from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter
from oslo_config import cfg
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

Application = Callable[..., Iterable[bytes]]


class Connection(HTTPConnection):
    """Drops what a client that went away did not take.

    It is left in the file's buffer otherwise, and from Python 3.13 on written
    about to stderr when that file is collected as garbage.
    """

    def close(self) -> None:
        """Close the socket and both its files."""
        super().close()
        with contextlib.suppress(OSError):
            self.wfile.close()


class Server:
    """Serves an application from threads; ``start`` returns when it listens."""

    def __init__(self, conf: cfg.ConfigOpts, application: Application):
        options = conf.api
        self._server: Any = wsgi.Server(
            (str(options.host), options.port),
            application,
            numthreads=options.threads,
            request_queue_size=128,
            # Several processes of one host share the port.
            reuse_port=options.workers != 1,
        )
        self._server.ConnectionClass = Connection
        if options.enabled_ssl:
            self._server.ssl_adapter = BuiltinSSLAdapter(
                options.ssl_cert_file, options.ssl_key_file
            )

    def start(self) -> None:
        """Listen, and answer from threads."""
        self._server.prepare()
        threading.Thread(target=self._server.serve, name='http', daemon=True).start()
        LOG.info('Listening on %s port %d', *self.address)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, once it listens."""
        host, port = self._server.bind_addr
        return host, port

    def stop(self) -> None:
        """Finish the requests at hand and close."""
        self._server.stop()
