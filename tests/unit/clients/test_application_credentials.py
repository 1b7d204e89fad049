"""Access rules of application credentials, as the configuration has them."""

import contextlib
import pathlib
import re
from collections.abc import Iterable, Iterator

import pytest
from oslo_config import cfg

from magnum import conf as magnum_conf
from magnum.clients.application_credentials import (
    AccessRuleInvalid,
    ApplicationCredentialsClients,
    access_rules,
)
from magnum.clients.errors import CloudError, CloudForbidden, CloudUnavailable
from magnum.clients.sessions import Sessions
from magnum.conf.openstack_client import SERVICE_ACCOUNT, service_account_options
from magnum.domain import stack_names
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.api.fixtures.cloud import NETWORK_ID
from tests.api.fixtures.service import Service
from tests.unit.drivers import plans
from tools.fakecloud.http import Reply, Server

#: As Keystone's middleware reads them.
_TOKEN = re.compile(r'(?P<rest>\*\*)|(?P<part>\*|{[^}]*})|(?P<text>.)')


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    made = magnum_conf.new_config()
    made([], project='magnum', default_config_files=[])
    return made


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.stop()


def is_open(rules: Iterable[str], service: str, method: str, path: str) -> bool:
    return any(
        (rule['service'], rule['method']) == (service, method)
        and re.fullmatch(_TOKEN.sub(
            lambda token: '.*' if token['rest'] else '[^/]+' if token['part']
            else re.escape(token['text']), rule['path']
        ), path)
        for rule in access_rules(rules)
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
    # What the driver of Cinder asks for snapshots, and for volumes made of them.
    ('block-storage POST /v3/p/snapshots', True),
    ('volumev3 POST /v3/p/snapshots', True),
    ('block-storage GET /v3/p/snapshots/detail', True),
    ('block-storage GET /v3/p/snapshots/1', True),
    ('block-storage PUT /v3/p/snapshots/1/metadata', True),
    ('block-storage DELETE /v3/p/snapshots/1', True),
    ('block-storage GET /v3/p/backups/1', True),
    ('block-storage POST /v3/p/backups', False),
    ('block-storage DELETE /v3/p/backups/1', False),
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
    rules = conf.identity.cloud_access_rules
    assert is_open(rules, service, method, prefix + path) is opens


BAY = plans.plan(
    KubernetesDriver(), name='my.Bay_of-research', labels={'auto_scaling_enabled': 'true'}
)
STACK = stack_names.stack_name(BAY.name, BAY.uuid)
OTHERS = '99999999-9a3c-4f5e-8f7e-0a1b2c3d4e5f'
GROUPS_STACK = stack_names.nodegroup_stack_name(BAY.name, 'gpu', OTHERS)


@pytest.mark.parametrize('prefix', ['', '/a/b'])
@pytest.mark.parametrize(('request_', 'opens'), [
    (f'container-infra GET /v1/clusters/{BAY.uuid}', True),
    (f'container-infra GET /v1/clusters/{BAY.uuid}/nodegroups', True),
    (f'container-infra GET /v1/clusters/{BAY.uuid}/nodegroups/{OTHERS}', True),
    (f'container-infra POST /v1/clusters/{BAY.uuid}/actions/resize', True),
    (f'container-infra POST /v1/clusters/{OTHERS}/actions/resize', False),
    (f'container-infra POST /v1/clusters/{BAY.uuid}/actions/upgrade', False),
    (f'container-infra GET /v1/clusters/{OTHERS}', False),
    (f'container-infra DELETE /v1/clusters/{BAY.uuid}', False),
    (f'container-infra PATCH /v1/clusters/{BAY.uuid}/nodegroups/{OTHERS}', False),
    (f'container-infra POST /v1/clusters/{BAY.uuid}/nodegroups', False),
    ('container-infra POST /v1/clusters', False),
    ('container-infra GET /v1/clusters', False),
    ('container-infra GET /v1/certificates/' + BAY.uuid, False),
    (f'orchestration GET /v1/p/stacks/{OTHERS}', True),
    (f'orchestration GET /v1/p/stacks/{OTHERS}/resources', True),
    (f'orchestration GET /v1/p/stacks/{STACK}/{OTHERS}', True),
    (f'orchestration GET /v1/p/stacks/{STACK}/{OTHERS}/resources/kube_minions', True),
    (f'orchestration GET /v1/p/stacks/{STACK}-kube_minions-x/{OTHERS}/resources', True),
    (f'orchestration GET /v1/p/stacks/{GROUPS_STACK}-kube_minions-x/{OTHERS}', True),
    (f'orchestration GET /v1/p/stacks/{STACK}/{OTHERS}/template', False),
    (f'orchestration GET /v1/p/stacks/{STACK}/{OTHERS}/resources/kube_masters', False),
    (f'orchestration GET /v1/p/stacks/another/{OTHERS}', False),
    (f'orchestration GET /v1/p/stacks/{STACK}x/{OTHERS}', False),
    # Of a bay whose name begins as this one's does.
    (f'orchestration GET /v1/p/stacks/my-bay-of-researchers-x/{OTHERS}', False),
    ('orchestration GET /v1/p/stacks', False),
    (f'orchestration PATCH /v1/p/stacks/{STACK}/{OTHERS}', False),
    (f'orchestration DELETE /v1/p/stacks/{STACK}/{OTHERS}', False),
    ('compute GET /v2.1/flavors/1', True),
    ('compute GET /v2.1/servers', False),
    ('network GET /v2.0/networks', False),
])
def test_what_is_open_for_an_autoscaler(
    conf: cfg.ConfigOpts, request_: str, prefix: str, opens: bool
) -> None:
    rules = KubernetesDriver().cloud_access_rules(BAY, conf.identity.cloud_access_rules)
    service, method, path = request_.split()
    assert is_open(rules, service, method, prefix + path) is opens


WITH_ALL = plans.plan(KubernetesDriver(), labels={
    'cloud_provider_enabled': 'true', 'cinder_csi_enabled': 'true', 'manila_csi_enabled': 'true',
    'auto_scaling_enabled': 'true', 'ingress_controller': 'octavia',
})
BALANCING = {'cloud-provider', 'octavia-ingress'}
COMPUTING = {*BALANCING, 'cinder-csi'}


@pytest.mark.parametrize(('request_', 'purposes'), [
    ('compute GET /v2.1/servers/detail', COMPUTING),
    ('compute GET /v2.1/flavors/1', {*COMPUTING, 'autoscaler'}),
    ('compute POST /v2.1/servers/1/os-volume_attachments', {'cinder-csi'}),
    ('compute DELETE /v2.1/servers/1/os-volume_attachments/2', {'cinder-csi'}),
    ('network GET /v2.0/subnets', BALANCING),
    ('network POST /v2.0/floatingips', BALANCING),
    ('network DELETE /v2.0/security-group-rules/1', BALANCING),
    ('load-balancer POST /v2.0/lbaas/loadbalancers', BALANCING),
    ('key-manager GET /v1/secrets', {'octavia-ingress'}),
    ('block-storage GET /v3/p/volumes/detail', {'cinder-csi'}),
    ('volumev3 POST /v3/p/snapshots', {'cinder-csi'}),
    ('sharev2 POST /v2/p/shares', {'manila-csi'}),
    ('orchestration GET /v1/p/stacks/1', {'autoscaler'}),
    (f'container-infra POST /v1/clusters/{WITH_ALL.uuid}/actions/resize', {'autoscaler'}),
    (f'container-infra POST /v1/clusters/{OTHERS}/actions/resize', set()),
    # What an operator adds is for all controllers.
    ('dns GET /v2/zones', COMPUTING),
])
def test_each_purpose_opens_what_it_needs(
    conf: cfg.ConfigOpts, request_: str, purposes: set[str]
) -> None:
    driver = KubernetesDriver()
    rules = [*conf.identity.cloud_access_rules, 'dns GET,POST /**/zones']
    opened = {
        purpose for purpose in driver.cloud_purposes(WITH_ALL)
        if is_open(driver.cloud_access_rules(WITH_ALL, rules, [purpose]), *request_.split())
    }
    assert opened == purposes
    of_one_for_all = driver.cloud_access_rules(WITH_ALL, rules)
    assert is_open(of_one_for_all, *request_.split()) is bool(purposes)


def test_several_purposes_open_what_each_does(conf: cfg.ConfigOpts) -> None:
    driver, rules = KubernetesDriver(), conf.identity.cloud_access_rules
    purposes = driver.cloud_purposes(WITH_ALL)
    found = driver.cloud_access_rules(WITH_ALL, rules, purposes)
    assert set(found) == {
        rule for one in purposes for rule in driver.cloud_access_rules(WITH_ALL, rules, [one])
    }
    assert len(found) == len(set(found))
    for few in (purposes, *[[one] for one in purposes]):
        assert driver.cloud_access_rules(WITH_ALL, (), few) == (), 'the operator wants none'


@pytest.mark.parametrize(('purposes', 'needed'), [
    ((), 'Load-Balancer_Member member'), (('cinder-csi', 'autoscaler'), 'member'),
    (('autoscaler', 'octavia-ingress'), 'Load-Balancer_Member member'),
])
def test_roles_of_load_balancers_are_for_who_makes_them(
    purposes: tuple[str, ...], needed: str
) -> None:
    driver = KubernetesDriver()
    held = ['Load-Balancer_Member', 'member']
    assert list(driver.cloud_roles(held, purposes)) == needed.split()
    assert list(driver.cloud_roles(held[:1], purposes)) == held[:1], 'one at least'


WITH_SHARES = plans.plan(KubernetesDriver(), labels={'manila_csi_enabled': 'true'})


@pytest.mark.parametrize('service', ['shared-file-system', 'sharev2'])
@pytest.mark.parametrize('prefix', ['', '/share'])
@pytest.mark.parametrize(('request_', 'opens'), [
    ('GET /v2/', True),
    ('GET /v2/p/shares/detail', True),
    ('GET /v2/shares/1', True),
    ('GET /v2/shares/1/export_locations', True),
    ('GET /v2/share-access-rules', True),
    ('GET /v2/p/types', True),
    ('GET /v2/p/types/1/extra_specs', True),
    ('GET /v2/p/messages', True),
    ('GET /v2/p/snapshots/detail', True),
    ('GET /v2/p/share-networks', False),
    ('GET /v2/p/security-services', False),
    ('POST /v2/p/shares', True),
    ('POST /v2/p/shares/1/action', True),
    ('POST /v2/p/shares/1/metadata', True),
    ('POST /v2/p/snapshots', True),
    ('POST /v2/p/snapshots/1/action', False),
    ('POST /v2/p/share-networks', False),
    ('PUT /v2/p/shares/1', False),
    ('DELETE /v2/p/shares/1', True),
    ('DELETE /v2/p/snapshots/1', True),
    ('DELETE /v2/p/shares/1/metadata/x', False),
    ('DELETE /v2/p/types/1', False),
])
def test_what_is_open_for_shares(
    conf: cfg.ConfigOpts, request_: str, prefix: str, service: str, opens: bool
) -> None:
    rules = KubernetesDriver().cloud_access_rules(WITH_SHARES, conf.identity.cloud_access_rules)
    method, path = request_.split()
    assert is_open(rules, service, method, prefix + path) is opens
    assert not is_open(rules, 'compute', 'GET', '/v2.1/servers')


@pytest.mark.parametrize(('rules', 'looks'), [
    ((), True), (('network GET /**', 'compute GET /x'), True), (('compute GET /x',), False),
])
def test_networks_are_looked_at_where_the_rules_open_them(
    service: Service, rules: tuple[str, ...], looks: bool
) -> None:
    sessions = Sessions(service.conf)
    service.conf.register_opts(service_account_options(), group=SERVICE_ACCOUNT)
    clients = ApplicationCredentialsClients(service.conf, sessions)
    service.cloud.requests.clear()
    access = clients.access('4ba7', 's3cr3t', 'public', rules)
    assert access.external_network_id == (NETWORK_ID if looks else None)
    assert access.region
    assert access.auth_url.endswith('/identity')
    assert any('networks' in request for request in service.cloud.requests) is looks


def test_one_is_checked_by_a_token_of_it(service: Service) -> None:
    service.conf.register_opts(service_account_options(), group=SERVICE_ACCOUNT)
    clients = ApplicationCredentialsClients(service.conf, Sessions(service.conf))
    service.cloud.requests.clear()
    assert clients.is_accepted('4ba7', 's3cr3t')
    assert service.cloud.requests == ['POST /identity/v3/auth/tokens']


@pytest.mark.parametrize(('status', 'error'), [
    (401, None), (404, None),       # the user is disabled; it was deleted
    (403, CloudForbidden), (503, CloudUnavailable),
])
def test_what_keystone_says_of_one(
    service: Service, status: int, error: type[CloudError] | None
) -> None:
    said = Reply('token-issue', {'error': {'message': 'said', 'code': status}}, status)
    keystone = Server(lambda _request: said)
    keystone.start()
    service.conf.register_opts(service_account_options(), group=SERVICE_ACCOUNT)
    service.conf.set_override('auth_url', f'{keystone.url}/v3', SERVICE_ACCOUNT)
    clients = ApplicationCredentialsClients(service.conf, Sessions(service.conf))
    try:
        with contextlib.nullcontext() if error is None else pytest.raises(error):
            assert not clients.is_accepted('4ba7', 's3cr3t')
    finally:
        keystone.stop()


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
