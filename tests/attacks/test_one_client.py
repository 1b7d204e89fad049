"""One client that would stop everybody: slow, endless, costly, or many at once."""

import concurrent.futures
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from magnum.domain.stack_names import stack_name
from tests.attacks.clients import connect, cpu_seconds, end_of, pour, unharmed
from tests.attacks.nodes import token_in_heat
from tests.attacks.running import RunningService

# Attacks go on until a service would give in.
pytestmark = pytest.mark.slow

_CRLF = b'\r\n'
_HOST = b'Host: magnum\r\n'
_ENDLESS = 150 * 2**20
_MODEL = {
    'name': 'attacked', 'coe': 'kubernetes', 'image_id': 'debian', 'flavor_id': 'm1.small',
    'master_flavor_id': 'm1.small', 'external_network_id': 'public', 'keypair_id': 'default',
}


@pytest.fixture(scope='module')
def service(start_service: Callable[..., RunningService]) -> RunningService:
    """As by default, but for less time of a request."""
    return start_service(api__request_time=3, api__synchronous_create_wait=10)


# Connections without a token -------------------------------------------------
@pytest.mark.parametrize('begun', [
    b'', b'GET /v1/clusters HTTP/1.1\r\n' + _HOST + b'X-Auth-To',
    b'POST /v1/clusters HTTP/1.1\r\n' + _HOST + b'Content-Length: 100\r\n\r\n{"name": ',
], ids=['silent', 'headers', 'body'])
def test_slow_connections(service: RunningService, begun: bytes) -> None:
    with contextlib.ExitStack() as stack:
        with unharmed(service):
            slow = [stack.enter_context(connect(service)) for _ in range(40)]
            for start in range(0, 80, 20):
                for connection in slow:
                    with contextlib.suppress(OSError):
                        connection.sendall(begun[start:start + 20])
                time.sleep(0.5)
        began = time.monotonic()
        for connection in slow:
            end_of(connection)
        # Closed by the service, all of them, and soon.
        assert time.monotonic() - began < 15


def test_more_connections_than_there_may_be(service: RunningService) -> None:
    with contextlib.ExitStack() as stack, unharmed(service):
        for _ in range(900):
            stack.enter_context(connect(service)).sendall(b'GET / HTTP/1.1\r\nA: ')


@pytest.mark.parametrize(('head', 'data', 'status'), [
    (b'GET / HTTP/1.1\r\n' + _HOST + b'A: ', b'x' * 2**16, 431),
    (b'GET / HTTP/1.1\r\n' + _HOST, b'A: b\r\n' * 10_000, 431),
    (b'GET /', b'x' * 2**16, 431),
    (b'POST /v1/clusters HTTP/1.1\r\n' + _HOST + b'Content-Length: 1000000000000\r\n\r\n',
     b'x' * 2**16, 413),
    (b'POST /v1/clusters HTTP/1.1\r\n' + _HOST + b'Transfer-Encoding: chunked\r\n\r\n',
     b'10000\r\n' + b'x' * 2**16 + b'\r\n', 413),
], ids=['one header', 'headers', 'path', 'body', 'chunks'])
def test_requests_without_end(
    service: RunningService, head: bytes, data: bytes, status: int
) -> None:
    with unharmed(service), connect(service) as endless:
        endless.sendall(head)
        # It is cut off long before.
        assert pour(endless, data, _ENDLESS) < 50 * 2**20
    with connect(service) as endless:
        endless.sendall(head)
        pour(endless, data, 2**18)
        assert int(end_of(endless).split()[1]) == status


@pytest.mark.parametrize('headers', [
    b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
    b'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n',
    b'Content-Length: 2\r\nContent-Length: 2\r\n', b'Content-Length: 2\r\nContent-Length: 40\r\n',
])
def test_requests_that_can_be_read_in_two_ways(service: RunningService, headers: bytes) -> None:
    hidden = b'0\r\n\r\nGET /v1/ HTTP/1.1\r\n' + _HOST + _CRLF
    with connect(service) as connection:
        connection.sendall(b'POST /v1/clusters HTTP/1.1\r\n' + _HOST + headers + _CRLF + hidden)
        connection.shutdown(socket.SHUT_WR)
        answer = end_of(connection)
    assert answer.split()[1] == b'400'
    assert b'media_types' not in answer
    assert answer.count(b'HTTP/1.1 ') == 1


