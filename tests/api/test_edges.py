"""Where two rules of the API meet."""

import json
from typing import Any

import pytest
import webtest

from tests.api.test_field_rules import CLUSTER, HEADERS, TEMPLATE

LATEST = {**HEADERS, 'OpenStack-API-Version': 'container-infra latest'}


@pytest.fixture
def template(client: webtest.TestApp) -> str:
    made = client.post_json('/v1/clustertemplates', TEMPLATE, headers=LATEST)
    return str(made.json['uuid'])


@pytest.fixture
def cluster(client: webtest.TestApp, template: str) -> str:
    made = client.post_json('/v1/clusters', CLUSTER, headers=LATEST)
    return str(made.json['uuid'])


@pytest.mark.parametrize(('path', 'token', 'version'), [
    ('bays', 'nobody', '1.1'), ('bays', 'nobody', 'latest'),
    ('clusters', 'nobody', '1.1'), ('clusters', 'nobody', 'latest'),
])
def test_a_patch_of_nothing_shows_nothing(
    client: webtest.TestApp, cluster: str, path: str, token: str, version: str
) -> None:
    headers = {'X-Auth-Token': token, 'OpenStack-API-Version': f'container-infra {version}'}
    answer = client.patch_json(
        f'/v1/{path}/{cluster}', [{'op': 'remove', 'path': '/health_status'}],
        headers=headers, expect_errors=True,
    )
    assert answer.status_int in (403, 404)


def test_every_change_of_a_node_group_changes_its_tag(
    client: webtest.TestApp, cluster: str
) -> None:
    path = f'/v1/clusters/{cluster}'
    group = f'{path}/nodegroups/default-worker'
    before = client.get(group, headers=LATEST).headers['ETag']
    whole = client.get(path, headers=LATEST).headers['ETag']
    client.delete(path, headers=LATEST)
    after = client.get(group, headers={**LATEST, 'If-None-Match': before})
    assert (after.status_int, after.headers['ETag'] != before) == (200, True)
    assert client.get(path, headers=LATEST).headers['ETag'] != whole


@pytest.mark.parametrize('patch', [[], [{'op': 'replace', 'path': '/node_count', 'value': 1}]])
def test_a_patch_without_effect_keeps_its_precondition(
    client: webtest.TestApp, cluster: str, patch: list[Any]
) -> None:
    stale = {**LATEST, 'If-Match': '"99"'}
    answer = client.patch_json(
        f'/v1/clusters/{cluster}', patch, headers=stale, expect_errors=True
    )
    assert answer.status_int == 412


@pytest.mark.parametrize('query', ['dry_run', 'dry_run='])
def test_a_flag_without_a_word_does_nothing(
    client: webtest.TestApp, template: str, query: str
) -> None:
    answer = client.post_json(
        f'/v1/clusters?{query}', CLUSTER, headers=LATEST, expect_errors=True
    )
    assert answer.status_int == 400
    assert answer.json['errors'][0]['source'] == {'parameter': 'dry_run'}
    assert client.get('/v1/clusters', headers=LATEST).json['clusters'] == []


@pytest.mark.parametrize('given', ['', None])
def test_labels_left_open_are_the_templates(client: webtest.TestApp, given: str | None) -> None:
    client.post_json('/v1/clustertemplates', {**TEMPLATE, 'labels': {'a': 'x'}}, headers=LATEST)
    made = client.post_json('/v1/clusters', {**CLUSTER, 'labels': given}, headers=LATEST).json
    shown = client.get(f'/v1/clusters/{made["uuid"]}', headers=LATEST).json
    assert shown['labels'] == {'a': 'x'}


def test_what_json_does_not_know(client: webtest.TestApp, template: str) -> None:
    headers = {**LATEST, 'Content-Type': 'application/json'}
    for number, status in (('1e3', 202), ('NaN', 400), ('-Infinity', 400)):
        body = json.dumps({**CLUSTER, 'labels': {'a': 'NUMBER'}}).replace('"NUMBER"', number)
        answer = client.post('/v1/clusters', body, headers=headers, expect_errors=True)
        assert answer.status_int == status, answer.text
        if status == 400:
            assert answer.json['errors'][0]['code'] == 'magnum.request.invalid'
    answer = client.post_json(
        '/v1/clusters', {**CLUSTER, 'labels': "{'a': 1e999}"}, headers=LATEST, expect_errors=True
    )
    assert answer.status_int == 400


