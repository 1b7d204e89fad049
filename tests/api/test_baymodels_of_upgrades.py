"""A baymodel that a bay is being upgraded to, under both names of the API."""

import pytest
import webtest

from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE
from tests.api.test_upgrade_preview import LATEST


@pytest.mark.parametrize('collection', ['baymodels', 'clustertemplates'])
def test_it_stays_until_the_upgrade_has_ended(
    service: Service, client: webtest.TestApp, collection: str
) -> None:
    for body in (TEMPLATE, {**TEMPLATE, 'name': 'next'}):
        client.post_json('/v1/clustertemplates', body, headers=LATEST)
    uuid = client.post_json('/v1/clusters', CLUSTER, headers=LATEST).json['uuid']
    service.settle()
    operation = client.post_json(
        f'/v1/clusters/{uuid}/actions/upgrade', {'cluster_template': 'next'}, headers=LATEST
    ).json['operation_id']
    path = f'/v1/{collection}/next'
    patch = [{'op': 'replace', 'path': '/dns_nameserver', 'value': '192.0.2.9'}]
    for answer in (
        client.delete(path, headers=LATEST, status=409),
        client.patch_json(path, patch, headers=LATEST, status=409),
    ):
        (error,) = answer.json['errors']
        assert error['code'] == 'magnum.baymodel.upgrade_to_it'
        assert f'one ({uuid}), operation {operation}' in error['detail']
    tags = [{'op': 'replace', 'path': '/tags', 'value': 'a'}]
    client.patch_json(path, tags, headers=LATEST, status=200)
    service.settle()
    client.delete(path, headers=LATEST, status=204)


@pytest.mark.parametrize('owner', ['member', 'admin'])
def test_the_bays_own_renews_its_nodes_when_it_is_hidden(
    service: Service, client: webtest.TestApp, owner: str
) -> None:
    """Whoever published it; no other hidden one does, nor one of another project by its name."""
    admin = {**LATEST, 'X-Auth-Token': 'admin'}
    of_owner = LATEST if owner == 'member' else admin
    own, other = (
        client.post_json('/v1/clustertemplates', {**TEMPLATE, 'name': name}, headers=of_owner)
        .json['uuid'] for name in (TEMPLATE['name'], 'other')
    )
    for name, value in (('public', True), ('hidden', False)):
        patch = [{'op': 'replace', 'path': f'/{name}', 'value': value}]
        client.patch_json(f'/v1/clustertemplates/{own}', patch, headers=admin)
    bay = client.post_json(
        '/v1/clusters', {**CLUSTER, 'cluster_template_id': own}, headers=LATEST
    ).json['uuid']
    service.settle()
    for template in (own, other):
        patch = [{'op': 'replace', 'path': '/hidden', 'value': True}]
        client.patch_json(f'/v1/clustertemplates/{template}', patch, headers=admin)

    def upgrade(template: str, status: int) -> None:
        client.post_json(
            f'/v1/clusters/{bay}/actions/upgrade',
            {'cluster_template': template, 'nodegroup': 'default-worker'},
            headers=LATEST, status=status,
        )

    upgrade(other, 403 if owner == 'member' else 404)
    upgrade(TEMPLATE['name'], 202 if owner == 'member' else 404)
    service.settle()
    upgrade(own, 202)
