"""Snapshots of claims: what masters are told, and what they make of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from magnum.drivers import labels as label_rules
from magnum.drivers import settings
from magnum.drivers.contract import BayPlan, PlanRefused
from magnum.drivers.kubernetes import addons
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import masters, plans
from tests.unit.drivers.masters import Cluster, Master

DRIVER = KubernetesDriver()
SCHEMA = DRIVER.labels_schema()
USING = {'cloud_provider_enabled': 'true'}
VOLUMES, SHARES = {'cinder_csi_enabled': 'true'}, {'manila_csi_enabled': 'true'}
ADDONS = ('snapshot-controller', 'cinder-snapshots', 'manila-snapshots')
#: What the chart of the release that the label has takes, by its documents.
CHART = {
    'controller': {
        'affinity', 'args', 'enabled', 'image', 'imagePullSecrets', 'nodeSelector', 'pdb',
        'podAnnotations', 'podLabels', 'podSecurityContext', 'priorityClassName', 'rbac',
        'replicaCount', 'resources', 'securityContext', 'serviceAccount', 'tolerations',
        'topologySpreadConstraints',
    },
    'webhook': {'enabled'},
}
#: What the programs take: the controller beside what its chart gives it, and the drivers of
#: a class.
OPTIONS = {'preventVolumeModeConversion'}
PARAMETERS = {
    'cinder.csi.openstack.org': {'force-create', 'type'},
    'nfs.manila.csi.openstack.org': {
        f'csi.storage.k8s.io/snapshotter-secret-{part}' for part in ('name', 'namespace')
    },
}


def plan(labels: Mapping[str, str], **changes: Any) -> BayPlan:
    return plans.plan(DRIVER, labels=labels, **changes)


def told(labels: Mapping[str, str], **changes: Any) -> Any:
    """What masters are told."""
    request = DRIVER.render(plan(labels, **changes))
    return masters.unpacked(request.parameters['master_settings'])['charts']


def classes(labels: Mapping[str, str], **changes: Any) -> list[Any]:
    """The classes of snapshots."""
    return [
        one for chart in told(labels, **changes).values()
        for one in chart['values'].get('objects', ()) if one['kind'] == 'VolumeSnapshotClass'
    ]


@pytest.mark.parametrize(('labels', 'changes', 'expected'), [
    ({}, {}, []),
    (USING, {}, []),
    (VOLUMES, {}, [*ADDONS[:2]]),
    ({}, {'volume_driver': 'cinder'}, [*ADDONS[:2]]),
    (SHARES, {}, [ADDONS[0], ADDONS[2]]),
    ({**VOLUMES, **SHARES}, {}, [*ADDONS]),
    ({**VOLUMES, **SHARES, 'snapshot_controller_enabled': 'no'}, {}, []),
])
def test_bays_with_a_driver_of_claims_have_snapshots(
    labels: dict[str, str], changes: dict[str, Any], expected: list[str]
) -> None:
    """The controller comes first: it has the kinds of objects that drivers look for."""
    found = [name for name in told(labels, **changes) if 'csi' in name or name in ADDONS]
    assert [name for name in found if name in ADDONS] == expected
    assert found[:1] == expected[:1] or not expected


def test_the_chart_takes_the_values() -> None:
    values = told({
        **VOLUMES, 'container_infra_prefix': 'r.example.org/x', 'snapshot_controller_tag': 'v6.3.4',
    })['snapshot-controller']['values']
    assert values.keys() == CHART.keys()
    assert all(values[part].keys() <= known for part, known in CHART.items())
    assert values['controller']['args'].keys() == OPTIONS
    assert values['controller']['image'] == {
        'repository': 'r.example.org/x/snapshot-controller', 'tag': 'v6.3.4',
    }
    assert values['webhook'] == {'enabled': False}
    assert 'image' not in told(VOLUMES)['snapshot-controller']['values']['controller']


def test_releases_that_remove_all_snapshots_with_them_are_refused() -> None:
    """Since 5.0 the kinds are what Helm uninstalls."""
    for release, is_taken in (('4.2.0', True), ('5.0.0', False)):
        labels = {
            **VOLUMES, 'snapshot_controller_chart_tag': release,
            'addons_charts_digests': f'snapshot-controller:{"ab" * 32}',
        }
        if is_taken:
            DRIVER.validate(plan(labels))
            continue
        with pytest.raises(PlanRefused) as refused:
            DRIVER.validate(plan(labels))
        assert refused.value.field == 'labels/snapshot_controller_chart_tag'
        assert 'before 5.0' in refused.value.reason


def test_each_driver_has_one_default_class() -> None:
    """Of the kind as the API has it: a driver, a policy, and texts for the driver."""
    found = classes({**VOLUMES, **SHARES})
    assert {one['driver'] for one in found} == PARAMETERS.keys()
    for one in found:
        assert one.keys() == {
            'apiVersion', 'kind', 'metadata', 'driver', 'deletionPolicy', 'parameters',
        }
        assert one['apiVersion'] == 'snapshot.storage.k8s.io/v1'
        assert one['deletionPolicy'] == 'Delete'
        assert one['metadata']['annotations'] == {
            'snapshot.storage.kubernetes.io/is-default-class': 'true'
        }
        assert one['parameters'].keys() <= PARAMETERS[one['driver']]
        assert all(isinstance(text, str) for text in one['parameters'].values())
    assert [one['metadata']['name'] for one in found] == ['cinder', 'manila-nfs']


def test_volumes_of_pods_are_attached() -> None:
    (found,) = classes(VOLUMES)
    assert found['parameters'] == {'force-create': 'true'}


def test_snapshots_of_shares_use_the_drivers_secret() -> None:
    (found,) = classes(SHARES)
    assert list(found['parameters'].values()) == ['manila-csi', 'kube-system']


@pytest.mark.parametrize('label', ['snapshot_controller_tag', 'snapshot_controller_chart_tag'])
def test_what_is_no_tag_is_refused(label: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plan({**VOLUMES, label: '-1'}))
    assert refused.value.field == f'labels/{label}'
    labels = {**VOLUMES, label: '2.0.1'}
    assert label_rules.without_effect(SCHEMA, labels, labels, {}).keys() == set()


def test_an_upgrade_brings_and_removes_them() -> None:
    wanting, without = (
        plan({**USING, **VOLUMES, 'snapshot_controller_enabled': text})
        for text in ('true', 'false')
    )
    for current, target in ((without, wanting), (wanting, without)):
        DRIVER.check_upgrade(current, target)
        outputs = plans.bay_outputs(DRIVER, current)
        found = DRIVER.master_settings(current, target, outputs)
        charts = masters.unpack(found['MAGNUM_ADDONS'])['charts']
        assert set(charts) & set(ADDONS) == (set(ADDONS[:2]) if target is wanting else set())


def earlier(of: BayPlan) -> dict[str, Any]:
    """Outputs of a bay whose masters know charts alone."""
    outputs = plans.bay_outputs(DRIVER, of)
    known = settings.parse(outputs['settled']['master_settings'])
    del known[addons.KNOWS['objects']]
    bare = DRIVER.render(plan({**of.labels, 'snapshot_controller_enabled': 'false'}))
    had = settings.parse(bare.parameters['master_settings'])['MAGNUM_ADDONS']
    outputs['settled']['master_settings'] = settings.shell({**known, 'MAGNUM_ADDONS': had})
    return outputs


def test_masters_that_know_no_objects_keep_volumes_without_snapshots() -> None:
    current, target = (
        plan({**USING, **VOLUMES, 'metrics_server_enabled': text}) for text in ('true', 'false')
    )
    found = DRIVER.master_settings(current, target, earlier(current))
    charts = masters.unpack(found['MAGNUM_ADDONS'])['charts']
    assert [name for name in charts if 'cinder' in name or name in ADDONS] == ['cinder-csi']


def test_masters_that_know_no_objects_get_volumes_without_snapshots() -> None:
    current, target = plan(USING), plan({**USING, **VOLUMES})
    DRIVER.check_upgrade(current, target)
    found = DRIVER.master_settings(current, target, earlier(current))
    charts = masters.unpack(found['MAGNUM_ADDONS'])['charts']
    assert 'cinder-csi' in charts
    assert not set(charts) & set(ADDONS)


def test_masters_that_know_no_objects_get_none_who_asks_for_them() -> None:
    current, target = (
        plan({**USING, **VOLUMES, 'snapshot_controller_enabled': text})
        for text in ('false', 'true')
    )
    with pytest.raises(PlanRefused) as refused:
        DRIVER.master_settings(current, target, earlier(current))
    assert refused.value.field == 'labels/snapshot_controller_enabled'


def test_masters_make_the_class_as_they_make_other_objects(
    cluster: Cluster, master: Master
) -> None:
    cluster.charts['cinder-snapshots'] = told(VOLUMES)['cinder-snapshots']
    master.look()
    assert master.condition() == 'True Installed'
    assert cluster.applied() == classes(VOLUMES)
