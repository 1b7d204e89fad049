"""Node groups whose creation ended before Heat was asked: they have no nodes."""

from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from tests.api.fixtures.drivers import CheckingDriver
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE
from tests.api.test_upgrade_preview import LATEST

UPGRADE = {'cluster_template': TEMPLATE['name'], 'nodegroup': 'gpu'}


@pytest.fixture
def url(service: Service, client: webtest.TestApp) -> str:
    """A cluster with a node group that was not created."""
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=LATEST)
    uuid = client.post_json('/v1/clusters', CLUSTER, headers=LATEST).json['uuid']
    service.settle()
    made = f'/v1/clusters/{uuid}'
    client.post_json(f'{made}/nodegroups', {'name': 'gpu', 'node_count': 2}, headers=LATEST)
    service.settle('FAILED', 'no quota')
    return made


@pytest.mark.parametrize('query', ['', '?dry_run=true'])
@pytest.mark.parametrize(('action', 'body'), [
    ('upgrade', UPGRADE), ('resize', {'nodegroup': 'gpu', 'node_count': 3}),
])
def test_nothing_is_done_with_them(
    service: Service, client: webtest.TestApp, url: str, action: str, body: dict[str, Any],
    query: str,
) -> None:
    answer = client.post_json(
        f'{url}/actions/{action}{query}', body, headers=LATEST, status=409
    )
    (error,) = answer.json['errors']
    assert (error['code'], error['source']) == (
        'magnum.nodegroup.not_created', {'pointer': '/nodegroup'}
    )
    assert 'gpu' in error['detail']


def test_a_preview_does_not_count_them(
    service: Service, client: webtest.TestApp, url: str
) -> None:
    client.post_json(f'{url}/nodegroups', {'name': 'later', 'node_count': 1}, headers=LATEST)
    answer = client.post_json(
        f'{url}/actions/upgrade?dry_run=true', {'cluster_template': TEMPLATE['name']},
        headers=LATEST,
    )
    replaced = [one['nodegroup'] for one in answer.json['replaced']]
    assert replaced == ['default-worker', 'later'], 'what is being created is, at its turn'


def test_a_rotation_of_the_authority_passes_over_them(
    service: Service, client: webtest.TestApp, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is not asked whether nodes that there are not take it over."""
    monkeypatch.setattr(
        CheckingDriver, 'takes_over_trust', lambda driver, role, version: version != ''
    )
    with service.database.writing() as session:
        session.execute(
            sa.update(models.Nodegroup).filter_by(is_default=True).values(template_version='1')
        )
        session.execute(sa.update(models.Bay).values(status='UPDATE_COMPLETE'))
    path = url.replace('clusters', 'certificates')
    client.patch(path, headers=LATEST, status=202)
    with service.database.writing() as session:
        session.execute(
            sa.update(models.Nodegroup).filter_by(name='gpu').values(stack_id='made')
        )
    service.settle()
    answer = client.patch(path, headers=LATEST, status=400)
    assert 'gpu' in answer.json['errors'][0]['detail']
