"""Shares of Manila for claims: what masters are told, and what they make of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.contract import BayPlan, CloudAccess, PlanRefused
from magnum.drivers.kubernetes import addons
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import masters, plans
from tests.unit.drivers.masters import Cluster, Master

DRIVER = KubernetesDriver()
WANTED = {'manila_csi_enabled': 'true'}
USING = {'cloud_provider_enabled': 'true'}
NETWORK = '11111111-1111-4111-8111-111111111111'
ADDONS = ('nfs-csi', 'manila-csi', 'manila-class')
#: What the driver needs of the Secret, by its documents.
NEEDED = {
    'os-authURL': 'https://keystone.example.org/v3', 'os-region': 'RegionOne',
    'os-applicationCredentialID': 'the-id', 'os-applicationCredentialSecret': 'a#"secret',
}


def plan(labels: Mapping[str, str] = WANTED, **changes: Any) -> BayPlan:
    return plans.plan(DRIVER, labels=labels, **changes)


def told(labels: Mapping[str, str] = WANTED, **changes: Any) -> Any:
    """What masters are told."""
    request = DRIVER.render(plan(labels, **changes))
    return masters.unpacked(request.parameters['master_settings'])['charts']


def storage_class(labels: Mapping[str, str] = WANTED, **changes: Any) -> Any:
    (found,) = told(labels, **changes)['manila-class']['values']['objects']
    return found


def cloud_file(of: BayPlan) -> str:
    """As the service writes it."""
    return DRIVER.cloud_configuration(of, CloudAccess(
        'the-id', 'a#"secret', 'https://keystone.example.org/v3', 'RegionOne'
    ))


def test_only_who_asks_for_it_has_it() -> None:
    assert [name for name in told() if name in ADDONS] == list(ADDONS), 'NFS comes first'
    assert not set(told(USING)) & set(ADDONS)
    charts = told()
    assert charts['manila-csi']['values']['csimanila']['clusterID'] == plan().uuid
    assert charts['nfs-csi']['values']['controller'] == {'replicas': 0}
    (protocol,) = charts['manila-csi']['values']['shareProtocols']
    assert protocol['protocolSelector'] == 'NFS'


def test_names_of_pods_are_short_enough() -> None:
    """The revision of a StatefulSet is a label: its name, and eleven characters more."""
    values = told()['manila-csi']['values']
    assert values['nameOverride'] in 'magnum-manila-csi', 'the chart then adds nothing but parts'
    assert len('magnum-manila-csi-controllerplugin') + 11 <= 63


def test_images_come_from_the_bays_registry() -> None:
    charts = told({**WANTED, 'container_infra_prefix': 'r.example.org/x'})
    found = json.dumps([charts[name]['values'] for name in ADDONS])
    for image in ('nfsplugin', 'livenessprobe', 'csi-node-driver-registrar', 'manila-csi-plugin',
                  'csi-provisioner', 'csi-snapshotter', 'csi-resizer'):
        assert f'"repository": "r.example.org/x/{image}"' in found
    assert 'repository' not in json.dumps(told())


def test_both_plugins_see_the_authority_of_the_cloud() -> None:
    values = told()['manila-csi']['values']
    for part in ('nodeplugin', 'controllerplugin'):
        (mount,) = values[part]['volumeMounts']
        (volume,) = values[part]['volumes']
        assert mount['name'] == volume['name']
        assert mount['mountPath'] == volume['hostPath']['path'] == '/etc/magnum/openstack-ca.pem'


def test_pods_on_nodes_with_taints_mount_shares() -> None:
    values = told()['manila-csi']['values']
    assert values['nodeplugin']['tolerations'] == [{'operator': 'Exists'}]
    assert 'tolerations' not in values['controllerplugin']


def test_the_class_has_what_labels_say() -> None:
    found = storage_class()
    assert found['metadata']['name'] == 'manila-nfs'
    assert found['provisioner'] == 'nfs.manila.csi.openstack.org'
    parameters = found['parameters']
    # The driver refuses a parameter that is empty.
    assert 'shareNetworkID' not in parameters
    assert parameters['type'] == 'default'
    for use in ('provisioner', 'controller-expand', 'node-stage', 'node-publish'):
        assert parameters[f'csi.storage.k8s.io/{use}-secret-name'] == 'manila-csi'
        assert parameters[f'csi.storage.k8s.io/{use}-secret-namespace'] == 'kube-system'
    parameters = storage_class({
        **WANTED, 'manila_csi_share_type': 'fast one', 'manila_csi_share_network_id': NETWORK,
    })['parameters']
    assert (parameters['type'], parameters['shareNetworkID']) == ('fast one', NETWORK)


@pytest.mark.parametrize(('labels', 'changes', 'is_default'), [
    ({}, {}, 'true'), ({'cinder_csi_enabled': 'true'}, {}, 'false'),
    ({}, {'volume_driver': 'cinder'}, 'false'),
])
def test_one_class_is_the_default(
    labels: dict[str, str], changes: dict[str, Any], is_default: str
) -> None:
    assert storage_class({**WANTED, **labels}, **changes)['metadata']['annotations'] == {
        'storageclass.kubernetes.io/is-default-class': is_default
    }


EXISTING = {'fixed_network': 'private', 'fixed_subnet': None}


@pytest.mark.parametrize(('labels', 'changes', 'client'), [
    ({}, {}, '10.0.0.0/24'),
    ({'fixed_subnet_cidr': '192.168.24.0/22'}, {}, '192.168.24.0/22'),
    ({}, {'fixed_network_cidr': '10.9.0.0/16'}, '10.9.0.0/16'),
    ({}, EXISTING, '0.0.0.0/0'),
    ({'manila_csi_share_client': '10.7.0.0/24'}, EXISTING, '10.7.0.0/24'),
    ({'manila_csi_share_client': '203.0.113.7'}, {}, '203.0.113.7'),
])
def test_nodes_alone_may_mount_where_it_is_known_where_they_are(
    labels: dict[str, str], changes: dict[str, Any], client: str
) -> None:
    DRIVER.validate(plan({**WANTED, **labels}, **changes))
    assert storage_class({**WANTED, **labels}, **changes)['parameters']['nfs-shareClient'] == client


@pytest.mark.parametrize(('label', 'text'), [
    ('manila_csi_share_client', '10.0.0.300'), ('manila_csi_share_client', '10.0.0.1/24'),
    ('manila_csi_share_client', 'everybody'), ('manila_csi_share_network_id', 'private'),
    ('manila_csi_share_type', '-x'), ('csi_driver_nfs_chart_tag', '4.11.0'),
])
def test_refused(label: str, text: str) -> None:
    digest = f'csi-driver-nfs:{"ab" * 32}'
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plan({**WANTED, label: text, 'addons_charts_digests': digest}))
    assert refused.value.field == f'labels/{label}'


def test_another_release_of_the_chart_is_taken_by_its_digest() -> None:
    labels = {'csi_driver_nfs_chart_tag': '4.9.0'}
    digest = {'addons_charts_digests': f'csi-driver-nfs:{"ab" * 32}'}
    DRIVER.validate(plan({**WANTED, **labels, **digest}))
    assert told({**WANTED, **labels, **digest})['nfs-csi']['url'].endswith(
        '/charts/v4.9.0/csi-driver-nfs-v4.9.0.tgz'
    )


@pytest.mark.parametrize(
    ('labels', 'of_controllers'), [(WANTED, False), ({**WANTED, **USING}, True)]
)
def test_the_credential_opens_manila(labels: dict[str, str], of_controllers: bool) -> None:
    assert DRIVER.wants_cloud_credential(plan(labels))
    rules = DRIVER.cloud_access_rules(plan(labels), ('network GET /**',))
    assert ('network GET /**' in rules) is of_controllers, 'for shares alone no more is open'
    services = {rule.partition(' ')[0] for rule in rules} - {'network'}
    assert services == {'shared-file-system', 'sharev2'}
    assert DRIVER.cloud_access_rules(plan(labels), ()) == (), 'the operator wants none'
    assert DRIVER.cloud_access_rules(plan(USING), ('network GET /**',)) == ('network GET /**',)


def test_a_bay_whose_credential_does_not_open_manila_gets_no_shares() -> None:
    for labels in ({}, USING):
        without, wanting = plan(labels), plan({**labels, **WANTED})
        with pytest.raises(PlanRefused) as refused:
            DRIVER.check_upgrade(without, wanting)
        assert refused.value.field == 'labels/manila_csi_enabled'
        DRIVER.check_upgrade(wanting, wanting)
        DRIVER.check_upgrade(wanting, without)
        found = DRIVER.master_settings(wanting, without, plans.bay_outputs(DRIVER, wanting))
        assert not set(masters.unpack(found['MAGNUM_ADDONS'])['charts']) & set(ADDONS)


def test_the_class_stays_as_it_was_made() -> None:
    """Kubernetes refuses other parameters: Helm would fail for ever."""
    current = plan()
    target = plan({**WANTED, 'manila_csi_share_type': 'fast'})
    with pytest.raises(PlanRefused) as refused:
        DRIVER.master_settings(current, target, plans.bay_outputs(DRIVER, current))
    assert refused.value.field == 'labels/manila_csi_share_type'


@pytest.mark.parametrize('strange', [{'secret'}, {'secret', 'objects'}])
def test_masters_of_earlier_releases_are_not_told_of_it(strange: set[str]) -> None:
    """The label had no effect on them; another release brings all settings anew."""
    current, target = (
        plan({**USING, **WANTED, 'kube_tag': release}) for release in ('v1.34.2', 'v1.34.3')
    )
    outputs = earlier(current, strange)
    found = DRIVER.master_settings(current, target, outputs)
    assert found['MAGNUM_KUBE_VERSION'] == 'v1.34.3'
    assert 'MAGNUM_ADDONS' not in found
    # The next line of releases has other images for those that they do know.
    later = plan({**USING, **WANTED, 'kube_tag': 'v1.35.1'})
    found = DRIVER.master_settings(current, later, outputs)
    assert not set(masters.unpack(found['MAGNUM_ADDONS'])['charts']) & set(ADDONS)
    without = plan({**USING, 'kube_tag': 'v1.34.2'})
    with pytest.raises(PlanRefused) as refused:
        DRIVER.master_settings(without, target, outputs)
    assert refused.value.field == 'labels/manila_csi_enabled'
    assert 'earlier release' in refused.value.reason


@pytest.mark.parametrize('more', [{}, {'kubelet_options': '--v=2'}])
def test_masters_of_earlier_releases_keep_their_release(more: dict[str, str]) -> None:
    """No label has it, and the default of today is another one."""
    current = plan({**USING, **WANTED, 'kube_tag': 'v1.32.3'})
    outputs = earlier(current, {'secret', 'objects'})
    labels = {name: value for name, value in current.labels.items() if name != 'kube_tag'}
    same, target = (
        plan({**labels, **more}, coe_version='v1.32.3') for more in ({}, more)
    )
    DRIVER.check_upgrade(same, target)
    found = DRIVER.master_settings(same, target, outputs)
    assert found == ({'MAGNUM_KUBELET_OPTIONS': '--v=2'} if more else {})


def earlier(of: BayPlan, strange: set[str]) -> dict[str, Any]:
    """Outputs of a bay whose masters do not know this of entries."""
    outputs = plans.bay_outputs(DRIVER, of)
    known = settings.parse(outputs['settled']['master_settings'])
    bare = DRIVER.render(plan({**of.labels, 'manila_csi_enabled': 'false'}))
    had = settings.parse(bare.parameters['master_settings'])['MAGNUM_ADDONS']
    gone = {addons.KNOWS[key] for key in strange}
    outputs['settled']['master_settings'] = settings.shell({
        **{name: text for name, text in known.items() if name not in gone}, 'MAGNUM_ADDONS': had,
    })
    return outputs


def test_the_secret_follows_the_credential(cluster: Cluster, master: Master) -> None:
    """It is the add-on's own, of the keys that the driver reads, and goes with it."""
    cluster.want('manila-csi', secret=told()['manila-csi']['secret'])
    master.share(cloud_file(plan()))
    said = [master.look()]
    assert master.condition() == 'True Installed'
    assert cluster.secret('manila-csi') == NEEDED
    assert cluster.secret('cloud-config') is None, 'nobody reads it'
    cluster.want('cloud-provider', cloud=True)
    new = cloud_file(plan(openstack_ca='x', verify_ca=False)).replace('the-id', 'new-id')
    master.share(cloud_file(plan()), manila_csi=new)
    said += [master.look('cloud'), master.look()]
    assert cluster.secret('manila-csi') == {
        **NEEDED, 'os-applicationCredentialID': 'new-id', 'os-TLSInsecure': 'true',
        'os-certAuthorityPath': '/etc/magnum/openstack-ca.pem',
    }
    assert cluster.restarts() == [], 'it is read anew each time'
    assert not any('a#' in done.stdout + done.stderr for done in said)
    del cluster.charts['manila-csi']
    master.look()
    assert cluster.secret('manila-csi') is None
    assert 'the-id' in (cluster.shared() or ''), 'another one reads that'
    assert cluster.ledger().keys() == {'cloud-provider', '.cloud'}
    del cluster.charts['cloud-provider']
    master.look()
    assert cluster.secret('cloud-config') is None
    assert cluster.ledger() == {}


def test_without_the_file_of_the_cloud_the_condition_says_so(
    cluster: Cluster, master: Master
) -> None:
    cluster.want('manila-csi', secret=told()['manila-csi']['secret'])
    master.look()
    assert (master.condition() or '').startswith('False Failing manila-csi: ')
    assert cluster.secret('manila-csi') is None


def test_the_class_is_made_as_other_objects_are(cluster: Cluster, master: Master) -> None:
    cluster.charts['manila-class'] = told()['manila-class']
    master.look()
    assert master.condition() == 'True Installed'
    assert cluster.applied() == [storage_class()]
