"""What a driver's document says of releases."""

import pathlib

import pytest
import webtest
import yaml

from magnum.drivers.registry import Registry
from tests.api.fixtures.service import Service

DIGEST = 'ab' * 32
OF_OPERATOR = {
    'digests': {'kubelet': {'v1.37.2': {'amd64': DIGEST}}},
    'charts': {'cilium': {'9.9.9': DIGEST}},
    'support_ends': {'v1.37': '2027-12-28'},
    'dropped_options': {'kubelet_options': {'register-node': 'v1.37'}},
    'defaults': {'pause_tag': {'v1.37': '3.10.2'}},
}


def _kubernetes(client: webtest.TestApp, version: str) -> dict[str, object]:
    headers = {'X-Auth-Token': 'member', 'OpenStack-API-Version': f'container-infra {version}'}
    document: dict[str, object] = client.get('/v1/drivers/kubernetes', headers=headers).json
    return document


@pytest.mark.installed_drivers
def test_the_catalogue_comes_with_its_microversion(client: webtest.TestApp) -> None:
    assert 'catalogue' not in _kubernetes(client, '1.25')
    document = _kubernetes(client, '1.26')
    catalogue = document['catalogue']
    assert isinstance(catalogue, dict)
    assert catalogue.keys() == {
        'digests', 'charts', 'support_ends', 'dropped_options', 'defaults'
    }
    assert [*catalogue['support_ends']] == document['versions']
    assert catalogue['digests']['kubelet'].keys() == catalogue['digests']['kubectl'].keys()
    assert catalogue['dropped_options']['kubeapi_options']['cloud-provider'] == 'v1.33'


def test_releases_of_the_operator_are_shown(tmp_path: pathlib.Path) -> None:
    file = tmp_path / 'catalogue.yaml'
    file.write_text(yaml.safe_dump({'kubernetes': OF_OPERATOR}))
    service = Service(tmp_path, Registry.from_entry_points((), str(file)))
    catalogue = _kubernetes(webtest.TestApp(service.application), '1.26')['catalogue']
    service.stop()
    assert isinstance(catalogue, dict)
    assert catalogue['digests']['kubelet']['v1.37.2'] == {'amd64': DIGEST}
    assert catalogue['charts']['cilium']['9.9.9'] == DIGEST
    assert catalogue['support_ends']['v1.37'] == '2027-12-28'
    assert catalogue['defaults']['pause_tag'].items() >= {
        ('v1.37', '3.10.2'), ('v1.35', '3.10.1')
    }
    assert catalogue['dropped_options']['kubelet_options'].items() >= {
        ('register-node', 'v1.37'), ('pod-infra-container-image', 'v1.35')
    }
