"""Just enough of HTTP/1.1, as an asyncio protocol, and a server in a thread."""

import asyncio
import dataclasses
import functools
import http
import json
import socket
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

_END_OF_HEADERS = b'\r\n\r\n'


@dataclasses.dataclass(frozen=True)
class Request:
    """One request; ``path`` is the path in segments, unquoted."""

    method: str
    path: tuple[str, ...]
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    content: bytes

    @functools.cached_property
    def document(self) -> Any:
        """The body's JSON; empty without a body."""
        return json.loads(self.content) if self.content else {}

    def first(self, name: str) -> str | None:
        """The first value of a query argument."""
        return self.query.get(name, [None])[0]


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer; ``route`` is what the statistics call the request.

    ``delay`` holds it back that many seconds.
    """

    route: str
    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    delay: float = 0.0

    def encoded(self, method: str, close: bool) -> bytes:
        """The answer as it goes over the wire."""
        content = b''
        if isinstance(self.document, bytes):
            content = self.document
        elif self.document is not None:
            content = json.dumps(self.document, separators=(',', ':')).encode()
        phrase = http.HTTPStatus(self.status).phrase
        headers = {'Content-Type': 'application/json', **self.headers}
        headers['Content-Length'] = str(len(content))
        if close:
            headers['Connection'] = 'close'
        lines = [f'HTTP/1.1 {self.status} {phrase}']
        lines += [f'{name}: {value}' for name, value in headers.items()]
        head = '\r\n'.join(lines).encode('latin-1') + _END_OF_HEADERS
        return head if method == 'HEAD' else head + content


Answer = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One client's connection; requests on it are answered in order."""

    def __init__(self, answer: Answer):
        self._answer = answer
        self._received = b''
        self._waiting = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport

    def close(self) -> None:
        """Drop the client."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._received += data
        if not self._waiting:
            self._work()

    def _work(self) -> None:
        while not self._waiting and (request := self._take_request()) is not None:
            reply = self._answer(request)
            close = request.headers.get('connection', '').lower() == 'close'
            if reply.delay:
                self._waiting = True
                asyncio.get_running_loop().call_later(
                    reply.delay, self._send_late, request.method, reply, close
                )
            else:
                self._send(request.method, reply, close)

    def _send_late(self, method: str, reply: Reply, close: bool) -> None:
        self._waiting = False
        if not self._transport.is_closing():
            self._send(method, reply, close)
            self._work()

    def _send(self, method: str, reply: Reply, close: bool) -> None:
        self._transport.write(reply.encoded(method, close))
        if close:
            self._transport.close()

    def _take_request(self) -> Request | None:
        """The next request; None while it is not there as a whole."""
        head, separator, rest = self._received.partition(_END_OF_HEADERS)
        if not separator:
            return None
        first, *lines = head.decode('latin-1').split('\r\n')
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(':') for line in lines)
        }
        if headers.get('transfer-encoding', '').lower() == 'chunked':
            taken = _unchunked(rest)
        else:
            length = int(headers.get('content-length') or 0)
            taken = (rest[:length], rest[length:]) if len(rest) >= length else None
        if taken is None:
            return None
        content, self._received = taken
        method, target, _ = first.split(' ', 2)
        url = urllib.parse.urlsplit(target)
        path = tuple(urllib.parse.unquote(part) for part in url.path.split('/') if part)
        return Request(method, path, urllib.parse.parse_qs(url.query), headers, content)


def _unchunked(data: bytes) -> tuple[bytes, bytes] | None:
    """(a chunked body, what follows it); None while it is not complete."""
    content = b''
    while True:
        line, separator, data = data.partition(b'\r\n')
        if not separator:
            return None
        size = int(line.split(b';')[0], 16)
        if len(data) < size + 2:
            return None
        content += data[:size]
        data = data[size + 2:]
        if size == 0:
            return content, data


class Server:
    """Answers on a port of its own, in a thread, until it is stopped.

    :ivar url: there as soon as the server is made, before it is started.
    """

    def __init__(self, answer: Answer):
        self._answer = answer
        self._listening = socket.create_server(('127.0.0.1', 0), backlog=1024)
        self.url = f'http://127.0.0.1:{self._listening.getsockname()[1]}'
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._connections: list[Connection] = []
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and wait for the end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
        self._loop.close()
        self._listening.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await self._loop.create_server(self._connect, sock=self._listening)
        await self._ended.wait()
        server.close()
        for connection in self._connections:
            connection.close()
        # Transports are closed by callbacks.
        await asyncio.sleep(0)

    def _connect(self) -> Connection:
        connection = Connection(self._answer)
        self._connections.append(connection)
        return connection
