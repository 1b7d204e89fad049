"""Requests as of 2016 and as of today, by no client at all."""

import json
from typing import Any

import pytest
import requests

from tests.functional.clients.record import NOT_OFFERED, covers
from tests.functional.clients.shell import RAN
from tests.functional.magnum_service import URL
from tests.functional.people import Person

CLIENT = 'requests'

OLD_HEADER = 'X-OpenStack-Magnum-API-Version'
HEADER = 'OpenStack-API-Version'

BAYMODEL: dict[str, Any] = {
    'name': 'of-requests', 'image_id': 'debian-12', 'keypair_id': 'alice-key',
    'external_network_id': 'public', 'coe': 'swarm', 'flavor_id': 'm1.small',
    'master_flavor_id': 'm1.small', 'dns_nameserver': '8.8.8.8', 'labels': {},
    'volume_driver': None, 'fixed_network': None, 'docker_volume_size': '3',
    'tls_disabled': 'False', 'public': False, 'registry_enabled': False, 'network_driver': None,
    'http_proxy': None, 'https_proxy': None, 'no_proxy': None,
}


class Raw:
    """Requests of one person, with no header but the token's and those given."""

    def __init__(self, person: Person):
        self._token = person.keystone.get_token() or ''

    def __call__(
        self, method: str, path: str, shape: str, body: Any = None, **headers: str
    ) -> requests.Response:
        RAN.add((CLIENT, shape))
        data = None if body is None else json.dumps(body)
        kind = 'application/octet-stream' if body is None else 'application/json'
        return requests.request(
            method, URL + path, data=data, timeout=60, allow_redirects=False,
            headers={'X-Auth-Token': self._token, 'Content-Type': kind, **headers},
        )


@pytest.fixture(scope='module')
def raw(alice: Person) -> Raw:
    return Raw(alice)


@covers('without a version header')
def test_without_a_header(raw: Raw) -> None:
    shape = 'without a version header'
    made = raw('POST', '/baymodels', shape, BAYMODEL)
    assert made.status_code == 201
    model = made.json()
    assert made.headers['Location'].endswith(f"/v1/baymodels/{model['uuid']}")
    assert model['docker_volume_size'] == 3
    assert model['tls_disabled'] is False
    assert {link['rel'] for link in model['links']} == {'self', 'bookmark'}
    listed = raw('GET', '/baymodels/?limit=1&sort_key=created_at&sort_dir=desc', shape).json()
    assert [row['uuid'] for row in listed['baymodels']] == [model['uuid']]
    changed = raw(
        'PATCH', f"/baymodels/{model['uuid']}", shape,
        [{'op': 'replace', 'path': '/docker_volume_size', 'value': 4}],
    )
    assert (changed.status_code, changed.json()['docker_volume_size']) == (200, 4)
    gone = raw('DELETE', f"/baymodels/{model['uuid']}", shape)
    assert (gone.status_code, gone.content) == (204, b'')
    assert gone.headers[HEADER] == 'container-infrastructure-management 1.1'


@covers('errors as error_message')
@pytest.mark.parametrize('headers', [{}, {OLD_HEADER: '1.1'}], ids=['none', '2016'])
def test_errors_as_of_2016(raw: Raw, headers: dict[str, str]) -> None:
    shape = 'errors as error_message'
    answer = raw('GET', '/bays/nobody', shape, **headers)
    assert answer.status_code == 404
    told = json.loads(answer.json()['error_message'])
    assert told['faultstring'] == 'Bay nobody could not be found.'
    assert told['faultcode'] == 'Client'
    (error,) = answer.json()['errors']
    assert error['code'] == 'magnum.bay.not_found'
    refused = raw('POST', '/bays', shape, {'name': 'x', 'baymodel_id': 'nobody'}, **headers)
    assert refused.status_code == 400
    assert 'nobody could not be found' in json.loads(refused.json()['error_message'])['faultstring']


@covers('the version header of 2016')
@pytest.mark.parametrize(('asked', 'given'), [('1.1', '1.1'), ('1.9', '1.9'), ('latest', None)])
def test_the_header_of_2016(raw: Raw, asked: str, given: str | None) -> None:
    answer = raw('GET', '/bays', 'the version header of 2016', **{OLD_HEADER: asked})
    assert answer.status_code == 200
    newest = answer.headers['X-OpenStack-Magnum-API-Maximum-Version']
    assert answer.headers[OLD_HEADER] == (given or newest)
    assert answer.headers['X-OpenStack-Magnum-API-Minimum-Version'] == '1.1'


@covers("the version header of today")
@pytest.mark.parametrize(
    'word', ['container-infra', 'container-infrastructure-management', 'container']
)
def test_the_header_of_today(raw: Raw, word: str) -> None:
    shape = 'the version header of today'
    answer = raw('GET', '/clusters/nobody', shape, **{HEADER: f'{word} 1.9'})
    assert answer.headers[HEADER] == 'container-infrastructure-management 1.9'
    assert HEADER in answer.headers['Vary']
    assert list(answer.json()) == ['errors']
    unknown = raw('GET', '/clusters', shape, **{HEADER: f'{word} 1.999'})
    assert unknown.status_code == 406
    assert unknown.json()['errors'][0]['min_version'] == '1.1'


@covers(
    'what was inside bays: containers, pods, rcs, services; x509keypairs', outcome=NOT_OFFERED,
    why="The COE's own client does it, with certificates signed here; private keys are never "
    'handed out.',
)
@pytest.mark.parametrize('name', ['containers', 'pods', 'rcs', 'services', 'x509keypairs'])
def test_what_was_inside_bays(raw: Raw, name: str) -> None:
    shape = 'what was inside bays: containers, pods, rcs, services; x509keypairs'
    answer = raw('GET', f'/{name}', shape)
    assert answer.status_code == 404
    assert json.loads(answer.json()['error_message'])['faultstring'] == 'Not Found'
