"""Every rule of JSON patches."""

from typing import Any

import pytest
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_field_rules import HEADERS, TEMPLATE


@pytest.fixture(scope='module')
def template(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = Service(tmp_path_factory.mktemp('patches'))
    client = webtest.TestApp(running.application)
    body = {**TEMPLATE, 'labels': {'k': 'v'}, 'no_proxy': 'x'}
    made = client.post_json('/v1/baymodels', body, headers=HEADERS)
    yield client, f'/v1/baymodels/{made.json["uuid"]}'
    running.stop()


def _op(op: str, path: str, *value: Any) -> dict[str, Any]:
    return {'op': op, 'path': path, **({'value': value[0]} if value else {})}


INTERNAL = ('created_at', 'id', 'links', 'updated_at', 'uuid', 'project_id', 'user_id')
KEPT = ('coe', 'image_id', 'keypair_id', 'network_driver', 'external_network_id', 'tls_disabled',
        'public', 'server_type', 'registry_enabled', 'cluster_distro', 'hidden')


REFUSED = [
    ({}, 'list'), ('x', 'list'), (5, 'list'), (['x'], 'object'),
    ([_op('move', '/name', 'x')], 'one of'), ([{'path': '/name'}], 'one of'),
    ([_op('test', '/name', 'x')], 'one of'), ([{'op': 'remove'}], 'pattern'),
    ([_op('replace', 'name', 'x')], 'pattern'), ([_op('replace', '/', 'x')], 'pattern'),
    ([_op('replace', '/labels/a.b', 'x')], 'pattern'), ([_op('replace', 5, 'x')], 'pattern'),
    ([_op('replace', '/name')], "'add' and 'replace' operations needs value"),
    ([_op('add', '/tags', None)], "'add' and 'replace' operations needs value"),
    ([_op('replace', '/name', {'a': 1})], 'string'), ([_op('replace', '/name', [])], 'string'),
    ([_op('replace', '/docker_volume_size', 1.5)], 'string or an integer'),
    ([_op('replace', '/docker_volume_size', 'x')], 'integer'),
    ([_op('replace', '/docker_volume_size', 0)], 'greater'),
    ([_op('replace', '/public', 'perhaps')], 'boolean'),
    ([_op('replace', '/coe', '')], 'empty'), ([_op('replace', '/coe', 'nomad')], 'one of'),
    ([_op('add', '/foo', 'x')], 'Adding a new attribute /foo to the root'),
    ([_op('add', '/no_proxy', 'y')], 'The attribute /no_proxy has existed'),
    ([_op('replace', '/foo', 'x')], "Couldn't apply patch"),
    ([_op('remove', '/foo')], "Couldn't apply patch"),
    ([_op('remove', '/labels/none')], "Couldn't apply patch"),
    ([_op('replace', '/labels/none', 'x')], "Couldn't apply patch"),
    ([_op('add', '/name/x', 'x')], "Couldn't apply patch"),
    ([_op('add', '/labels/a/b', 'x')], "Couldn't apply patch"),
    ([_op('add', '/labels/kube_tags', 'x')], 'Is it kube_tag?'),
    ([_op('replace', '/labels', 'nonsense')], 'Labels'),
    ([_op('replace', '/image_id', 'none')], 'could not be found'),
    ([_op('replace', '/flavor_id', 'none')], 'Unable to find flavor'),
    ([_op('replace', '/network_driver', 'none')], 'not supported'),
    ([_op('replace', '/volume_driver', 'rexray')], 'not supported'),
    ([_op('replace', '/external_network_id', 'none')], 'Unable to find'),
    *(([_op('replace', f'/{name}', 'x')], f"'/{name}' is an internal attribute")
      for name in INTERNAL),
    *(([_op('remove', f'/{name}')], f"'/{name}' is a mandatory attribute") for name in KEPT),
]


@pytest.mark.parametrize(('patch', 'words'), REFUSED)
def test_refused(template: Any, patch: Any, words: str) -> None:
    client, url = template
    before = client.get(url, headers=HEADERS).json
    response = client.patch_json(url, patch, headers=HEADERS, expect_errors=True)
    assert response.status_int == 400, response.text
    assert words in response.json['errors'][0]['detail']
    assert client.get(url, headers=HEADERS).json == before


TAKEN = [
    ([_op('replace', '/docker_volume_size', '7')], 'docker_volume_size', 7),
    ([_op('remove', '/docker_volume_size')], 'docker_volume_size', None),
    ([_op('replace', '/tls_disabled', 'True')], 'tls_disabled', True),
    ([_op('replace', '/tls_disabled', 0)], 'tls_disabled', False),
    ([_op('replace', '/floating_ip_enabled', False)], 'floating_ip_enabled', False),
    ([_op('remove', '/floating_ip_enabled')], 'floating_ip_enabled', True),
    ([_op('replace', '/labels', '{"a": 1}')], 'labels', {'a': '1'}),
    ([_op('replace', '/labels', {'b': True})], 'labels', {'b': 'true'}),
    ([_op('replace', '/labels', {}), _op('add', '/labels/cost_centre', 'x')], 'labels',
     {'cost_centre': 'x'}),
    ([_op('replace', '/labels', {}), _op('add', '/labels/k', 5)], 'labels', {'k': '5'}),
    ([_op('remove', '/labels')], 'labels', {}),
    ([_op('replace', '/http_proxy', '')], 'http_proxy', None),
    ([_op('replace', '/http_proxy', 'x'), _op('remove', '/http_proxy')], 'http_proxy', None),
    ([_op('replace', '/coe', 'kubernetes')], 'coe', 'kubernetes'),
    ([_op('replace', '/cluster_distro', 'x')], 'cluster_distro', 'debian'),
    ([_op('replace', '/docker_storage_driver', 'devicemapper')], 'docker_storage_driver',
     'overlay2'),
    ([_op('replace', '/public', 'False')], 'public', False),
    (None, 'coe', 'kubernetes'),
]


@pytest.mark.parametrize(('patch', 'field', 'expected'), TAKEN)
def test_taken(template: Any, patch: Any, field: str, expected: Any) -> None:
    client, url = template
    response = client.patch_json(url, patch, headers=HEADERS)
    assert response.json[field] == expected
    assert client.get(url, headers=HEADERS).json[field] == expected
