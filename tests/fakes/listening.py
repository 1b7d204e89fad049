"""HTTP servers of tests, in a thread of their own."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def listening(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve requests until the end of the block, then close the server."""
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
