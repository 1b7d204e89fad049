"""A way to a server that can be cut, and opened again."""

import contextlib
import socket
import threading
from typing import Final

import sqlalchemy as sa

_CHUNK: Final = 65536


class Gateway:
    """Forwards connections to a server.

    :ivar port: where it listens, on 127.0.0.1, while it is not cut.
    """

    def __init__(self, host: str, port: int):
        self._server = host, port
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._is_silent = False
        self._chunks_left: int | None = None
        self.is_open = True
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._listener.getsockname()[1]
        self._accept_on(self._listener)

    @classmethod
    def to_database(cls, url: str) -> tuple['Gateway', str]:
        """A gateway to a database, and the URL that leads through it."""
        target = sa.make_url(url)
        assert target.port is not None
        gateway = cls(target.host or '127.0.0.1', target.port)
        through = target.set(host='127.0.0.1', port=gateway.port)
        return gateway, through.render_as_string(hide_password=False)

    def cut(self) -> None:
        """Reset all connections, and refuse new ones."""
        with self._lock:
            self.is_open = False
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let connections through again."""
        with self._lock:
            self.is_open = True
            self._listener = socket.create_server(('127.0.0.1', self.port))
        self._accept_on(self._listener)

    def cut_after(self, chunks: int) -> None:
        """Cut once so many chunks have come, of either side; the last is lost."""
        self._chunks_left = chunks

    def _lets_pass(self) -> bool:
        with self._lock:
            if self._chunks_left is None:
                return True
            self._chunks_left -= 1
            if self._chunks_left:
                return True
            self._chunks_left = None
        self.cut()
        return False

    def silence(self) -> None:
        """Take what comes, and pass nothing on from now on."""
        self._is_silent = True

    def close(self) -> None:
        """The end."""
        with contextlib.suppress(OSError):
            self.cut()
        for thread in self._threads:
            thread.join(5)

    def _accept_on(self, listener: socket.socket) -> None:
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):      # the listener was closed
            while True:
                client, _ = listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.create_connection(self._server)
        with self._lock:
            if not self.is_open:    # it was cut meanwhile
                client.close()
                server.close()
                return
            self._pairs.append((client, server))
        threads = [
            threading.Thread(target=self._forward, args=ends, daemon=True)
            for ends in ((client, server), (server, client))
        ]
        for thread in threads:
            thread.start()
        with self._lock:
            self._threads += threads

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if not self._lets_pass():
                    break
                if not self._is_silent:
                    sink.sendall(chunk)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
