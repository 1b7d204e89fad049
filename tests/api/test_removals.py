"""Nodes to remove, where Heat does not tell."""

from typing import Any

import pytest
import webtest

from magnum.db import models
from magnum.domain.parameters import Resize
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE

LATEST = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
RESIZE = '/v1/clusters/one/actions/resize'
NOBODY = '00000000-1111-2222-3333-444444444444'


@pytest.fixture
def cluster(service: Service, client: webtest.TestApp) -> str:
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=LATEST)
    body = {**CLUSTER, 'name': 'one', 'node_count': 4}
    made = client.post_json('/v1/clusters', body, headers=LATEST)
    service.settle()
    return str(made.json['uuid'])


def _resize(client: webtest.TestApp, *names: str) -> Any:
    body = {'node_count': 1, 'nodes_to_remove': list(names)}
    return client.post_json(RESIZE, body, headers=LATEST, expect_errors=True)


def test_heat_is_away(service: Service, client: webtest.TestApp, cluster: str) -> None:
    service.cloud.down.add('orchestration')
    answer = _resize(client, '0')
    assert answer.status_int == 503
    assert answer.json['errors'][0]['code'] == 'magnum.cloud_unavailable'
    # What names no node needs no look-up.
    client.post_json(RESIZE, {'node_count': 1}, headers=LATEST, status=202)


def test_who_may_not_read_stacks_leaves_it_to_the_worker(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    """As an application credential that opens this service alone."""
    service.cloud.forbidden.add('orchestration')
    assert _resize(client, NOBODY).status_int == 202
    (operation,) = (
        row for row in _operations(service) if row.verb == 'resize'
    )
    assert Resize.of(operation).nodes_to_remove == (NOBODY,)


def test_an_error_names_some_only(client: webtest.TestApp, cluster: str) -> None:
    answer = _resize(client, *(f'x{n}' for n in range(50)))
    assert answer.json['errors'][0]['detail'].endswith('x0, x1, x2, x3, x4.')


def test_a_server_that_was_not_made_has_no_id(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    """Heat then has the name of the resource in its place."""
    service.cloud.workers['4'] = 'kube-minion'
    assert _resize(client, 'kube-minion').status_int == 400
    assert _resize(client, '4').status_int == 202


def test_nodes_are_looked_up_anew_each_time(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    assert _resize(client, '9').status_int == 400
    service.cloud.workers['9'] = NOBODY
    assert _resize(client, NOBODY.upper()).status_int == 202


def _operations(service: Service) -> list[models.Operation]:
    with service.database.reading() as session:
        return list(session.query(models.Operation))
