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


def _op(op: str, path: str | int, *value: Any) -> dict[str, Any]:
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
    ([_op('add', '/no_proxy', 'y')], 'no_proxy', 'y'),
    ([_op('add', '/labels', {'k': 'w'})], 'labels', {'k': 'w'}),
    ([_op('add', '/labels', {}), _op('add', '/labels/number', 20.5)], 'labels',
     {'number': '20.5'}),
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


#: Refused for what they are, whatever they are meant for.
MALFORMED = [
    {}, {'op': 'replace'}, 'x', 5, True, ['x'], [[]], [{}],
    [_op('move', '/name', 'x')], [_op('replace', 'name', 'x')], [_op('replace', '/name')],
    [_op('replace', '/uuid', 'x')], [_op('add', '/foo', 'x')], [_op('remove', '/foo')],
    [{'op': 'remove', 'path': '/name', 'from': '/x'}],
]
#: Of a kind and its bad value.
TARGETS = {
    '/v1/baymodels': '/docker_volume_size', '/v1/clustertemplates': '/docker_volume_size',
    '/v1/bays': '/node_count', '/v1/clusters': '/node_count',
    '/v1/bays/{bay}/nodegroups': '/min_node_count',
    '/v1/clusters/{bay}/nodegroups': '/max_node_count',
}
NODEGROUPS = {
    **HEADERS, 'OpenStack-API-Version': 'container-infra 1.10', 'Content-Type': 'application/json'
}


@pytest.fixture(scope='module')
def things(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A client, and the path of one thing of each kind."""
    running = Service(tmp_path_factory.mktemp('malformed'))
    client = webtest.TestApp(running.application)
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    made = client.post_json(
        '/v1/clusters', {'name': 'one', 'cluster_template_id': TEMPLATE['name']}, headers=HEADERS
    )
    bay = made.json['uuid']
    running.settle()
    names = {'baymodels': TEMPLATE['name'], 'clustertemplates': TEMPLATE['name'],
             'bays': bay, 'clusters': bay, 'nodegroups': 'default-worker'}
    yield client, {
        kind: f'{kind.format(bay=bay)}/{names[kind.rpartition("/")[2]]}' for kind in TARGETS
    }
    running.stop()


@pytest.mark.parametrize('exists', [True, False], ids=['there', 'nowhere'])
@pytest.mark.parametrize('kind', TARGETS)
def test_a_malformed_patch_is_told_before_its_target_is_looked_up(
    things: Any, kind: str, exists: bool
) -> None:
    client, paths = things
    url = paths[kind] if exists else f'{kind.format(bay="none")}/none'
    for patch in (*MALFORMED, [_op('replace', TARGETS[kind], 'many')]):
        answer = client.patch_json(url, patch, headers=NODEGROUPS, expect_errors=True)
        assert answer.status_int == 400, (patch, answer.text)
    answer = client.patch(url, '[{', headers=NODEGROUPS, expect_errors=True)
    assert answer.status_int == 400


@pytest.mark.parametrize('kind', TARGETS)
@pytest.mark.parametrize('body', ['', '[]', 'null'])
def test_an_empty_patch_is_no_change(things: Any, kind: str, body: str) -> None:
    client, paths = things
    before = client.get(paths[kind], headers=NODEGROUPS)
    answer = client.patch(paths[kind], body, headers=NODEGROUPS)
    none = client.patch_json(
        paths[kind], [_op('replace', TARGETS[kind], before.json[TARGETS[kind][1:]] or '')],
        headers=NODEGROUPS,
    )
    assert (answer.status_int, answer.json) == (none.status_int, none.json)
    assert 'Operation-Location' not in answer.headers
    after = client.get(paths[kind], headers=NODEGROUPS)
    assert (after.json, after.headers['ETag']) == (before.json, before.headers['ETag'])
    missing = client.patch(
        f'{kind.format(bay="none")}/none', body, headers=NODEGROUPS, expect_errors=True
    )
    assert missing.status_int == 404