def test_a_client_that_never_reads(service: RunningService) -> None:
    with contextlib.ExitStack() as stack, unharmed(service):
        for _ in range(40):
            connection = stack.enter_context(connect(service))
            connection.sendall((b'GET /v1/openapi.json HTTP/1.1\r\n' + _HOST + _CRLF) * 20)


# Costly bodies ---------------------------------------------------------------
_FSTRINGS = "{'a': f'" + '{1}' * 33_000 + "'}"
_NESTED = '{"a":' * 14_000
_HUGE = '{"a": ' + '9' * 99_000 + '}'
_MANY = '[' + '{},' * 33_000 + '{}]'


@pytest.mark.parametrize('labels', [_FSTRINGS, _NESTED, _HUGE, _MANY], ids=range(4))
def test_labels_that_take_long_to_read(service: RunningService, labels: str) -> None:
    before = cpu_seconds(service)
    with unharmed(service) as client:
        for _ in range(10):
            answer = service.ask('POST', '/clustertemplates', json={**_MODEL, 'labels': labels})
            assert answer.status_code == 400
        others = len(client.seconds)
    # Ten of them, apart from what the others take.
    assert cpu_seconds(service) - before - 0.02 * others < 2


@pytest.mark.parametrize('body', [
    b'[' * 100_000, b'{"a":' * 20_000, b'[' + b'[],' * 33_000 + b'[]]',
    b'{' + b','.join(b'"%d": 1' % number for number in range(9_000)) + b'}',
    b'[' + b'9' * 100_000 + b']', b'"' + b'\\u0000' * 16_000 + b'"',
], ids=range(6))
@pytest.mark.parametrize(('method', 'path'), [
    ('POST', '/clusters'), ('PATCH', '/clusters/nothing'), ('POST', '/bays'),
])
def test_bodies_that_take_long_to_read(
    service: RunningService, method: str, path: str, body: bytes
) -> None:
    before = cpu_seconds(service)
    for _ in range(5):
        answer = service.ask(method, path, data=body, headers={'Content-Type': 'application/json'})
        assert answer.status_code == 400, answer.text[:500]
        assert len(answer.content) < 20_000
    assert cpu_seconds(service) - before < 2


@pytest.mark.parametrize(('name', 'value'), [
    ('Accept', 'a/b;q=0.1,' * 3_000), ('Accept', 'text/html' + ';a=b' * 7_000),
    ('If-Match', '"x",' * 7_000), ('If-None-Match', 'W/"x",' * 5_000),
    ('OpenStack-API-Version', 'container-infra 1.1,' * 1_500), ('Last-Event-ID', 'x' * 30_000),
    ('Idempotency-Key', 'x' * 30_000), ('Content-Type', 'multipart/form-data; boundary=' * 900),
    ('X-Openstack-Request-Id', 'req-' * 7_000), ('Accept-Language', 'en,' * 9_000),
    ('Cookie', 'a=b;' * 7_000), ('Forwarded', 'for=1.2.3.4;by=x,' * 1_800),
    ('X-Forwarded-For', '1.2.3.4, ' * 3_000), ('Host', 'x' * 30_000), ('Range', 'bytes=' * 5_000),
], ids=lambda value: value[:20])
def test_headers_that_take_long_to_read(
    service: RunningService, name: str, value: str
) -> None:
    before = cpu_seconds(service)
    for _ in range(5):
        for method, path in (('GET', '/clusters'), ('POST', '/clusters')):
            answer = service.ask(method, path, headers={name: value}, data='{')
            assert answer.status_code < 500, answer.text[:500]
    assert cpu_seconds(service) - before < 2


def test_who_may_not_do_it_cannot_have_it_read(service: RunningService) -> None:
    for token in ('reader', 'member'):
        answer = service.ask('POST', '/clustertemplates', token, json={'labels': _FSTRINGS})
        assert answer.status_code == (403 if token == 'reader' else 400)