@pytest.mark.parametrize('order', [1, -1])
def test_two_members_that_say_different_things(
    client: webtest.TestApp, cluster: str, order: int
) -> None:
    named = [('bay_uuid', 'nope'), ('cluster_uuid', cluster)][::order]
    answer = client.post_json(
        '/v1/certificates', dict([*named, ('csr', 'x')]), headers=LATEST, expect_errors=True
    )
    assert answer.status_int == 400
    assert 'something else' in answer.json['errors'][0]['detail']


@pytest.mark.parametrize(('method', 'path', 'body', 'field'), [
    ('POST', '/v1/clusters', {'cluster_template_id': 'none'}, '/cluster_template_id'),
    ('POST', '/v1/bays', {'baymodel_id': 'none'}, '/baymodel_id'),
    ('POST', '/v1/clusters/one/actions/resize', {'node_count': 2, 'nodegroup': 'none'},
     '/nodegroup'),
    ('POST', '/v1/clusters/one/actions/upgrade', {'cluster_template': 'none'},
     '/cluster_template'),
    ('POST', '/v1/certificates', {'cluster_uuid': 'none', 'csr': 'x'}, '/cluster_uuid'),
    ('POST', '/v1/certificates', {'cluster_uuid': 'one', 'csr': 'x'}, '/csr'),
    ('POST', '/v1/clustertemplates', {**TEMPLATE, 'public': True}, '/public'),
    ('PATCH', '/v1/bays/one', [{'op': 'replace', 'path': '/name', 'value': 'x'}], '/name'),
    ('POST', '/v1/clusters', {**CLUSTER, 'labels': {'min_node_count': '5'}},
     '/labels/min_node_count'),
    ('POST', '/v1/clusters/one/actions/resize', {'node_count': 1, 'nodes_to_remove': ['']},
     '/nodes_to_remove'),
])
def test_a_refusal_names_its_field(
    client: webtest.TestApp, cluster: str, method: str, path: str, body: Any, field: str
) -> None:
    answer = client.request(
        path, method=method, expect_errors=True, body=json.dumps(body).encode(),
        headers={**LATEST, 'Content-Type': 'application/json'},
    )
    assert 400 <= answer.status_int < 500
    assert answer.json['errors'][0]['source'] == {'pointer': field}


@pytest.mark.parametrize(('value', 'said'), [('1.99', 'unsupported'), ('x', 'Invalid value')])
def test_an_old_client_is_told_in_old_words(
    client: webtest.TestApp, value: str, said: str
) -> None:
    name = 'X-OpenStack-Magnum-API-Version'
    answer = client.get('/v1/bays', headers={**HEADERS, name: value}, expect_errors=True)
    assert answer.status_int == 406
    assert said in answer.json['errors'][0]['title']
    assert 'faultstring' in answer.json['error_message']
    if value == 'x':
        assert name in answer.json['errors'][0]['detail']
    else:
        assert answer.headers['X-OpenStack-Magnum-API-Maximum-Version'] == '1.26'


@pytest.mark.parametrize('limit', ['1_0', '٣', ' 1', '1.0'])
def test_limits_are_plain_integers(client: webtest.TestApp, limit: str) -> None:
    answer = client.get(
        '/v1/clusters', {'limit': limit}, headers=LATEST, expect_errors=True
    )
    assert answer.status_int == 400


@pytest.mark.parametrize(
    'path',
    ['/_default', '/__class__/_default', '/v1/__class__', '/v1/_default/x', '/bays/x/__class__'],
)
def test_names_of_objects_are_no_paths(client: webtest.TestApp, path: str) -> None:
    response = client.get(path, headers=HEADERS, status=404)
    assert response.json['errors'][0]['code'] == 'magnum.request.no_such_path'
