"""Labels that options of the operator's stand for in new bays."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from magnum.db.repositories import bays as repository
from magnum.db.repositories import nodegroups
from magnum.drivers.contract import BayPlan
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.plans import bay_plan
from magnum.drivers.registry import Registry
from tests.api.fixtures.service import Service
from tests.api.test_labels import HEADERS, TEMPLATE

LABEL = 'cloud_provider_enabled'


class Bays:
    """Clusters of a service of which the operator has set the option."""

    def __init__(self, directory: pathlib.Path, has_octavia: bool = True, **options: Any):
        self.service = Service(directory, Registry.from_entry_points(), **options)
        self.service.cloud.world.unserved = {'load-balancer'} if has_octavia else set()
        self.client = webtest.TestApp(self.service.application)
        for coe in ('kubernetes', 'swarm'):
            self._post('/v1/clustertemplates', {**TEMPLATE, 'name': coe, 'coe': coe})

    def post(self, query: str = '', template: str = 'kubernetes', **body: Any) -> dict[str, Any]:
        """What a request for a cluster is answered with."""
        return self._post(
            f'/v1/clusters{query}', {'name': 'c', 'cluster_template_id': template, **body}
        )

    def get(self, path: str) -> dict[str, Any]:
        """What is shown of a cluster."""
        found: dict[str, Any] = self.client.get(f'/v1/clusters/{path}', headers=HEADERS).json
        return found

    def plan(self, uuid: str) -> BayPlan:
        """A cluster as conductors render it."""
        with self.service.database.reading() as session:
            bay, baymodel = repository.with_baymodel(session, uuid)
            groups = nodegroups.load_all(session, uuid)
            return bay_plan(bay, baymodel, groups, self.service.conf)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.client.post_json(path, body, headers=HEADERS).json
        return found


@pytest.fixture
def bays(tmp_path: pathlib.Path) -> Iterator[Bays]:
    found = Bays(tmp_path, drivers__cloud_provider=True)
    yield found
    found.service.stop()


def test_a_new_bay_has_the_cloud_provider_and_keeps_it(bays: Bays) -> None:
    """Whatever the option says later; labels stay as they were sent."""
    preview = bays.post('?dry_run=true')
    assert preview['labels'][LABEL] == {
        'value': 'true', 'origin': 'default', 'effect': 'applied'
    }
    uuid = bays.post()['uuid']
    bays.service.conf.set_override('cloud_provider', False, 'drivers')
    plan = bays.plan(uuid)
    assert plan.labels[LABEL] == 'true'
    assert KubernetesDriver().wants_cloud_credential(plan)
    assert LABEL not in bays.get(uuid)['labels']
    for shown in (
        bays.get(f'{uuid}/resolved_labels'), bays.get(f'{uuid}?fields=resolved_labels')
    ):
        assert shown['resolved_labels'][LABEL]['value'] == 'true'


@pytest.mark.parametrize(('is_there', 'body'), [
    (False, {}),
    (True, {'template': 'swarm'}),
    (True, {'labels': {LABEL: 'False'}}),
])
def test_a_bay_without(tmp_path: pathlib.Path, is_there: bool, body: dict[str, Any]) -> None:
    """No Octavia, a driver that does not know the label, a bay that has its own."""
    bays = Bays(tmp_path, is_there, drivers__cloud_provider=True)
    uuid = bays.post(**body)['uuid']
    with bays.service.database.reading() as session:
        assert session.scalar(sa.select(models.Bay.presets).filter_by(uuid=uuid)) is None
    bays.service.stop()


def test_the_option_is_off_by_default(tmp_path: pathlib.Path) -> None:
    bays = Bays(tmp_path)
    assert bays.post('?dry_run=true')['labels'][LABEL]['value'] == 'false'
    bays.service.stop()


def test_labels_that_need_it_have_an_effect(bays: Bays) -> None:
    uuid = bays.post(labels={'cloud_provider_tag': 'v1.33.1'})['uuid']
    shown = bays.get(f'{uuid}/resolved_labels')['resolved_labels']
    assert shown['cloud_provider_tag']['effect'] == 'applied'
    kinds = {event['kind'] for event in bays.get(f'{uuid}/events')['events']}
    assert 'bay.create.labels_without_effect' not in kinds
