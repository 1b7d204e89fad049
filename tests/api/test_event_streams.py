"""Streams of events, through the server that installations run."""

import http.client
import json
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.api.http import held_threads, sse
from magnum.api.http.server import Server
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE

Streaming = Callable[..., http.client.HTTPResponse]

_STREAM = {**HEADERS, 'Accept': 'text/event-stream'}
_TIMEOUT = 20.0


@pytest.fixture
def served(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service with one cluster; its streams look, and tell that they live, often."""
    monkeypatch.setattr(sse, '_HEARTBEAT_INTERVAL', 0.0)
    monkeypatch.setattr(sse, '_LOOK_INTERVAL', 0.02)
    service = Service(
        tmp_path, api__workers=1, api__port=0, api__threads=3, api__event_streams=5,
        api__event_stream_time=600,
    )
    client = webtest.TestApp(service.application)
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS)
    yield service
    service.stop()


@pytest.fixture
def address(served: Service) -> Iterator[tuple[str, int]]:
    server = Server(served.conf, served.application)
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
def ask(address: tuple[str, int]) -> Iterator[Streaming]:
    opened: list[Any] = []

    def ask(headers: dict[str, str] = _STREAM, path: str = '/v1/clusters/one/events') -> Any:
        connection = http.client.HTTPConnection(*address, timeout=_TIMEOUT)
        opened.append(connection)
        connection.request('GET', path, headers=headers)
        response = connection.getresponse()
        opened.append(response)
        return response

    yield ask
    for one in reversed(opened):
        one.close()


def _read(response: http.client.HTTPResponse) -> dict[str, str]:
    """The next event of a stream."""
    fields: dict[str, str] = {}
    while True:
        line = response.readline().decode()
        if not line:
            raise EOFError
        name, _, value = line.rstrip('\n').partition(': ')
        if line == '\n' and 'event' in fields:
            return fields
        if name:
            fields[name] = value


def test_events_arrive_as_they_happen(served: Service, ask: Streaming) -> None:
    stream = ask()
    assert stream.status == 200
    assert stream.headers['Content-Type'] == 'text/event-stream'
    assert stream.headers['X-Openstack-Request-Id'].startswith('req-')
    first = _read(stream)
    assert first['event'] == 'bay.create.accepted'
    document = json.loads(first['data'])
    assert document['cursor'] == first['id']
    served.settle()
    second = _read(stream)
    assert second['event'] == 'bay.create.succeeded'

    resumed = ask({**_STREAM, 'Last-Event-ID': first['id']})
    assert _read(resumed)['id'] == second['id']


def test_no_connection_is_held_between_looks(
    served: Service, ask: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, '_LOOK_INTERVAL', 0.5)
    held: set[int] = set()
    looks: list[int] = []

    def take(connection: Any, *_: Any) -> None:
        held.add(id(connection))
        looks.append(id(connection))

    for engine in served.database.engines:
        sa.event.listen(engine, 'checkout', take)
        sa.event.listen(engine, 'checkin', lambda connection, *_: held.discard(id(connection)))
    stream = ask()
    _read(stream)
    del looks[:]
    for _ in range(3):
        # A heartbeat follows a look.
        while stream.readline() != b': heartbeat\n':
            pass
        assert held == set()
    assert looks


def test_a_stream_ends_with_its_bay(served: Service, ask: Streaming) -> None:
    stream = ask()
    served.settle()
    client = webtest.TestApp(served.application)
    client.delete('/v1/clusters/one', headers=HEADERS)
    served.settle()
    kinds = [_read(stream)['event'] for _ in range(4)]
    assert kinds[-1] == 'bay.delete.succeeded'
    with pytest.raises(EOFError):
        _read(stream)


def test_there_are_few_at_a_time_and_others_are_served(ask: Streaming) -> None:
    # Three threads: two for streams, whatever the option says.
    held = [ask(), ask()]
    assert [stream.status for stream in held] == [200, 200]
    refused = ask()
    assert refused.status == 503
    assert 1 <= int(refused.headers['Retry-After']) <= 600
    assert json.loads(refused.read())['errors'][0]['code'] == 'magnum.event.too_many_streams'
    assert ask(HEADERS).status == 200
    assert ask(HEADERS, '/v1/clusters').status == 200


def test_a_client_that_goes_makes_room(ask: Streaming) -> None:
    for stream in (ask(), ask()):
        _read(stream)
        reader: Any = stream.fp     # which has the socket, and no name for it
        reader.raw._sock.shutdown(socket.SHUT_RDWR)
    give_up = time.monotonic() + _TIMEOUT
    while ask().status != 200:
        assert time.monotonic() < give_up


def test_heartbeats_and_an_end(served: Service) -> None:
    served.conf.set_override('event_stream_time', 1, group='api')
    running = sse.Streams(served.conf, held_threads.of_process(served.conf))
    before = threading.active_count()
    stream = running.open(lambda: ([], False), 'project')
    began = time.monotonic()
    body = b''.join(stream)
    assert 0.9 < time.monotonic() - began < _TIMEOUT
    assert body.startswith(b'retry: 1000\n\n: heartbeat\n\n')
    assert threading.active_count() == before


def test_one_that_is_never_begun_makes_room(served: Service) -> None:
    running = sse.Streams(served.conf, held_threads.of_process(served.conf))
    for _ in range(10):
        running.open(lambda: ([], False), 'project').close()
