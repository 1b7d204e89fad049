"""Every rule of every field, as (value, status, what is stored or said)."""

from typing import Any

import pytest
import webtest

from tests.api.fixtures.service import Service

HEADERS = {'X-Auth-Token': 'member'}
TOO_LONG = 'x' * 256

TEMPLATE: dict[str, Any] = {
    'name': 'model',
    'coe': 'kubernetes',
    'image_id': 'debian',
    'keypair_id': 'default',
    'external_network_id': 'public',
    'flavor_id': 'm1.small',
    'master_flavor_id': 'm1.small',
}
CLUSTER: dict[str, Any] = {'name': 'one', 'cluster_template_id': 'model'}

TEXTS = [
    (TOO_LONG, 400, 'maximum'), ('', 201, None), (None, 201, None), (5, 400, 'string'),
    (['x'], 400, 'string'), ('a\0b', 400, 'text'), ('\ud800', 400, 'text'),
]
FLAGS: list[tuple[Any, int, Any]] = [
    *((word, 201, True) for word in (True, 1, '1', 'true', 'T', 'y', 'YES', 'on', 'True')),
    *((word, 201, False) for word in (False, 0, '0', 'false', 'F', 'n', 'No', 'off', 'False')),
    ('maybe', 400, 'boolean'), (2, 400, 'boolean'), ([], 400, 'boolean'),
]


def _each(field: str, rules: list[tuple[Any, int, Any]]) -> list[tuple[str, Any, int, Any]]:
    return [(field, *rule) for rule in rules]


