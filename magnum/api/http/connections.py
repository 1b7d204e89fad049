"""Connections of the HTTP server, and their bounds."""

import dataclasses
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

from magnum.api.http.parsing import RefusalTask, RequestParser
from magnum.api.http.sse import IS_OVER

Application = Callable[..., Iterable[bytes]]

#: Seconds that a refused client has to read why, and bytes that it may send meanwhile.
_LINGER: Final = 2.0
_MOST_DROPPED: Final = 16 * 2**20
#: Seconds after which overdue connections are looked for, though nothing happens.
_TURN: Final = 1
#: Seconds after which a connection may be closed for another one, because its
#: request, were it on its way, would be there.
_PATIENCE: Final = 0.1
#: What TLS says when it needs more of, or more room towards, the other side.
_NOT_NOW: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


@dataclasses.dataclass(frozen=True)
class Bounds:
    """How many connections there may be, and in how many seconds a request has to come."""

    connections: int
    request_time: float


class _NothingYet(Exception):
    """There is nothing to be read for now."""


class _Task(WSGITask):
    """A request in its worker; streams are told when nobody listens any more."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[IS_OVER] = self.channel.is_over
        return environ


class Connection(HTTPChannel):
    """One client's connection."""

    parser_class = RequestParser
    error_task_class = RefusalTask
    task_class = _Task

    def __init__(
        self,
        server: 'Listener',
        sock: socket.socket,
        address: Any,
        adjustments: Adjustments,
        map: dict[int, Any] | None = None,  # noqa: A002 - waitress's name
    ):
        #: When the request began that is being read, or may begin next.
        self.began = time.time()
        self._full_since: float | None = None
        self._is_refused = False
        self._dropped = 0
        self._is_writing = False
        super().__init__(server, sock, address, adjustments, map=map)

    @property
    def waits_since(self) -> float:
        """The time since when nothing happens here but waiting for the client."""
        since: float = self.last_activity if self.request is None else self.began
        return since

    def is_over(self) -> bool:
        """Whether an answer that goes on has lost its client, or the server stops."""
        return not self.connected or self.server.is_stopping

    def write_soon(self, data: bytes) -> int:
        """Send from the worker's thread, and leave to the server's what is not taken."""
        self._is_writing = True
        try:
            written: int = super().write_soon(data)
        finally:
            self._is_writing = False
            if self.total_outbufs_len:
                self.server.pull_trigger()
        return written

    def writable(self) -> bool:
        """Whether the server's thread has to send.

        Not what a worker is just sending: the server's thread would find it
        locked, try again at once, and keep the worker from the interpreter.
        """
        if self._is_writing and 0 < self.total_outbufs_len <= self.adj.outbuf_high_watermark:
            return bool(self.will_close)
        return bool(super().writable())

    def refuse_more(self) -> None:
        """Answer nothing after the request at hand, and drop what still comes.

        Were the connection closed at once, a client that is still sending
        would see it reset, and not the answer.
        """
        with self.requests_lock:
            for request in self.requests[1:]:
                request.close()
            del self.requests[1:]
            self.request = None
            self._is_refused = True

    def received(self, data: bytes) -> bool:
        """Take what came, and remember when its request began."""
        if self._is_refused:
            self._dropped += len(data)
            self.will_close = self._dropped > _MOST_DROPPED
            return False
        if self.request is None:
            self.began = time.time()
        taken: bool = super().received(data)
        return taken

    def is_overdue(self, now: float, bounds: Bounds) -> bool:
        """Whether the client takes too long: to send, to read, or to say anything."""
        is_full = self.total_outbufs_len > self.adj.outbuf_high_watermark
        self._full_since = (self._full_since or now) if is_full else None
        if self._full_since is not None and now - self._full_since > self.adj.channel_timeout:
            # Its worker waits until the client has read.
            return True
        if self.requests:
            self.began = now
            return False
        if self._is_refused:
            return now - self.began > _LINGER
        has_sent_nothing = self.last_activity == self.creation_time
        if self.request is not None or has_sent_nothing:
            return now - self.began > bounds.request_time
        return bool(now - self.last_activity > self.adj.channel_timeout)

    # What TLS needs ----------------------------------------------------------
    def handle_read(self) -> None:
        """Read what came, if it makes anything."""
        try:
            super().handle_read()
        except _NothingYet:
            return

    def recv(self, buffer_size: int) -> bytes:
        """What came; the handshake of TLS is done on the way."""
        try:
            data: bytes = super().recv(buffer_size)
        except _NOT_NOW:
            raise _NothingYet from None
        return data

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the client takes now; how much that was."""
        try:
            sent: int = super().send(data, do_close)
        except _NOT_NOW:
            return 0
        return sent

    def handle_expt(self) -> None:
        """Close: HTTP has no urgent data, and they would be reported for ever."""
        self.handle_close()


class Listener(TcpWSGIServer):
    """The listening socket, and what is to be done about all connections.

    :param sockets: filled with all there are, by their numbers.
    """

    channel_class = Connection

    def __init__(
        self,
        application: Application,
        sockets: dict[int, Any],
        bound: socket.socket,
        adjustments: Adjustments,
        bounds: Bounds,
        context: ssl.SSLContext | None,
    ):
        self.is_stopping = False
        self._bounds = bounds
        self._context = context
        self._sockets = sockets
        address = (bound.family, bound.type, bound.proto, bound.getsockname())
        super().__init__(
            application, sockets, True, bound, adj=adjustments, sockinfo=address,
            bind_socket=False,
        )

    def run(self) -> None:
        """Serve until all is closed."""
        while self._sockets:
            self._turn()

    def _turn(self) -> None:
        """Wait for something to happen, and see to it.

        waitress's own loop gives what happened at a number to whoever has the
        number by then: a new connection would be closed because of an old one.
        """
        poll, asked = select.poll(), dict(self._sockets)
        for number, one in asked.items():
            wanted = select.POLLIN | select.POLLPRI if one.readable() else 0
            if one.writable() and not one.accepting:
                wanted |= select.POLLOUT
            # Some are closed because another one was asked.
            if wanted and self._sockets.get(number) is one:
                poll.register(number, wanted)
        for number, happened in poll.poll(_TURN * 1000):
            if self._sockets.get(number) is asked[number]:
                wasyncore.readwrite(asked[number], happened)

    def accept(self) -> tuple[socket.socket, Any] | None:
        """A new connection; its handshake comes with its first data."""
        accepted: tuple[socket.socket, Any] | None = super().accept()
        if accepted is None or self._context is None:
            return accepted
        sock, address = accepted
        return (
            self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False),
            address,
        )

    def handle_accept(self) -> None:
        """Take a new connection; for one too many, the longest waiting one goes."""
        super().handle_accept()
        self._make_room()

    def maintenance(self, now: float) -> None:
        """Close connections whose clients take too long."""
        for connection in list(self.active_channels.values()):
            if connection.is_overdue(now, self._bounds):
                connection.handle_close()
        self._make_room()

    def _make_room(self) -> None:
        if len(self.active_channels) <= self._bounds.connections:
            return
        waiting = (one for one in self.active_channels.values() if not one.requests)
        longest = min(waiting, key=lambda one: one.waits_since, default=None)
        # While all of them are at work no more are accepted.
        if longest is not None and time.time() - longest.waits_since > _PATIENCE:
            longest.handle_close()

    def stop_listening(self) -> None:
        """Take no more connections, and close those that nothing is served on."""
        self.is_stopping = True
        wasyncore.dispatcher.close(self)
        for connection in list(self.active_channels.values()):
            if not (connection.requests or connection.total_outbufs_len):
                connection.handle_close()

    def end(self) -> None:
        """Close every connection, which ends ``run``; what wakes it stays open."""
        self.trigger.del_channel()
        wasyncore.close_all(self._sockets)

    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return any(
            connection.requests or connection.total_outbufs_len
            for connection in list(self.active_channels.values())
        )
