"""Access rules of application credentials, as the configuration has them."""

import re

import pytest
from oslo_config import cfg

from magnum import conf as magnum_conf
from magnum.clients.application_credentials import (
    AccessRuleInvalid,
    ApplicationCredentialsClients,
    access_rules,
)
from magnum.clients.sessions import Sessions

#: As Keystone's middleware reads them.
_TOKEN = re.compile(r'(?P<rest>\*\*)|(?P<part>\*|{[^}]*})|(?P<text>.)')


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    made = magnum_conf.new_config()
    made([], project='magnum', default_config_files=[])
    return made


def is_open(conf: cfg.ConfigOpts, service: str, method: str, path: str) -> bool:
    return any(
        (rule['service'], rule['method']) == (service, method)
        and re.fullmatch(_TOKEN.sub(
            lambda token: '.*' if token['rest'] else '[^/]+' if token['part']
            else re.escape(token['text']), rule['path']
        ), path)
        for rule in access_rules(conf.identity.cloud_access_rules)
    )


@pytest.mark.parametrize('prefix', ['', '/compute'])
@pytest.mark.parametrize(('request_', 'opens'), [
    ('compute GET /v2.1/servers/detail', True),
    ('compute GET /v2.1/servers/1/os-interface', True),
    ('compute POST /v2.1/servers', False),
    ('compute DELETE /v2.1/servers/1', False),
    ('compute POST /v2.1/servers/1/action', False),
    ('compute POST /v2.1/servers/1/os-volume_attachments', True),
    ('compute DELETE /v2.1/servers/1/os-volume_attachments/2', True),
    ('compute GET /v2.1/os-keypairs', False),
    ('network GET /v2.0/subnets', True),
    ('network POST /v2.0/networks', False),
    ('network PUT /v2.0/ports/1', True),
    ('network DELETE /v2.0/ports/1', False),
    ('network POST /v2.0/floatingips', True),
    ('network DELETE /v2.0/security-group-rules/1', True),
    ('load-balancer POST /v2.0/lbaas/loadbalancers', True),
    ('block-storage POST /v3/volumes/1/action', True),
    ('volumev3 POST /v3/p/volumes', True),
    ('block-storage DELETE /v3/p/types/1', False),
    ('image GET /v2/images/1', True),
    ('image DELETE /v2/images/1', False),
    ('identity GET /v3/users', False),
    ('orchestration GET /v1/p/stacks', False),
    ('key-manager GET /v1/secrets', False),
])
def test_what_is_open_by_default(
    conf: cfg.ConfigOpts, request_: str, prefix: str, opens: bool
) -> None:
    service, method, path = request_.split()
    assert is_open(conf, service, method, prefix + path) is opens


def test_an_empty_value_is_no_rule(conf: cfg.ConfigOpts) -> None:
    conf.set_override('cloud_access_rules', [''], 'identity')
    assert access_rules(conf.identity.cloud_access_rules) == []


def test_a_rule_for_each_method() -> None:
    assert access_rules(['image GET,HEAD /v2/images/*']) == [
        {'service': 'image', 'method': method, 'path': '/v2/images/*'} for method in ('GET', 'HEAD')
    ]


@pytest.mark.parametrize('rule', [
    'image', 'image GET', 'image /v2', 'image GET v2', 'image get /v2', 'image GET, HEAD /v2',
    'image OPTIONS /v2', 'Image GET /v2', 'image GET /v2 more', f'image GET /{"x" * 255}',
])
def test_what_is_no_rule_is_named_at_the_start(conf: cfg.ConfigOpts, rule: str) -> None:
    conf.set_override('cloud_access_rules', ['network GET /**', rule], 'identity')
    with pytest.raises(AccessRuleInvalid, match=re.escape(f'"{rule}"')):
        ApplicationCredentialsClients(conf, Sessions(conf))
