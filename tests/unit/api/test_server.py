"""The HTTP server over sockets: what clients may send, how long, how many at once."""

import contextlib
import datetime
import http.client
import ipaddress
import json
import pathlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from oslo_config import cfg
from waitress.adjustments import Adjustments

import magnum.conf
from magnum.api.http import connections, sse
from magnum.api.http.server import Server

pytestmark = pytest.mark.slow

_TIMEOUT = 20.0
_BIG = b'0123456789' * 300_000
_MAX_BODY = 114_688


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Says what it read; ``/big`` is long, ``/slow`` takes long, ``/stream`` never ends."""
    path = environ['PATH_INFO']
    body = environ['wsgi.input'].read()
    if path == '/stream':
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return _endless(environ[sse.IS_OVER])
    if path == '/slow':
        time.sleep(1)
    if path == '/busy':
        end = time.thread_time() + 0.003
        while time.thread_time() < end:
            pass
    answer = _BIG if path == '/big' else f'{environ["wsgi.url_scheme"]} {len(body)}'.encode()
    start_response('200 OK', [('Content-Length', str(len(answer)))])
    return [answer]


def _endless(is_over: Callable[[], bool]) -> Iterator[bytes]:
    while not is_over():
        yield b'on and on\n'
        time.sleep(0.02)


Start = Callable[..., tuple[str, int]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with options of ``[api]``; its address."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> tuple[str, int]:
            conf = magnum.conf.load(config_files=[], conf=cfg.ConfigOpts())
            for name, value in {'port': 0, 'workers': 1, 'threads': 3, **options}.items():
                conf.set_override(name, value, 'api')
            server = Server(conf, application)
            server.start()
            stack.callback(server.stop)
            return server.address

        yield start


def _connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=_TIMEOUT)


def _exchange(address: tuple[str, int], sent: bytes) -> bytes:
    """All that comes back until the server closes."""
    with _connect(address) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b''.join(iter(lambda: connection.recv(65536), b''))


def _until(connection: socket.socket, end: bytes) -> None:
    received = b''
    while not received.endswith(end):
        received += connection.recv(65536) or pytest.fail(f'closed after {received!r}')


def _get(address: tuple[str, int], path: str = '/') -> tuple[int, bytes]:
    client = http.client.HTTPConnection(*address, timeout=_TIMEOUT)
    try:
        client.request('GET', path)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


_HOST = b'Host: x\r\n'
_EXPECT = b'Expect: 100-continue\r\n'


@pytest.mark.parametrize(('request_', 'status'), [
    (b'GET / HTTP/1.1\r\n' + _HOST + b'\r\n', 200),
    (b'GET / HTTP/1.0\r\n\r\n', 200),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 2\r\n\r\n{}', 200),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', 200),
    (b'GET / HTTP/1.1\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\n' + _HOST + _HOST + b'\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 2, 2\r\n\r\n{}', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Content-Length: 2\r\ntransfer-encoding:\tchunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.0\r\n' + _HOST + b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding: gzip, chunked\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding:\r\nContent-Length: 2\r\n\r\n{}', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding: xchunked\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding:\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding: ,\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Transfer-Encoding: chunked\r\n , chunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST
     + b'Transfer-Encoding: \tChunked \r\n\r\n2\r\n{}\r\n0\r\n\r\n', 200),
    # Nothing is to come, so nobody is told to go on.
    (b'GET / HTTP/1.1\r\n' + _HOST + _EXPECT + b'\r\n', 200),
    (b'POST / HTTP/1.1\r\n' + _HOST + _EXPECT + b'Content-Length: 0\r\n\r\n', 200),
    (b'POST / HTTP/1.1\r\n' + _HOST + _EXPECT + b'Content-Length: 5000000\r\n\r\n', 413),
    (b'POST / HTTP/1.1\r\n' + _HOST + _EXPECT
     + b'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: -2\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: +2\r\n\r\n{}', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 1' + b'0' * 5000 + b'\r\n\r\n', 400),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 99999999999\r\n\r\n', 413),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding: chunked\r\n\r\nxyz\r\n', 400),
    (b'GET / HTTP/1.1\r\n' + _HOST + b'A: ' + b'x' * 40_000 + b'\r\n\r\n', 431),
    (b'GET http://[ HTTP/1.1\r\n' + _HOST + b'\r\n', 400),
    (b'GET / HTTP/1.1\r\n' + _HOST + b'A: b\nC: d\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\n' + _HOST + b'A : b\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\n' + _HOST + b'no header\r\n\r\n', 400),
    (b'nonsense\r\n\r\n', 400),
    (b'\x16\x03\x01\x02\x00\x01\r\n\r\n', 400),
])
def test_framing(start: Start, request_: bytes, status: int) -> None:
    answer = _exchange(start(), request_)
    head, _, body = answer.partition(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.'), answer
    assert int(head.split()[1]) == status
    if status != 200:
        assert len(re.findall(rb'HTTP/1\.. [0-9]{3} ', answer)) == 1
        (error,) = json.loads(body)['errors']
        assert error['status'] == status
        assert error['request_id'].startswith('req-')
        assert error['code'].startswith('magnum.request.')


@pytest.mark.parametrize(('head', 'status'), [
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 5000000\r\n\r\n', 413),
    (b'GET / HTTP/1.1\r\n' + _HOST + b'A: ', 431),
    (b'POST / HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding: chunked\r\n\r\n4c4b40\r\n', 413),
])
def test_who_sends_too_much_hears_so(start: Start, head: bytes, status: int) -> None:
    with _connect(start()) as connection:
        connection.sendall(head + b'x' * 5_000_000)
        assert int(connection.recv(65536).split()[1]) == status
        # Nothing of it is kept, or taken for another request.
        connection.sendall(b'\r\n\r\nGET / HTTP/1.1\r\n' + _HOST + b'\r\n')
        began = time.monotonic()
        assert _end_of(connection) == b''
        assert time.monotonic() - began < 5


def test_what_is_sent_by_pieces_and_at_once(start: Start) -> None:
    address = start()
    piece = b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 3\r\n\r\nabc'
    with _connect(address) as connection:
        for byte in piece:
            connection.sendall(bytes([byte]))
        _until(connection, b'http 3')
    last = piece.replace(_HOST, _HOST + b'Connection: close\r\n')
    assert _exchange(address, piece * 20 + last).count(b'http 3') == 21


def test_a_client_that_waits_to_be_told_to_go_on(start: Start) -> None:
    with _connect(start()) as connection:
        connection.sendall(
            b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 3\r\nExpect: 100-continue\r\n\r\n'
        )
        assert connection.recv(65536) == b'HTTP/1.1 100 Continue\r\n\r\n'
        connection.sendall(b'abc')
        _until(connection, b'http 3')


def test_requests_that_wait_for_nothing_stay_apart(start: Start) -> None:
    waiting = b'POST / HTTP/1.1\r\n' + _HOST + _EXPECT + b'Content-Length: 0\r\n\r\n'
    last = b'GET / HTTP/1.1\r\n' + _HOST + b'Connection: close\r\n\r\n'
    answer = _exchange(start(), waiting * 3 + last)
    assert re.findall(rb'HTTP/1\.1 ([0-9]{3}) ', answer) == [b'200'] * 4


def test_the_servers_thread_sleeps_while_workers_work(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []
    readable = connections.Listener.readable

    def counted(listener: connections.Listener) -> Any:
        rounds.append(1)
        return readable(listener)

    monkeypatch.setattr(
        connections.Listener, 'readable', counted
    )
    address = start()
    for _ in range(50):
        assert _get(address, '/busy') == (200, b'http 0')
    assert 50 <= len(rounds) < 50 * 20


@pytest.mark.parametrize('begun', [
    b'', b'GET / HTTP/1.1\r\n', b'GET / HTTP/1.1\r\n' + _HOST + b'A: ',
    b'POST / HTTP/1.1\r\n' + _HOST + b'Content-Length: 5\r\n\r\nab',
], ids=['nothing', 'a line', 'a header', 'a body'])
def test_slow_clients_hold_no_worker_and_are_closed(start: Start, begun: bytes) -> None:
    address = start(request_time=1)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(_connect(address)) for _ in range(20)]
        for connection in slow:
            connection.sendall(begun)
        began = time.monotonic()
        assert _get(address) == (200, b'http 0')
        assert time.monotonic() - began < 0.9
        # A byte now and then does not prolong it.
        with contextlib.suppress(OSError):
            while begun and time.monotonic() - began < 1.5:
                slow[0].sendall(b'x' if begun.endswith(b' ') else b'')
                time.sleep(0.1)
        assert [_end_of(connection) for connection in slow] == [b''] * 20
        assert time.monotonic() - began < 8


def _end_of(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1000)
    except ConnectionResetError:
        return b''


def test_a_connection_too_many_costs_the_one_that_waited_longest(start: Start) -> None:
    address = start(connections=5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(_connect(address)) for _ in range(4)]
        for connection in held:
            connection.sendall(b'GET / HTTP/1.1\r\nA: ')
        time.sleep(0.2)
        client = http.client.HTTPConnection(*address, timeout=_TIMEOUT)
        stack.callback(client.close)
        client.request('GET', '/slow')
        # One too many; then as many as there may be again.
        later = [stack.enter_context(_connect(address)) for _ in range(4)]
        assert [_end_of(connection) for connection in held] == [b''] * 4
        # What is being answered does not wait for its client.
        assert client.getresponse().read() == b'http 0'
        assert _get(address) == (200, b'http 0')
        later[-1].sendall(b'GET / HTTP/1.1\r\n' + _HOST + b'\r\n')
        _until(later[-1], b'http 0')


def test_what_happened_at_a_number_is_for_who_had_it_then() -> None:
    """A new connection gets the number of one that was closed in the same turn."""
    sockets: dict[int, Any] = {}
    seen: list[str] = []

    class Peer:
        accepting = False

        def __init__(self, name: str, act: Callable[[], None] = lambda: None):
            self.name, self.act = name, act

        def readable(self) -> bool:
            return True

        def writable(self) -> bool:
            return False

        def handle_read_event(self) -> None:
            seen.append(self.name)
            self.act()

        handle_close = handle_read_event

    with contextlib.ExitStack() as stack:
        bound = stack.enter_context(socket.create_server(('127.0.0.1', 0)))
        listener = connections.Listener(
            application, sockets, bound, Adjustments(sockets=[bound]),
            connections.Bounds(5, 1), None,
        )
        stack.callback(listener.task_dispatcher.shutdown)
        stack.callback(listener.close)
        pairs = [socket.socketpair() for _ in range(2)]
        for one in (end for pair in pairs for end in pair):
            stack.callback(one.close)
        (first, second) = sorted(pair[0].fileno() for pair in pairs)
        for _, other in pairs:
            other.sendall(b'x')
        sockets[second] = Peer('old')
        sockets[first] = Peer('first', lambda: sockets.update({second: Peer('new')}))
        sockets[second] = sockets.pop(second)  # asked after the first
        listener._turn()
        assert 'first' in seen
        assert 'new' not in seen


def test_more_than_there_may_be_wait_until_one_is_answered(start: Start) -> None:
    address = start(connections=2, threads=3)
    answers: list[tuple[int, bytes]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(_get(address, '/slow'))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_TIMEOUT)
    assert answers == [(200, b'http 0')] * 8


def test_urgent_data(start: Start) -> None:
    address = start()
    with _connect(address) as connection:
        connection.send(b'!', socket.MSG_OOB)
        assert _end_of(connection) == b''
    assert _get(address) == (200, b'http 0')


def test_who_reads_slowly_holds_no_worker(start: Start) -> None:
    address = start(threads=2)
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(_connect(address))
            connection.sendall(b'GET /big HTTP/1.1\r\n' + _HOST + b'\r\n')
        assert _get(address) == (200, b'http 0')


def test_whose_answer_is_never_taken_is_closed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.Connection, 'is_overdue', _impatiently)
    address = start(threads=1)
    with _connect(address) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b'GET /big HTTP/1.1\r\n' + _HOST + b'\r\n')
        # Its only worker is held until the client has been waited for long enough.
        assert _get(address) == (200, b'http 0')


_is_overdue = connections.Connection.is_overdue


def _impatiently(self: Any, now: float, bounds: connections.Bounds) -> bool:
    self.adj.outbuf_high_watermark = 1000
    self.adj.channel_timeout = 1
    return _is_overdue(self, now, bounds)


def test_a_stop_lets_requests_end_and_tells_streams(start: Start) -> None:
    conf = magnum.conf.load(config_files=[], conf=cfg.ConfigOpts())
    conf.set_override('port', 0, 'api')
    server = Server(conf, application)
    server.start()
    idle = _connect(server.address)
    stream = http.client.HTTPConnection(*server.address, timeout=_TIMEOUT)
    stream.request('GET', '/stream')
    streamed = stream.getresponse()
    assert streamed.readline() == b'on and on\n'
    slow = http.client.HTTPConnection(*server.address, timeout=_TIMEOUT)
    slow.request('GET', '/slow')
    time.sleep(0.2)
    began = time.monotonic()
    server.stop()
    assert 0.5 < time.monotonic() - began < 5
    assert slow.getresponse().read() == b'http 0'
    assert streamed.read().endswith(b'on and on\n')
    assert idle.recv(10) == b''
    with pytest.raises(ConnectionRefusedError):
        _connect(server.address)
    for one in (idle, stream, slow):
        one.close()


def test_a_stop_whose_thread_ends_before_it_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's thread may have work to do, and find what it is told, too."""
    conf = magnum.conf.load(config_files=[], conf=cfg.ConfigOpts())
    conf.set_override('port', 0, 'api')
    server = Server(conf, application)
    server.start()
    wake = server._listener.trigger.pull_trigger
    thread = server._thread
    assert thread is not None

    def wake_late(action: Callable[[], None]) -> None:
        wake(action)
        thread.join(0.5)
        wake()

    monkeypatch.setattr(server, '_in_its_thread', wake_late)
    server.stop()
    assert not thread.is_alive()


