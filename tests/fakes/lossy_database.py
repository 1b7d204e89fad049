"""A proxy before a database, which breaks the connection at a COMMIT.

It reads what clients send, and knows COMMIT in the protocols of MariaDB and
PostgreSQL. Everything else goes through as it is, on connections without TLS.
"""

import contextlib
import enum
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

import sqlalchemy as sa

_CHUNK: Final = 65536
_DELAY: Final = 0.3  # seconds


class Loss(enum.Enum):
    """What happens to a COMMIT; the client's connection breaks each time."""

    #: It is carried out, and its answer is dropped.
    ANSWER = 'answer'
    #: It does not reach the server, which rolls back.
    COMMIT = 'commit'
    #: It reaches the server when the client may already be asking what became of it.
    LATE = 'late'
    #: It reaches the server when ``release`` is called.
    HELD = 'held'


class LossyDatabase:
    """Forwards connections to the database of ``target``, under ``url``."""

    def __init__(self, target: str):
        made = sa.make_url(target)
        self._target = (made.host or '', made.port or 0)
        self._framing = _mysql if made.get_backend_name() == 'mysql' else _postgresql
        self._listener = socket.create_server(('127.0.0.1', 0))
        address, port = self._listener.getsockname()
        proxied = made.set(host=address, port=port)
        if made.get_backend_name() == 'postgresql':
            proxied = proxied.update_query_dict({'sslmode': 'disable', 'gssencmode': 'disable'})
        self.url: str = proxied.render_as_string(hide_password=False)
        self._lock = threading.Lock()
        self._losses: dict[int, Loss] = {}
        #: COMMITs seen since ``lose`` was called.
        self.commits = 0
        #: Those of them that were lost.
        self.lost = 0
        self._sockets: set[socket.socket] = set()
        self._released = threading.Event()
        #: Whether new connections are broken at once.
        self.refuses = False
        self.on_loss: Callable[[], None] = lambda: None
        self._threads = [_started(self._accept)]

    def lose(self, losses: dict[int, Loss]) -> None:
        """Lose COMMITs by their numbers, counted from now on and from 1."""
        self._released.clear()
        with self._lock:
            self._losses = dict(losses)
            self.commits = self.lost = 0

    def release(self) -> None:
        """Let COMMITs go on that are held back."""
        self._released.set()

    def cut(self) -> None:
        """Break every connection that there is."""
        with self._lock:
            _close(*self._sockets)
            self._sockets.clear()

    def stop(self) -> None:
        """Take no more connections, and break those that there are."""
        self.release()
        _close(self._listener)
        self._threads[0].join(10)   # no connection is made after this
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refuses:
                    _close(client)
                    continue
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    _close(client)
                    continue
                with self._lock:
                    self._sockets |= {client, server}
                connection = _Connection(self, client, server)
                self._threads += [_started(connection.upwards), _started(connection.downwards)]

    def loss(self) -> Loss | None:
        """What happens to the COMMIT that came just now."""
        with self._lock:
            self.commits += 1
            loss = self._losses.pop(self.commits, None)
            self.lost += loss is not None
        if loss is not None:
            self.on_loss()
        return loss

    def hold(self, loss: Loss) -> None:
        """Wait until a COMMIT that is held back may go on."""
        self._released.wait(_DELAY if loss is Loss.LATE else None)

    def messages(self, client: socket.socket) -> Iterator[tuple[bytes, bool]]:
        """What a client sends, message by message, and whether it is COMMIT."""
        return self._framing(_Reader(client))


class _Connection:
    def __init__(self, database: LossyDatabase, client: socket.socket, server: socket.socket):
        self._database = database
        self._client = client
        self._server = server
        self._is_answer_lost = False

    def upwards(self) -> None:
        """Forward what the client sends."""
        with contextlib.suppress(OSError, EOFError):
            for message, is_commit in self._database.messages(self._client):
                loss = self._database.loss() if is_commit else None
                if loss is Loss.COMMIT:
                    break
                if loss is not None:
                    self._is_answer_lost = True
                if loss in (Loss.LATE, Loss.HELD):
                    _close(self._client)
                    self._database.hold(loss)
                self._server.sendall(message)
                if loss is not None:
                    return      # the other direction awaits the answer
        _close(self._client, self._server)

    def downwards(self) -> None:
        """Forward what the server answers."""
        with contextlib.suppress(OSError):
            while data := self._server.recv(_CHUNK):
                if self._is_answer_lost:
                    break
                self._client.sendall(data)
        _close(self._client, self._server)


class _Reader:
    def __init__(self, client: socket.socket):
        self._client = client

    def exactly(self, count: int) -> bytes:
        data = b''
        while len(data) < count:
            more = self._client.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def _mysql(reader: _Reader) -> Iterator[tuple[bytes, bool]]:
    """Packets: a length of three bytes, a number, a command and its text."""
    while True:
        header = reader.exactly(4)
        body = reader.exactly(int.from_bytes(header[:3], 'little'))
        yield header + body, header[3] == 0 and body == b'\x03COMMIT'


def _postgresql(reader: _Reader) -> Iterator[tuple[bytes, bool]]:
    """Messages: a type, a length of four bytes that counts itself, a body.

    The first message has no type.
    """
    length = reader.exactly(4)
    yield length + reader.exactly(int.from_bytes(length, 'big') - 4), False
    while True:
        header = reader.exactly(5)
        body = reader.exactly(int.from_bytes(header[1:], 'big') - 4)
        yield header + body, header[:1] == b'Q' and body == b'COMMIT\0'


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
