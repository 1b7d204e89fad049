"""Services on this machine's loopback, reached on that of a machine.

The development cloud and Magnum listen on 127.0.0.1, which is what their nodes are
told. So a machine's own 127.0.0.1 leads here, for the ports that its settings name.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from tools.common.network import IP

_CLONE_NEWNET: Final = 0x40000000
_LOCAL: Final = re.compile(r'(?<![\w.])(?:127\.0\.0\.1|localhost):(\d{1,5})(?!\d)')
_BLOCK: Final = 65536
_BACKLOG: Final = 64
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def ports(settings: Mapping[str, str]) -> list[int]:
    """Ports of this machine's loopback that a node's settings name."""
    found = {int(port) for value in settings.values() for port in _LOCAL.findall(value)}
    return sorted(port for port in found if 0 < port < 65536)


class Forwarding:
    """Forwards for any number of namespaces; one thread does all of it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: dict[str, list[asyncio.Server]] = {}
        self._connections: dict[str, set[asyncio.Task[None]]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name='forwarding')
        self._thread.start()

    def open(self, namespace: str, wanted: Iterable[int]) -> None:
        """Forward these ports of a namespace, in place of others that were.

        :raises OSError: one of them is in use.
        """
        self.close(namespace)
        listeners = _listeners(namespace, wanted)
        self._call(self._open(namespace, listeners))

    def close(self, namespace: str) -> None:
        """Forward nothing of a namespace any more, and end what is under way."""
        self._call(self._close(namespace))

    def end(self) -> None:
        """Close all, and end the thread."""
        for namespace in list(self._servers):
            self.close(namespace)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _open(self, namespace: str, listeners: Mapping[int, socket.socket]) -> None:
        self._connections[namespace] = set()
        self._servers[namespace] = [
            await asyncio.start_server(self._handler(namespace, port), sock=listener)
            for port, listener in listeners.items()
        ]

    async def _close(self, namespace: str) -> None:
        for server in self._servers.pop(namespace, []):
            server.close()
        tasks = self._connections.pop(namespace, set())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _handler(self, namespace: str, port: int) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_join(reader, writer, port))
            under_way = self._connections.setdefault(namespace, set())
            under_way.add(task)
            try:
                await task
            finally:
                under_way.discard(task)

        return handle


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry both ways until both sides have ended."""
    far: asyncio.StreamWriter | None = None
    try:
        source, far = await asyncio.open_connection(IP, port)
        await asyncio.gather(_carry(reader, far), _carry(source, writer))
    except OSError:
        pass
    finally:
        for side in (writer, far):
            if side is not None:
                side.transport.abort() if side.transport.is_closing() else side.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_BLOCK):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _listeners(namespace: str, wanted: Iterable[int]) -> dict[int, socket.socket]:
    """Sockets that listen in a namespace; made by a thread that enters it and ends."""
    made: dict[int, socket.socket] = {}
    errors: list[OSError] = []

    def enter() -> None:
        try:
            descriptor = os.open(f'/run/netns/{namespace}', os.O_RDONLY)
            try:
                if _LIBC.setns(descriptor, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f'cannot enter {namespace}')
            finally:
                os.close(descriptor)
            for port in wanted:
                made[port] = socket.create_server((IP, port), backlog=_BACKLOG)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        for listener in made.values():
            listener.close()
        raise errors[0]
    return made