TEMPLATE_RULES = [
    *(rule for field in ('name', 'http_proxy', 'https_proxy', 'no_proxy', 'insecure_registry',
                         'flavor_id', 'master_flavor_id', 'keypair_id', 'fixed_network',
                         'fixed_subnet', 'external_network_id', 'network_driver',
                         'volume_driver', 'docker_storage_driver')
      for rule in _each(field, [rule for rule in TEXTS if rule[1] == 400])),
    *(rule for field in ('http_proxy', 'https_proxy', 'no_proxy', 'insecure_registry')
      for rule in _each(field, [*TEXTS, ('x', 201, 'x'), ('x' * 255, 201, 'x' * 255)])),
    *(rule for field in ('tls_disabled', 'registry_enabled', 'master_lb_enabled',
                         'floating_ip_enabled') for rule in _each(field, FLAGS)),
    *_each('floating_ip_enabled', [(None, 201, True), ('', 201, True)]),
    *_each('tls_disabled', [(None, 201, False)]),
    *_each('uuid', [('x', 400, 'UUID'), (5, 400, 'UUID')]),
    *_each('coe', [
        (None, 400, 'Mandatory'), ('', 400, 'Mandatory'), ('nomad', 400, 'one of'),
        ('swarm', 201, 'swarm'), ('swarm-mode', 201, 'swarm'), ('mesos', 201, 'mesos'),
    ]),
    *_each('image_id', [
        (None, 400, 'Mandatory'), ('none', 400, 'could not be found'),
        ('11111111-1111-4111-8111-999999999999', 400, 'could not be found'),
        ('plain', 400, 'os_distro'), ('twin', 409, 'Multiple images'),
        ('atomic', 400, 'end of its life|end of life'),
        ('11111111-1111-4111-8111-111111111111', 201, '11111111-1111-4111-8111-111111111111'),
    ]),
    *(rule for field in ('flavor_id', 'master_flavor_id') for rule in _each(field, [
        ('none', 400, 'Unable to find flavor'), ('1', 201, '1'), (None, 201, None),
        ('m1.diskless', 400, 'zero root volume'),
    ])),
    *_each('keypair_id', [(None, 201, None), ('none', 201, 'none')]),
    *_each('external_network_id', [
        ('none', 400, 'Unable to find external network'), ('private', 400, 'Unable to find'),
        ('double', 409, 'Multiple'), (None, 201, None),
        ('22222222-2222-4222-8222-222222222222', 201, '22222222-2222-4222-8222-222222222222'),
    ]),
    *_each('fixed_network', [
        ('none', 400, 'Unable to find fixed network'), ('private', 201, 'private'),
        ('double', 409, 'Multiple'), ('10.1.0.0/24', 201, '10.1.0.0/24'),
    ]),
    *_each('fixed_subnet', [
        ('none', 400, 'Unable to find fixed subnet'), ('private-subnet', 201, 'private-subnet'),
        ('of-ipv6', 400, 'is of IPv6'),
        ('double', 409, 'Multiple'),
    ]),
    *_each('network_driver', [
        (None, 201, 'flannel'), ('', 201, 'flannel'), ('calico', 201, 'calico'),
        ('docker', 400, 'not supported'),
    ]),
    *_each('volume_driver', [
        (None, 201, None), ('cinder', 201, 'cinder'), ('rexray', 400, 'not supported'),
    ]),
    *_each('dns_nameserver', [
        ('8.8.8.8', 201, '8.8.8.8'), ('8.8.8.8,2001:db8::1', 201, '8.8.8.8,2001:db8::1'),
        ('8.8.8.8, 1.1.1.1', 201, '8.8.8.8, 1.1.1.1'), ('name', 400, 'IP address'),
        ('8.8.8.8,', 400, 'IP address'), (None, 201, None),
    ]),
    *_each('apiserver_port', [
        (1024, 201, 1024), (65535, 201, 65535), ('8080', 201, 8080), (1023, 400, 'greater'),
        (65536, 400, 'lower'), (True, 400, 'integer'), ('x', 400, 'integer'), (None, 201, None),
    ]),
    *_each('docker_volume_size', [
        (1, 201, 1), ('3', 201, 3), (0, 400, 'greater'), (1.5, 400, 'integer'),
        (2**31, 400, 'lower'), ('', 201, None), ([], 400, 'integer'),
    ]),
    *_each('docker_storage_driver', [
        (None, 201, 'overlay2'), ('overlay', 201, 'overlay2'), ('devicemapper', 201, 'overlay2'),
        ('overlay2', 201, 'overlay2'),
    ]),
    *_each('labels', [
        ({'a': 1, 'b': True}, 201, {'a': '1', 'b': 'true'}), ({}, 201, {}), (None, 201, {}),
        ('a=1,b=x', 201, {'a': '1', 'b': 'x'}), ('{"a": "1"}', 201, {'a': '1'}),
        ("{'a': '1'}", 201, {'a': '1'}), ('', 201, {}), ('nonsense', 400, 'Labels'),
        ('{nonsense', 400, 'Labels'), ({'a': {}}, 400, 'labels'), ([], 400, 'Labels'),
        ({'a': None}, 201, {}), ({'unheard': '1'}, 201, {'unheard': '1'}),
        ({'kube_tg': '1'}, 400, 'is it kube_tag?'), ({' a ': ' 1'}, 201, {'a': ' 1'}),
        ({' ': '1'}, 400, 'keys'),
    ]),
    *_each('tags', [
        ('a,b', 201, 'a,b'), ('', 201, ''), (TOO_LONG, 400, 'maximum'), (None, 201, None),
    ]),
    *_each('server_type', [
        (None, 201, 'vm'), ('vm', 201, 'vm'), ('bm', 400, 'not supported'), ('lxc', 400, 'one of'),
    ]),
    *_each('driver', [(None, 201, None), ('none', 400, 'not supported')]),
    *_each('cluster_distro', [('x', 201, 'debian'), (None, 201, 'debian')]),
    *_each('public', [(True, 403, 'Not authorized'), ('maybe', 400, 'boolean'),
                      (None, 201, False)]),
    *_each('hidden', [(True, 403, 'Not authorized'), (False, 201, False)]),
    *_each('ssh_authorized_key', [(None, 201, None), ('ssh-rsa', 400, 'no longer')]),
    *(rule for field in ('project_id', 'user_id', 'created_at', 'updated_at', 'links')
      for rule in _each(field, [('x', 400, 'Cannot set read only field.'),
                                (None, 400, 'Cannot set read only field.')])),
    *_each('foo', [(None, 400, 'Unknown attribute for argument cluster_template: foo')]),
]


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = Service(tmp_path_factory.mktemp('fields'), quotas__max_clusters_per_project=10000)
    client = webtest.TestApp(running.application)
    created = client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    assert created.status_int == 201
    yield client
    running.stop()


def _check(response: Any, status: int, expected: Any) -> None:
    assert response.status_int == status, response.text
    if status >= 400:
        words = str(expected).lower().split('|')
        assert any(word in response.json['errors'][0]['detail'].lower() for word in words)


@pytest.mark.parametrize(
    ('field', 'value', 'status', 'expected'), TEMPLATE_RULES,
    ids=lambda value: repr(value)[:30].encode('ascii', 'replace').decode(),
)
def test_template(
    shared: webtest.TestApp, field: str, value: Any, status: int, expected: Any
) -> None:
    body = {**TEMPLATE, 'name': 'other', field: value}
    if field == 'coe':
        body['network_driver'] = None
    response = shared.post_json(
        '/v1/clustertemplates', body, headers=HEADERS, expect_errors=True
    )
    _check(response, status, expected)
    if status == 201:
        # One that is never shown can only have been left out.
        assert response.json.get(field) == expected


