"""HTTP servers of tests, in a thread of their own."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator

#: Connections that wait until the server takes them: more than any test makes at once.
QUEUE = 128


@contextlib.contextmanager
def listening(server: socketserver.TCPServer) -> Iterator[None]:
    """Serve requests until the end of the block, then close the server."""
    # A connection beyond the queue is accepted by the kernel's SYN cookies, and reset at
    # its first data. socketserver's queue is 5.
    server.socket.listen(QUEUE)
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