# Requests that wait ----------------------------------------------------------
def test_creates_that_wait_for_heat(service: RunningService) -> None:
    """No conductor runs here, so none of them is accepted before the wait is over."""
    service.ask('POST', '/baymodels', json={**_MODEL, 'name': 'of-bays'})

    def create(number: int) -> tuple[int, float]:
        began = time.monotonic()
        answer = requests.post(
            f'{service.url}/v1/bays', headers={'X-Auth-Token': 'member'}, timeout=60,
            json={'name': f'bay-{number}', 'baymodel_id': 'of-bays'},
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()['name'] == f'bay-{number}'
        return answer.status_code, time.monotonic() - began

    with unharmed(service), concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(create, range(12)))
    assert [status for status, _ in answers] == [201] * 12
    # Two of a project wait; the others, which would hold its threads, do not.
    assert sum(seconds > 9.5 for _, seconds in answers) == 2


@contextlib.contextmanager
def _stream(service: RunningService, bay: str, token: str) -> Iterator[requests.Response]:
    with service.ask(
        'GET', f'/clusters/{bay}/events', token, headers={'Accept': 'text/event-stream'},
        stream=True,
    ) as answer:
        yield answer


def test_streams_of_one_reader(service: RunningService) -> None:
    bay = service.create_bay('watched')
    service.ask('POST', '/clustertemplates', 'other', json={**_MODEL, 'name': 'of-others'})
    theirs = service.ask('POST', '/clusters', 'other', json={
        'name': 'theirs', 'cluster_template_id': 'of-others',
    }).json()['uuid']
    with contextlib.ExitStack() as stack, unharmed(service):
        statuses = [
            stack.enter_context(_stream(service, bay, 'reader')).status_code for _ in range(12)
        ]
        assert sorted(statuses) == [200] * 2 + [503] * 10
        assert stack.enter_context(_stream(service, theirs, 'other')).status_code == 200


# Guessing --------------------------------------------------------------------
@pytest.fixture(scope='module')
def guarded(start_service: Callable[..., RunningService]) -> RunningService:
    """Behind a proxy, with a low limit of guesses."""
    return start_service(
        bootstrap__requests_per_minute=5, oslo_middleware__enable_proxy_headers_parsing=True,
    )


def _guess(service: RunningService, bay: str, **headers: str) -> int:
    return service.ask('POST', f'/bootstrap/{bay}/ca', None, headers={
        'X-Bootstrap-Token': 'wrong', **headers,
    }).status_code


_BAY = '00000000-1111-4222-8333-444444444444'


def test_addresses_that_a_client_makes_up(guarded: RunningService) -> None:
    """The proxy appends 203.0.113.7; all before it comes from the client."""
    statuses = [
        _guess(guarded, _BAY, **{
            'X-Forwarded-For': f'192.0.2.{number}, 203.0.113.7',
            'Forwarded': f'for=192.0.2.{number}',
        })
        for number in range(12)
    ]
    assert statuses == [401] * 5 + [429] * 7
    # Another client of the same proxy is not concerned.
    assert _guess(guarded, _BAY, **{'X-Forwarded-For': '203.0.113.8'}) == 401


def test_strangers_behind_the_address_of_nodes(guarded: RunningService) -> None:
    bay = guarded.create_bay('starved')
    guarded.world.worker().turn()
    token = token_in_heat(guarded, stack_name('starved', bay), 'master')
    assert token
    address = {'X-Forwarded-For': '198.51.100.1'}
    ends = threading.Event()

    def flood() -> None:
        while not ends.is_set():
            _guess(guarded, _BAY, **address)

    strangers = [threading.Thread(target=flood) for _ in range(4)]
    try:
        assert 429 in [_guess(guarded, _BAY, **address) for _ in range(12)]
        for stranger in strangers:
            stranger.start()
        give_up = time.monotonic() + 20
        status = 0
        # As a node does it: again, after a moment.
        while status != 200 and time.monotonic() < give_up:
            status = guarded.ask('POST', f'/bootstrap/{bay}/ca', None, headers={
                'X-Bootstrap-Token': token, **address,
            }).status_code
            time.sleep(0.2)
        assert status == 200
    finally:
        ends.set()
        for stranger in strangers:
            stranger.join()
