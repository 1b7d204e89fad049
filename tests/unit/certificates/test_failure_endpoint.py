"""Failures of nodes before they are registered, told by the bootstrap token."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
import webob
from sqlalchemy import orm

from magnum.db import models
from magnum.domain import states
from tests.unit.certificates.nodes import Nodes
from tests.unit.certificates.reporting import Reporting

NODE = 'node-1'
SAID = {'step': '10-proxies', 'position': 1, 'steps': 11, 'lines': ['E: no space', 'exit 1']}


@pytest.fixture
def node(nodes: Nodes, bay: models.Bay) -> Reporting:
    """One that is not registered."""
    return Reporting(nodes.app, bay.uuid, NODE)


def tell(node: Reporting, token: str | None, said: Any = SAID) -> webob.Response:
    headers = {} if token is None else {'X-Bootstrap-Token': token}
    return node.send('failure', json.dumps(said).encode(), headers)


def code_of(answer: webob.Response) -> tuple[int, str]:
    (error,) = answer.json['errors']
    return answer.status_int, error['code']


def failure(session: orm.Session) -> dict[str, Any] | None:
    session.expire_all()
    found: dict[str, Any] | None = session.scalar(
        sa.select(models.Operation.found_failure).filter_by(uuid='operation')
    )
    return found


def test_it_ends_the_operation(
    node: Reporting, nodes: Nodes, tokens: dict[str, str], session: orm.Session
) -> None:
    answer = tell(node, tokens['worker'])
    assert (answer.status_int, answer.json) == (200, {})
    found = failure(session) or {}
    assert (found['code'], found['resource']) == ('node_failed', NODE)
    assert found['reason'] == 'The step 10-proxies failed (1 of 11): E: no space | exit 1'
    (event,) = session.scalars(sa.select(models.Event))
    assert (event.kind, nodes.wake_up.sent) == ('bay.node.failed', 1)
    again = tell(node, tokens['worker'], {})
    assert code_of(again) == (403, 'magnum.bootstrap.node_refused')
    assert failure(session) == found


def test_nothing_but_the_token_is_needed(
    node: Reporting, tokens: dict[str, str], session: orm.Session
) -> None:
    assert tell(node, tokens['worker'], {}).status_int == 200
    assert (failure(session) or {})['reason'] == 'It failed.'


@pytest.mark.parametrize('token', [None, '', 'wrong'])
def test_who_has_no_token(
    node: Reporting, tokens: dict[str, str], session: orm.Session, token: str | None
) -> None:
    assert code_of(tell(node, token)) == (401, 'magnum.bootstrap.refused')
    assert failure(session) is None


def test_a_node_that_is_not_to_be_built(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str], session: orm.Session
) -> None:
    beyond = Reporting(nodes.app, bay.uuid, 'node-4')
    assert code_of(tell(beyond, tokens['worker'])) == (403, 'magnum.bootstrap.node_refused')
    assert failure(session) is None


def test_a_registered_node_has_to_sign(
    node: Reporting, tokens: dict[str, str], session: orm.Session
) -> None:
    """Another node, whose token is the same, does not speak for it."""
    assert node.register(tokens['worker']).status_int == 200
    assert code_of(tell(node, tokens['worker'])) == (401, 'magnum.bootstrap.refused')
    assert failure(session) is None


def test_an_operation_that_has_ended(
    node: Reporting, tokens: dict[str, str], session: orm.Session
) -> None:
    session.execute(sa.update(models.Operation).values(active_for=None, state=states.SUCCEEDED))
    session.commit()
    assert tell(node, tokens['worker']).status_int in (401, 403)
    assert failure(session) is None


@pytest.mark.parametrize(
    ('said', 'pointer'),
    [({'step': '../x'}, '/step'), ({'lines': 'text'}, '/lines'), ({'state': 'ready'}, '/state')],
)
def test_what_is_not_of_the_form(
    node: Reporting, tokens: dict[str, str], session: orm.Session, said: Any, pointer: str
) -> None:
    answer = tell(node, tokens['worker'], said)
    assert (answer.status_int, answer.json['errors'][0]['source']['pointer']) == (400, pointer)
    assert failure(session) is None
