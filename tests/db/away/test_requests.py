"""Requests while the database is away: 503 in bounded time, and all well afterwards."""

import http.client
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import webtest

from magnum.api.http import sse
from magnum.api.http.server import Server
from magnum.db import away
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE
from tests.fakes.gateway import Gateway
from tests.unit.certificates import csr

#: Seconds that a request may take, on a busy machine, to say that there is no database.
BOUND = 15.0
UUID = '00000000-0000-4000-8000-000000000000'

REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ('GET', '/v1/clusters', None),
    ('GET', '/v1/bays/one', None),
    ('GET', '/v1/clusters/one/events', None),
    ('GET', '/v1/operations', None),
    ('GET', '/v1/stats', None),
    ('POST', '/v1/baymodels', {**TEMPLATE, 'name': 'other'}),
    ('POST', '/v1/clusters', {**CLUSTER, 'name': 'two'}),
    ('PATCH', '/v1/clusters/one', [{'op': 'replace', 'path': '/node_count', 'value': 2}]),
    ('POST', '/v1/clusters/one/actions/resize', {'node_count': 2}),
    ('DELETE', '/v1/clusters/one', None),
    ('POST', f'/v1/bootstrap/{UUID}/ca', None),
    ('POST', f'/v1/bootstrap/{UUID}/certificates/kubelet?node=n', None),
    ('POST', f'/v1/bootstrap/{UUID}/trust?node=n&purpose=kubelet', csr.make(csr.name(CN='n'))),
)


@pytest.fixture
def service(gateway: Gateway, tmp_path: pathlib.Path) -> Iterator[Service]:
    running = Service(
        tmp_path, api__workers=1, api__port=0, api__threads=4, api__event_streams=2,
        bootstrap__requests_per_minute=1000,
    )
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    client = webtest.TestApp(service.application)
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS)
    return client


def test_every_request_says_so(client: webtest.TestApp, gateway: Gateway) -> None:
    gateway.cut()
    for method, path, body in REQUESTS:
        began = time.monotonic()
        answer = _ask(client, method, path, body)
        assert time.monotonic() - began < BOUND, (method, path)
        assert answer.status_int == 503, (method, path, answer.text)
        assert answer.json['errors'][0]['code'] == 'magnum.database_unavailable'
        assert answer.headers['Retry-After'] == '5'
        assert 'database' in answer.json['errors'][0]['detail']
    gateway.open()
    assert _ask(client, 'GET', '/v1/clusters', None).status_int == 200
    for method, path, body in REQUESTS:
        assert _ask(client, method, path, body).status_int < 500, (method, path)


def test_a_short_absence_is_waited_for(client: webtest.TestApp, gateway: Gateway) -> None:
    gateway.cut()
    threading.Timer(1.0, gateway.open).start()
    answer = client.post_json('/v1/baymodels', {**TEMPLATE, 'name': 'other'}, headers=HEADERS)
    assert answer.status_int == 201


def test_a_silent_database(
    gateway: Gateway, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = {'connect_timeout': '1', 'read_timeout': '2', 'write_timeout': '2'}
    monkeypatch.setitem(away._BOUNDS, 'mysql', bounds)
    monkeypatch.setitem(away._BOUNDS, 'postgresql', {'connect_timeout': '2'})
    service = Service(tmp_path)
    client = webtest.TestApp(service.application)
    if service.database.dialect == 'postgresql':
        # The kernel bounds the wait for an answer; a gateway that confirms what it
        # does not pass on cannot show that.
        service.database.engine.dispose()
        service.database._readers.dispose()
    gateway.silence()
    for path in ('/v1/clusters', '/v1/bays/one'):
        began = time.monotonic()
        assert _ask(client, 'GET', path, None).status_int == 503
        assert time.monotonic() - began < BOUND
    service.stop()


def test_a_stream_goes_on(
    service: Service, client: webtest.TestApp, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, '_HEARTBEAT_INTERVAL', 0.2)
    monkeypatch.setattr(sse, '_LOOK_INTERVAL', 0.1)
    server = Server(service.conf, service.application)
    server.start()
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    connection.request(
        'GET', '/v1/clusters/one/events', headers={**HEADERS, 'Accept': 'text/event-stream'}
    )
    stream = connection.getresponse()
    assert _line_of(stream, b'event: ')
    gateway.cut()
    for _ in range(3):
        assert _line_of(stream, b': heartbeat')
    refused = http.client.HTTPConnection(*server.address, timeout=30)
    refused.request(
        'GET', '/v1/clusters/one/events', headers={**HEADERS, 'Accept': 'text/event-stream'}
    )
    answer = refused.getresponse()
    assert answer.status == 503
    answer.close()
    refused.close()
    gateway.open()
    service.settle()
    assert b'succeeded' in _line_of(stream, b'event: ')
    stream.close()
    connection.close()
    server.stop()


def _line_of(stream: http.client.HTTPResponse, beginning: bytes) -> bytes:
    """The next line with this beginning."""
    while True:
        line = stream.readline()
        assert line, 'the stream has ended'
        if line.startswith(beginning):
            return line


def _ask(client: webtest.TestApp, method: str, path: str, body: Any) -> Any:
    if isinstance(body, str | None):
        more = {} if body is None else {'body': body.encode()}
        return client.request(path, method=method, headers=HEADERS, expect_errors=True, **more)
    call = getattr(client, f'{method.lower()}_json')
    return call(path, body, headers=HEADERS, expect_errors=True)
