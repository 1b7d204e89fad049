"""Application credentials whose access rules name this service."""

import pathlib
from typing import Any

import pytest
import webtest
from keystonemiddleware import opts
from oslo_config import cfg

import magnum.conf
from magnum.api import app
from tests.api.fixtures.cloud import PROJECT, Token
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE

HEADERS = {'X-Auth-Token': 'ruled', 'OpenStack-API-Version': 'container-infra latest'}
RULES = tuple(
    {'id': f'{method} {path}', 'service': 'container-infra', 'method': method, 'path': path}
    for method, path in (
        ('GET', '/v1/clusters'), ('POST', '/v1/clusters'), ('GET', '/v1/clusters/*'),
        ('POST', '/v1/clustertemplates'),
    )
)


def _ruled(service: Service) -> webtest.TestApp:
    service.cloud.tokens['ruled'] = Token(
        'member-user', PROJECT, ('member', 'reader'), access_rules=RULES
    )
    return webtest.TestApp(service.application)


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    return _ruled(service)


def test_what_the_rules_list_is_open(client: webtest.TestApp) -> None:
    client.get('/v1/clusters', headers=HEADERS, status=200)
    # Images, flavors and the like are looked up on the way, where no rule lets the caller.
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS, status=201)
    client.post_json('/v1/clusters', CLUSTER, headers=HEADERS, status=202)
    client.get('/v1/clusters/one', headers=HEADERS, status=200)


@pytest.mark.parametrize(('method', 'path'), [
    ('GET', '/v1/baymodels'), ('GET', '/v1/clusters/one/events'), ('DELETE', '/v1/clusters/one'),
])
def test_what_they_do_not_list_is_closed(
    client: webtest.TestApp, method: str, path: str
) -> None:
    client.request(path, method=method, headers=HEADERS, status=401)


def test_the_operators_own_service_type_wins(tmp_path: pathlib.Path) -> None:
    file = tmp_path / 'magnum.conf'
    for text, expected in (
        ('', 'container-infra'), ('[keystone_authtoken]\nservice_type = container\n', 'container')
    ):
        file.write_text(text)
        conf: Any = magnum.conf.load(config_files=[str(file)], conf=cfg.ConfigOpts())
        app.set_token_defaults(conf)
        assert conf.keystone_authtoken.service_type == expected
        ((group, options),) = opts.list_auth_token_opts()
        conf.register_opts(options, group=group)
        assert conf.keystone_authtoken.service_type == expected
