"""What the fake cloud's services answer, without a socket."""

import json
from typing import Any

import pytest

from tools.bench.cloud import BenchCloud
from tools.fakecloud.http import Connection, Reply, Request

BASE = 'http://cloud'


@pytest.fixture
def cloud() -> BenchCloud:
    return BenchCloud(BASE, 'http://magnum')


def ask(cloud: BenchCloud, method: str, path: str, body: Any = None, **query: list[str]) -> Reply:
    content = b'' if body is None else json.dumps(body).encode()
    return cloud.answer(Request(method, tuple(path.split('/')), query, {}, content))


def create_stack(cloud: BenchCloud, name: str) -> str:
    body = {'stack_name': name, 'parameters': {'number_of_minions': 2}, 'tags': 'one,two'}
    reply = ask(cloud, 'POST', 'orchestration/v1/demo/stacks', body)
    assert reply.status == 201
    return str(reply.document['stack']['id'])


def test_stack_is_listed_by_repeated_ids(cloud: BenchCloud) -> None:
    first, second, _ = (create_stack(cloud, name) for name in ('a', 'b', 'c'))
    reply = ask(cloud, 'GET', 'orchestration/v1/demo/stacks', id=[first, second])
    assert {stack['id'] for stack in reply.document['stacks']} == {first, second}
    assert all(stack['tags'] == ['one', 'two'] for stack in reply.document['stacks'])


def test_stack_names_are_unique(cloud: BenchCloud) -> None:
    create_stack(cloud, 'a')
    reply = ask(cloud, 'POST', 'orchestration/v1/demo/stacks', {'stack_name': 'a'})
    assert reply.status == 409


def test_complete_stack_has_outputs_for_each_node(cloud: BenchCloud) -> None:
    stack = create_stack(cloud, 'a')
    moved = ask(cloud, 'GET', f'orchestration/v1/demo/stacks/{stack}')
    assert moved.headers['Location'] == f'{BASE}/orchestration/v1/demo/stacks/a/{stack}'
    shown = ask(cloud, 'GET', f'orchestration/v1/demo/stacks/a/{stack}').document['stack']
    outputs = {output['output_key']: output['output_value'] for output in shown['outputs']}
    assert shown['stack_status'] == 'CREATE_COMPLETE'
    assert len(outputs['kube_minions']) == 2


def test_deleted_stack_frees_its_name(cloud: BenchCloud) -> None:
    stack = create_stack(cloud, 'a')
    ask(cloud, 'DELETE', f'orchestration/v1/demo/stacks/a/{stack}')
    create_stack(cloud, 'a')


def test_user_of_a_taken_name_is_refused(cloud: BenchCloud) -> None:
    body = {'user': {'name': 'bay', 'password': 'secret'}}
    assert ask(cloud, 'POST', 'identity/v3/users', body).status == 201
    assert ask(cloud, 'POST', 'identity/v3/users', body).status == 409


def test_token_says_whose_it_is(cloud: BenchCloud) -> None:
    request = Request('GET', ('identity', 'v3', 'auth', 'tokens'), {},
                      {'x-subject-token': 'proj-blue'}, b'')
    token = cloud.answer(request).document['token']
    assert token['project']['id'] == 'blue'
    assert 'container-infra' in {service['type'] for service in token['catalog']}


def test_calls_are_counted_by_service(cloud: BenchCloud) -> None:
    create_stack(cloud, 'a')
    ask(cloud, 'GET', 'image/v2/images')
    statistics = ask(cloud, 'GET', 'control/statistics').document
    assert statistics['totals'] == {'orchestration': 1, 'image': 1}
    ask(cloud, 'POST', 'control/reset')
    assert ask(cloud, 'GET', 'control/statistics').document['stacks'] == 0


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b''

    def write(self, data: bytes) -> None:
        self.written += data


@pytest.mark.parametrize(
    'body',
    [b'Content-Length: 4\r\n\r\nbody', b'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'],
)
def test_requests_may_come_in_pieces(body: bytes) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Reply:
        seen.append(request)
        return Reply('here', {'answer': 1})

    transport = Transport()
    connection = Connection(answer)
    connection.connection_made(transport)  # type: ignore[arg-type]
    for byte in b'POST /a/b%20c?d=1&d=2 HTTP/1.1\r\n' + body:
        connection.data_received(bytes([byte]))
    (request,) = seen
    assert request.path == ('a', 'b c')
    assert request.query == {'d': ['1', '2']}
    assert request.content == b'body'
    assert transport.written.startswith(b'HTTP/1.1 200 OK\r\n')
    assert transport.written.endswith(b'{"answer":1}')
