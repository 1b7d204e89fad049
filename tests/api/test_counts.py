"""Counts that are asked for again."""

import sqlalchemy as sa
import webtest

from magnum.db import models
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE

LATEST = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
PATCH = [{'op': 'replace', 'path': '/node_count', 'value': 3}]


def test_the_workers_failed_and_another_node_group_did_not(
    service: Service, client: webtest.TestApp
) -> None:
    """The bay's status is that of its last operation, which was about another group."""
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=LATEST)
    client.post_json('/v1/clusters', {**CLUSTER, 'name': 'one', 'node_count': 3}, headers=LATEST)
    service.settle()
    answer = client.patch_json('/v1/clusters/one', PATCH, headers=LATEST)
    assert 'Operation-Location' not in answer.headers
    with service.database.writing() as session:
        session.execute(
            sa.update(models.Nodegroup).filter_by(name='default-worker')
            .values(status='UPDATE_FAILED')
        )
    answer = client.patch_json('/v1/clusters/one', PATCH, headers=LATEST)
    assert 'Operation-Location' in answer.headers
