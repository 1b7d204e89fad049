"""Passwords in addresses of proxies: refused, and never shown."""

from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import HEADERS, TEMPLATE

pytestmark = pytest.mark.installed_drivers

SECRET = 'pa55w0rd'
ADDRESSES = (f'http://me:{SECRET}@proxy:3128', f'me:{SECRET}@proxy:3128', f'http://{SECRET}@proxy')
PATHS = ('/v1/baymodels', '/v1/clustertemplates')

of_proxies = pytest.mark.parametrize('field', ['http_proxy', 'https_proxy'])
of_both = pytest.mark.parametrize('path', PATHS)


def refused(response: webtest.TestResponse, field: str) -> None:
    assert response.status_int == 400
    assert SECRET not in response.text
    (error,) = response.json['errors']
    assert error['code'] == 'magnum.request.invalid_value'
    assert field in error['detail']
    assert 'credentials' in error['detail']


@of_both
@of_proxies
@pytest.mark.parametrize('address', ADDRESSES)
def test_they_are_refused(client: webtest.TestApp, path: str, field: str, address: str) -> None:
    body = {**TEMPLATE, field: address}
    refused(client.post_json(path, body, headers=HEADERS, expect_errors=True), field)
    assert client.get(path, headers=HEADERS).json[path.rsplit('/', 1)[1]] == []
    made = client.post_json(path, TEMPLATE, headers=HEADERS).json
    patch = [{'op': 'replace', 'path': f'/{field}', 'value': address}]
    url = f'{path}/{made["uuid"]}'
    refused(client.patch_json(url, patch, headers=HEADERS, expect_errors=True), field)
    assert client.get(url, headers=HEADERS).json[field] is None


@of_proxies
@pytest.mark.parametrize('address', ['http://proxy" "x', 'http://a b', 'http://$(id)', "x'y"])
def test_what_breaks_files_of_nodes_is_refused(
    client: webtest.TestApp, field: str, address: str
) -> None:
    body = {**TEMPLATE, field: address}
    response = client.post_json(PATHS[0], body, headers=HEADERS, expect_errors=True)
    assert response.status_int == 400
    assert field in response.json['errors'][0]['detail']


@pytest.fixture
def old(service: Service, client: webtest.TestApp) -> Any:
    """The uuid of a baymodel that was made when they were not refused."""
    made = client.post_json(PATHS[0], TEMPLATE, headers=HEADERS).json
    with service.database.writing() as session:
        session.execute(
            sa.update(models.Baymodel)
            .where(models.Baymodel.uuid == made['uuid'])
            .values(http_proxy=ADDRESSES[0], https_proxy='http://proxy:3128')
        )
    return made['uuid']


@of_both
def test_nobody_is_shown_one_of_old(client: webtest.TestApp, old: str, path: str) -> None:
    one = client.get(f'{path}/{old}', headers=HEADERS)
    for response in (
        one, client.get(path, headers=HEADERS), client.get(f'{path}/detail', headers=HEADERS)
    ):
        assert SECRET not in response.text
    assert one.json['http_proxy'] == 'http://***@proxy:3128'
    assert one.json['https_proxy'] == 'http://proxy:3128'


@of_both
def test_what_was_shown_is_not_taken_back(client: webtest.TestApp, old: str, path: str) -> None:
    """A client that reads, changes and writes would store the asterisks."""
    url = f'{path}/{old}'
    shown = client.get(url, headers=HEADERS).json
    patch = [{'op': 'replace', 'path': '/http_proxy', 'value': shown['http_proxy']}]
    refused(client.patch_json(url, patch, headers=HEADERS, expect_errors=True), 'http_proxy')
    patch = [{'op': 'replace', 'path': '/name', 'value': 'other'}]
    changed = client.patch_json(url, patch, headers=HEADERS)
    assert changed.json['http_proxy'] == 'http://***@proxy:3128'
    patch = [{'op': 'replace', 'path': '/http_proxy', 'value': 'http://proxy:3128'}]
    assert client.patch_json(url, patch, headers=HEADERS).json['http_proxy'] == 'http://proxy:3128'


@pytest.mark.parametrize(('path', 'member'), [('bays', 'baymodel_id'),
                                              ('clusters', 'cluster_template_id')])
def test_no_new_bay_of_one_of_old(
    client: webtest.TestApp, old: str, path: str, member: str
) -> None:
    body = {'name': 'x', member: old}
    response = client.post_json(f'/v1/{path}', body, headers=HEADERS, expect_errors=True)
    assert response.status_int in (400, 409), response.text
    assert 'http_proxy' in response.json['errors'][0]['detail']
    assert SECRET not in response.text
