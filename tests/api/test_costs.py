"""What a request costs: statements and calls to the cloud, which never grow with the page."""

import collections
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.api.routes import ROUTES
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE
from tests.unit.certificates.reporting import WELL

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
ADMIN = {**HEADERS, 'X-Auth-Token': 'admin'}

#: Statements that a list may cost: the page, what belongs to its rows, the
#: marker, and the bay that it is a list of.
MOST = 4
LISTS = sorted(
    route.path for route in ROUTES
    if route.method == 'GET' and route.handler.name.endswith(('.list', '.detail'))
)


class Meter:
    """Counts while it is on."""

    def __init__(self, service: Service):
        self._service = service
        self.statements = 0
        # On servers, readers have an engine of their own.
        for engine in service.database.engines:
            sa.event.listen(engine, 'before_cursor_execute', self._count)

    def _count(self, *args: Any) -> None:
        statement: str = args[2]
        if not statement.startswith(('BEGIN', 'COMMIT', 'ROLLBACK', 'PRAGMA')):
            self.statements += 1

    def of(self, client: webtest.TestApp, url: str, headers: dict[str, str]) -> tuple[int, int]:
        """(statements, calls to the cloud) of one GET."""
        client.get(url, headers=headers)
        self.statements = 0
        before = collections.Counter(self._service.cloud.requests)
        client.get(url, headers=headers)
        calls = collections.Counter(self._service.cloud.requests) - before
        return self.statements, sum(
            count for call, count in calls.items() if 'auth/tokens' not in call
        )


@pytest.fixture(scope='module')
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory: pathlib.Path = tmp_path_factory.mktemp('costs')
    running = Service(directory, quotas__max_clusters_per_project=100)
    yield running
    running.stop()


@pytest.fixture(scope='module')
def client(service: Service) -> webtest.TestApp:
    made = webtest.TestApp(service.application)
    made.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    made.post_json('/v1/clusters', CLUSTER, headers=HEADERS)
    service.settle()
    return made


def _grow(service: Service, client: webtest.TestApp) -> None:
    for number in range(10):
        client.post_json(
            '/v1/clustertemplates', {**TEMPLATE, 'name': f'm{number}'}, headers=HEADERS
        )
        client.post_json('/v1/clusters', {**CLUSTER, 'name': f'b{number}'}, headers=HEADERS)
        made = client.post_json(
            '/v1/clusters/one/nodegroups', {'name': f'g{number}'}, headers=HEADERS
        )
        assert made.status_int == 202
        service.settle()


def test_lists_do_not_cost_more_when_they_are_longer(
    service: Service, client: webtest.TestApp
) -> None:
    assert service.cloud.requests, 'a new template and its cluster are looked up'
    meter = Meter(service)
    urls = [path.replace('{ident}', 'one') for path in LISTS]
    before = {url: meter.of(client, url, ADMIN) for url in urls}
    _grow(service, client)
    after = {url: meter.of(client, url, ADMIN) for url in urls}
    assert after == before
    assert {url: cost for url, cost in after.items() if cost > (MOST, 0) or cost[1]} == {}
    # Drivers are of the process, and in no database.
    assert [url for url, (statements, _) in after.items() if not statements] == ['/v1/drivers']


def test_a_report_without_news_costs_one_statement(
    service: Service, client: webtest.TestApp
) -> None:
    """Each node sends one a minute: what it costs is what most of the service costs."""
    node = service.add_node('one', 'worker', 0)
    meter = Meter(service)
    counted = []
    for _ in range(3):
        meter.statements = 0
        assert node.report(conditions={'Services': WELL}).status_int == 200
        counted.append(meter.statements)
    assert counted[1:] == [1, 1], counted