@pytest.fixture
def certificate(tmp_path: pathlib.Path) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'magnum')])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))]), False
        )
        .sign(key, hashes.SHA256())
    )
    files = {'ssl_cert_file': tmp_path / 'cert.pem', 'ssl_key_file': tmp_path / 'key.pem'}
    files['ssl_cert_file'].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files['ssl_key_file'].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))
    return {name: str(file) for name, file in files.items()}


def test_tls(start: Start, certificate: dict[str, str]) -> None:
    address = start(enabled_ssl=True, request_time=1, **certificate)
    context = ssl.create_default_context(cafile=certificate['ssl_cert_file'])
    failed: list[BaseException] = []

    def ask_a_lot() -> None:
        client = http.client.HTTPSConnection(*address, context=context, timeout=_TIMEOUT)
        try:
            for length in (0, 1, 16_384, 16_385, 100_000):
                client.request('POST', '/', b'x' * length)
                assert client.getresponse().read() == f'https {length}'.encode()
                client.request('GET', '/big')
                assert client.getresponse().read() == _BIG
        except BaseException as error:
            failed.append(error)
        finally:
            client.close()

    # Neither those that shake no hands nor those that speak something else hold it up.
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(_connect(address)) for _ in range(10)]
        for connection in silent[:5]:
            connection.sendall(b'\x16\x03\x01')
        threads = [threading.Thread(target=ask_a_lot) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_TIMEOUT)
        assert not any(thread.is_alive() for thread in threads)
        assert failed == []
        assert [_end_of(connection) for connection in silent] == [b''] * 10
    with _connect(address) as plain:
        plain.sendall(b'GET / HTTP/1.1\r\n' + _HOST + b'\r\n')
        assert _end_of(plain)[:4] != b'HTTP'