CLUSTER_RULES = [
    *_each('name', [
        ('x', 202, 'x'), ('a.b_c-d', 202, 'a.b_c-d'), ('1x', 400, 'pattern'),
        ('a b', 400, 'pattern'), ('a\n', 400, 'pattern'), ('x' * 242, 202, 'x' * 242),
        ('x' * 243, 400, 'maximum'),
    ]),
    *_each('cluster_template_id', [
        (None, 400, 'Mandatory'), ('none', 400, 'could not be found'), (1, 400, 'string'),
    ]),
    *_each('keypair', [
        ('none', 404, 'Unable to find keypair'), ('with space', 202, 'with space'),
        ('../x', 404, 'Unable to find keypair'), (None, 202, 'default'), ('', 202, 'default'),
    ]),
    *_each('node_count', [
        (None, 202, 1), ('3', 202, 3), ('', 202, 1), (-1, 400, 'greater'), (0, 400, 'zero'),
        (1.5, 400, 'integer'), ('x', 400, 'integer'), (2**31, 400, 'lower'),
    ]),
    *_each('master_count', [
        (None, 202, 1), (0, 400, 'greater'), (2, 400, 'odd'), (3, 400, 'master_lb_enabled'),
    ]),
    *_each('create_timeout', [
        (None, 202, 60), (0, 202, 0), ('30', 202, 30), (-1, 400, 'greater'),
    ]),
    *_each('discovery_url', [(None, 202, None), ('http://x', 202, 'http://x')]),
    *_each('docker_volume_size', [(None, 202, None), (5, 202, 5), (0, 400, 'greater')]),
    *_each('labels', [
        (None, 202, {}), ({'a': 1}, 202, {'a': '1'}), ({'unheard': '1'}, 202, {'unheard': '1'}),
        ({'kube-tag': '1'}, 400, 'is it kube_tag?'),
        ('x', 400, 'Labels'),
    ]),
    *_each('merge_labels', [('true', 202, False), ('perhaps', 400, 'boolean')]),
    *(rule for field in ('flavor_id', 'master_flavor_id') for rule in _each(field, [
        ('none', 400, 'Unable to find flavor'), (None, 202, 'm1.small'), ('1', 202, '1'),
        ('m1.diskless', 400, 'zero root volume'),
    ])),
    *_each('fixed_network', [
        ('none', 400, 'Unable to find fixed network'), ('private', 202, 'private'),
        ('10.1.0.0/24', 202, '10.1.0.0/24'),
    ]),
    *_each('fixed_subnet', [
        ('none', 400, 'Unable to find fixed subnet'), ('private-subnet', 400, 'fixed_network'),
    ]),
    *_each('floating_ip_enabled', [(None, 202, True), ('False', 202, False)]),
    *_each('master_lb_enabled', [(None, 202, False), (True, 202, True)]),
    *(rule for field in ('status', 'status_reason', 'faults', 'labels_added', 'uuid')
      for rule in _each(field, [('x', 202, ...), (None, 202, ...)])),
    *_each('health_status', [('HEALTHY', 202, None), ('FINE', 400, 'one of')]),
    *(rule for field in ('stack_id', 'cluster_id', 'api_address', 'coe_version',
                         'container_version', 'node_addresses', 'master_addresses', 'project_id',
                         'user_id', 'links', 'created_at', 'updated_at')
      for rule in _each(field, [('x', 400, 'Cannot set read only field.')])),
    *_each('foo', [(None, 400, 'Unknown attribute for argument cluster: foo')]),
    *_each('baymodel_id', [('model', 400, 'Unknown attribute for argument cluster')]),
]


@pytest.mark.parametrize(
    ('field', 'value', 'status', 'expected'), CLUSTER_RULES,
    ids=lambda value: repr(value)[:30],
)
def test_cluster(
    shared: webtest.TestApp, field: str, value: Any, status: int, expected: Any
) -> None:
    body = {**CLUSTER, 'cluster_template_id': _template_uuid(shared), field: value}
    response = shared.post_json('/v1/clusters', body, headers=HEADERS, expect_errors=True)
    _check(response, status, expected)
    if status == 202 and expected is not ...:
        shown = shared.get(f'/v1/clusters/{response.json["uuid"]}', headers=HEADERS)
        assert shown.json[field] == expected


def _template_uuid(client: webtest.TestApp) -> str:
    page = client.get('/v1/clustertemplates?limit=1', headers=HEADERS)
    uuid: str = page.json['clustertemplates'][0]['uuid']
    return uuid


def test_baymodels_need_an_existing_keypair(shared: webtest.TestApp) -> None:
    without = {key: value for key, value in TEMPLATE.items() if key != 'keypair_id'}
    for body, status in (
        (without, 400), ({**without, 'keypair_id': None}, 400),
        ({**without, 'keypair_id': 'none'}, 404), (TEMPLATE, 201),
    ):
        response = shared.post_json(
            '/v1/baymodels', body, headers=HEADERS, expect_errors=True
        )
        assert response.status_int == status, body


def test_more_masters_behind_a_load_balancer(shared: webtest.TestApp) -> None:
    body = {**CLUSTER, 'cluster_template_id': _template_uuid(shared), 'master_count': 3,
            'master_lb_enabled': True}
    shared.post_json('/v1/clusters', body, headers=HEADERS, status=202)
