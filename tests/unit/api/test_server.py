"""What the server makes of connections."""

import socket
import types

from magnum.api.server import Connection


def test_what_nobody_took_goes_with_its_connection() -> None:
    """Else it is written about, much later, by whoever collects the garbage."""
    server = types.SimpleNamespace(peercreds_enabled=False, peercreds_resolve_enabled=False)
    ours, theirs = socket.socketpair()
    connection = Connection(server, ours)
    theirs.close()
    connection.wfile._write_buf.extend(b'not taken')
    connection.close()
    assert connection.wfile.closed
