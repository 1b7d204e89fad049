"""Whose request log lines say that they are of."""

import logging
from collections.abc import Iterator

import pytest
import webtest
from oslo_context import context as oslo_context

from magnum.operations.claims import Claim
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import HEADERS
from tests.operations.conftest import World
from tests.operations.conftest import world as world

UUID = '00000000-0000-4000-8000-000000000000'

Said = list[tuple[str | None, str | None]]


class _Contexts(logging.Handler):
    """Notes the request id and the user that a line is formatted with."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: Said = []

    def emit(self, record: logging.LogRecord) -> None:
        current = oslo_context.get_current()
        if record.name.startswith('magnum.'):
            self.said.append((current.request_id, current.user_id) if current else (None, None))


@pytest.fixture
def said() -> Iterator[Said]:
    handler = _Contexts()
    logger = logging.getLogger('magnum')
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.said
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_the_user_of_an_earlier_request_is_not_named(
    client: webtest.TestApp, service: Service, said: Said
) -> None:
    for path, method in (
        (f'/v1/bootstrap/{UUID}/ca', 'POST'),
        (f'/v1/bootstrap/{UUID}/nowhere', 'POST'),
        ('/v1', 'GET'),
        ('/v1/clusters', 'GET'),        # without a token: 401
    ):
        client.get('/v1/clusters', headers=HEADERS)
        del said[:]
        answer = client.request(path, method=method, expect_errors=True)
        current = oslo_context.get_current()
        assert current is not None
        assert (current.request_id, current.user_id) == (
            answer.headers['X-OpenStack-Request-ID'], None
        ), path
        if method == 'POST':
            assert said
        assert set(said) <= {(current.request_id, None)}, path


def test_a_worker_names_no_request_when_it_is_done(world: World) -> None:
    world.create()
    worker = world.worker()
    (claim,) = worker.claims.claim(1)
    assert isinstance(claim, Claim)
    assert claim.request_id == 'req-1'
    worker.runner.run(claim)
    current = oslo_context.get_current()
    assert current is not None
    assert current.request_id != claim.request_id
