"""What clients do to the socket of a running service, and what it does to the service."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import requests

from tests.attacks.running import RunningService

TIMEOUT = 30.0
_PAGE = os.sysconf('SC_PAGE_SIZE')
_TICK = os.sysconf('SC_CLK_TCK')


def connect(service: RunningService) -> socket.socket:
    """A connection that nothing was sent on."""
    return socket.create_connection(('127.0.0.1', service.port), timeout=TIMEOUT)


def end_of(connection: socket.socket) -> bytes:
    """What the service sends before it closes a connection."""
    received = b''
    with contextlib.suppress(OSError):
        while more := connection.recv(65536):
            received += more
    return received


def pour(connection: socket.socket, data: bytes, total: int) -> int:
    """Send data again and again; how many bytes the service took before it closed."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < total:
            connection.sendall(data)
            sent += len(data)
    return sent


def resident_mib(service: RunningService) -> float:
    """Memory that the process holds."""
    return float(_statistics(service, 'statm').split()[1]) * _PAGE / 2**20


def cpu_seconds(service: RunningService) -> float:
    """CPU time that the process has used."""
    fields = _statistics(service, 'stat').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _statistics(service: RunningService, name: str) -> str:
    assert service.process is not None
    with open(f'/proc/{service.process.pid}/{name}') as file:
        return file.read()


class WellBehaved:
    """A client that asks for its clusters again and again, each time anew."""

    def __init__(self, service: RunningService):
        self._service = service
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.seconds: list[float] = []
        self.failed: list[str] = []
        self.largest_mib = 0.0

    def _ask(self) -> None:
        while not self._ends.is_set():
            began = time.monotonic()
            try:
                answer = self._service.ask('GET', '/clusters')
                if answer.status_code != 200:
                    self.failed.append(answer.text)
            except requests.RequestException as error:
                self.failed.append(repr(error))
            self.seconds.append(time.monotonic() - began)
            self.largest_mib = max(self.largest_mib, resident_mib(self._service))
            self._ends.wait(0.05)

    @contextlib.contextmanager
    def asking(self) -> Iterator['WellBehaved']:
        """Ask from a thread; at the end, at least once more."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            self._thread.join()


@contextlib.contextmanager
def unharmed(
    service: RunningService, seconds: float = 6.0, mib: float = 60.0
) -> Iterator[WellBehaved]:
    """Fail unless others are served as usual during an attack, and memory stays bounded.

    :param seconds: that no answer may exceed; the machine has other work, too.
    :param mib: that the process may grow by.
    """
    service.ask('GET', '/clusters')
    before = resident_mib(service)
    with WellBehaved(service).asking() as client:
        yield client
    assert client.failed == []
    assert client.seconds
    assert max(client.seconds) < seconds
    assert client.largest_mib - before < mib
