"""Add-ons whose projects have no chart: the objects that masters are told of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from magnum.drivers import labels as label_rules
from magnum.drivers import settings
from magnum.drivers.contract import BayPlan, CloudAccess, PlanRefused
from magnum.drivers.kubernetes import addons
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import masters, plans
from tests.unit.drivers.masters import Cluster, Master

SUBNET, NETWORK = (f'{digit * 8}-1111-4111-8111-111111111111' for digit in '12')
DRIVER = KubernetesDriver()
SCHEMA = DRIVER.labels_schema()
#: By add-on: the label that asks for it, and what its programs take by their documents.
WANTED: Mapping[str, Mapping[str, str]] = {
    'problem-detector': {'npd_enabled': 'true'},
    'octavia-ingress': {'ingress_controller': 'octavia'},
}
OPTIONS: Mapping[str, set[str]] = {
    'problem-detector': {'--logtostderr'},
    'octavia-ingress': {'--config'},
}
#: As the service writes it.
CLOUD = DRIVER.cloud_configuration(plans.plan(DRIVER), CloudAccess(
    'the-id', 'a#"secret', 'https://keystone.example.org/v3', 'RegionOne', NETWORK, SUBNET
))
#: Of bays that exist and have a credential.
USING = {'cloud_provider_enabled': 'true'}
every_addon = pytest.mark.parametrize('name', WANTED)


def told(labels: Mapping[str, str]) -> Any:
    """What masters are told."""
    request = DRIVER.render(plans.plan(DRIVER, labels=labels))
    return masters.unpacked(request.parameters['master_settings'])['charts']


def objects(name: str, **labels: str) -> Sequence[Any]:
    found: Sequence[Any] = told({**WANTED[name], **labels})[name]['values']['objects']
    return found


def of_kind(found: Sequence[Any], *kinds: str) -> list[Any]:
    return [one for one in found if one['kind'] in kinds]


def workload(found: Sequence[Any]) -> Any:
    (one,) = of_kind(found, 'DaemonSet', 'Deployment')
    return one


def container(found: Sequence[Any]) -> Any:
    (one,) = workload(found)['spec']['template']['spec']['containers']
    return one


def test_all_are_here() -> None:
    """All with a program of their own; a storage class has none."""
    assert {name for name, entry in addons.table().items() if 'image' in entry} == WANTED.keys()


@every_addon
def test_an_entry_is_whole(name: str) -> None:
    entry = addons.table()[name]
    assert entry.keys() - {'cloud'} == {'what', 'when', 'objects', 'image', 'tag', 'namespace'}
    assert len(f'magnum-{name}') <= 26, 'names of its pods become too long'
    rule = SCHEMA['properties'][entry['tag']]
    assert rule['needs'] == entry['when'], 'the tag does nothing without it'
    assert 'deprecated' not in rule
    for label in (*entry['when'], entry['tag']):
        assert 'default' in SCHEMA['properties'][label]
    assert name not in told({}), 'nobody gets it who did not ask for it'


@every_addon
def test_objects_belong_together(name: str) -> None:
    found = objects(name)
    namespace = addons.table()[name]['namespace']
    assert all(one.keys() >= {'apiVersion', 'kind', 'metadata'} for one in found)
    # What is of no namespace of the release says which one it is of.
    assert all(one['metadata'].get('namespace', namespace) == namespace for one in found)
    spec = workload(found)['spec']
    # Masters find pods by it, for what they wait for.
    assert spec['template']['metadata']['labels'] == spec['selector']['matchLabels'] == {
        'app.kubernetes.io/instance': f'magnum-{name}'
    }
    pod = spec['template']['spec']
    (account,) = of_kind(found, 'ServiceAccount')
    assert pod['serviceAccountName'] == account['metadata']['name']
    for binding in of_kind(found, 'ClusterRoleBinding', 'RoleBinding'):
        assert binding['subjects'] == [{
            'kind': 'ServiceAccount', 'name': account['metadata']['name'], 'namespace': namespace,
        }]
    mounted = {one['name'] for one in container(found)['volumeMounts']}
    assert mounted == {one['name'] for one in pod['volumes']}
    assert all(one.get('readOnly') for one in container(found)['volumeMounts'])


@every_addon
def test_the_programs_options_are_documented(name: str) -> None:
    given = {option.partition('=')[0] for option in container(objects(name))['args']}
    assert given == OPTIONS[name]


@every_addon
def test_an_image_has_the_tag_of_its_label_and_a_mirror(name: str) -> None:
    entry = addons.table()[name]
    path, tag = entry['image'], entry['tag']
    default = SCHEMA['properties'][tag]['default']
    assert container(objects(name))['image'] == f'registry.k8s.io/{path}:{default}'
    assert container(objects(name, **{tag: 'v9'}))['image'] == f'registry.k8s.io/{path}:v9'
    mirrored = objects(name, container_infra_prefix='r.example.org/x', **{tag: 'v9'})
    assert container(mirrored)['image'] == f'r.example.org/x/{path.rpartition("/")[2]}:v9'


@every_addon
@pytest.mark.parametrize('tag', ['a b', '"', '-v1', 'v1@sha256:0', 'x' * 129])
def test_what_is_no_tag_is_refused(name: str, tag: str) -> None:
    label = addons.table()[name]['tag']
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plans.plan(DRIVER, labels={**WANTED[name], label: tag}))
    assert refused.value.field == f'labels/{label}'


@every_addon
def test_its_labels_have_an_effect(name: str) -> None:
    label = addons.table()[name]['tag']
    for labels, idle in (({**WANTED[name], label: 'v9'}, set()), ({label: 'v9'}, {label})):
        assert label_rules.without_effect(SCHEMA, labels, labels, {}).keys() == idle


def test_what_reads_the_kernels_messages_may_do_no_more_in_the_cluster() -> None:
    found = objects('problem-detector')
    (binding,) = of_kind(found, 'ClusterRoleBinding')
    assert binding['roleRef']['name'] == 'system:node-problem-detector', "Kubernetes' own"
    assert of_kind(found, 'ClusterRole', 'Role') == []
    pod = workload(found)['spec']['template']['spec']
    assert pod['tolerations'] == [{'operator': 'Exists'}], 'it is on every node'
    assert [volume['hostPath']['path'] for volume in pod['volumes']] == ['/dev/kmsg']
    assert not {'hostNetwork', 'hostPID', 'hostIPC'} & pod.keys()
    (name,) = container(found)['env']
    assert name == {
        'name': 'NODE_NAME', 'valueFrom': {'fieldRef': {'fieldPath': 'spec.nodeName'}}
    }


def plan(**changes: Any) -> BayPlan:
    return plans.plan(DRIVER, labels=WANTED['octavia-ingress'], **changes)


def test_the_ingress_controller_reads_no_secrets_of_the_cluster() -> None:
    """Whose nodes, services and ingresses it looks at; it says in ingresses what came of it."""
    found = objects('octavia-ingress')
    (role,) = of_kind(found, 'ClusterRole')
    (binding,) = of_kind(found, 'ClusterRoleBinding')
    assert binding['roleRef']['name'] == role['metadata']['name']
    may = {
        (verb, resource) for rule in role['rules']
        for verb in rule['verbs'] for resource in rule['resources']
    }
    looks = {'get', 'list', 'watch'}
    assert may == {
        *((verb, resource) for verb in looks for resource in ('nodes', 'services', 'ingresses')),
        ('update', 'ingresses/status'), ('create', 'events'), ('patch', 'events'),
    }


def test_the_ingress_controller_runs_once_and_on_masters() -> None:
    spec = workload(objects('octavia-ingress'))['spec']
    assert (spec['replicas'], spec['strategy']) == (1, {'type': 'Recreate'})
    pod = spec['template']['spec']
    assert pod['nodeSelector'] == {'node-role.kubernetes.io/control-plane': ''}
    (secret,) = (volume['secret'] for volume in pod['volumes'] if 'secret' in volume)
    (item,) = secret['items']
    (config,) = container(objects('octavia-ingress'))['args']
    assert config == f'--config=/etc/config/{item["path"]}'
    assert item['key'] == 'octavia-ingress.yaml'
    assert secret['secretName'] == told(WANTED['octavia-ingress'])['octavia-ingress'][
        'cloud_secret'
    ] == 'cloud-config-octavia-ingress'


@pytest.mark.parametrize(('provider', 'expected'), [
    ('', ''), ('amphora', 'amphora'), ('mine', 'mine'), ('ovn', 'amphora'),
])
def test_the_ingress_controller_is_told_whose_load_balancers_are_its_own(
    provider: str, expected: str
) -> None:
    """By the name in them a bay's deletion finds them. OVN's know no HTTP."""
    labels = {**WANTED['octavia-ingress'], 'octavia_provider': provider}
    assert told(labels)['octavia-ingress']['cloud'] == {
        'cluster-name': plans.plan(DRIVER).uuid, 'octavia': {'provider': expected},
    }


def test_the_ingress_controller_uses_the_cloud_with_the_bays_credential() -> None:
    assert DRIVER.wants_cloud_credential(plan())
    rules = DRIVER.cloud_access_rules(plan(), ('load-balancer GET /**',))
    assert rules == ('load-balancer GET /**', 'key-manager GET /**/secrets')
    assert DRIVER.cloud_access_rules(plan(), ()) == (), 'the operator wants none'
    settings_of_masters = DRIVER.render(plan()).parameters['master_settings']
    assert settings.parse(settings_of_masters)['MAGNUM_CLOUD_CREDENTIAL'] == 'true'


@pytest.mark.parametrize(('changes', 'field'), [
    ({'fixed_network': 'private', 'fixed_subnet': None}, 'fixed_subnet'),
    ({'fixed_network': 'private', 'fixed_subnet': 'private-subnet'}, 'fixed_subnet'),
    ({'monitoring_enabled': 'true', 'monitoring_ingress_enabled': 'true'},
     'labels/monitoring_ingress_enabled'),
])
def test_the_ingress_controller_cannot_do_without(changes: dict[str, Any], field: str) -> None:
    labels = {name: text for name, text in changes.items() if name.startswith('monitoring')}
    others = {name: text for name, text in changes.items() if name not in labels}
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plans.plan(
            DRIVER, labels={**WANTED['octavia-ingress'], **labels}, **others
        ))
    assert refused.value.field == field
    DRIVER.validate(plans.plan(
        DRIVER, labels={'ingress_controller': 'nginx', **labels}, **others
    ))


def test_the_ingress_controller_takes_the_subnet_of_the_users_network() -> None:
    DRIVER.validate(plan(fixed_network='private', fixed_subnet=SUBNET))


def test_a_bay_without_a_credential_gets_no_ingress_controller_and_may_lose_it() -> None:
    without, wanting = plans.plan(DRIVER), plan()
    with pytest.raises(PlanRefused) as refused:
        DRIVER.check_upgrade(without, wanting)
    assert refused.value.field == 'labels/ingress_controller'
    for target in (without, plans.plan(DRIVER, labels={'ingress_controller': 'traefik'})):
        DRIVER.check_upgrade(wanting, target)
        found = DRIVER.master_settings(wanting, target, plans.bay_outputs(DRIVER, wanting))
        assert 'octavia-ingress' not in masters.unpack(found['MAGNUM_ADDONS'])['charts']


@pytest.mark.parametrize('knows', [True, False])
def test_a_bay_whose_credentials_are_for_no_controller_gets_none(knows: bool) -> None:
    """Earlier masters had one for all, whatever the bay had of add-ons."""
    scaled = {'auto_scaling_enabled': 'true'}
    without, *wanting = (
        plans.plan(DRIVER, labels={**scaled, **labels})
        for labels in ({}, WANTED['octavia-ingress'], {'cinder_csi_enabled': 'true'})
    )
    outputs = plans.bay_outputs(DRIVER, without)
    if not knows:
        told = settings.parse(outputs['settled']['master_settings'])
        del told[addons.PURPOSES]
        outputs['settled']['master_settings'] = settings.shell(told)
    for target, label in zip(wanting, ('ingress_controller', 'cinder_csi_enabled'), strict=True):
        if knows:
            with pytest.raises(PlanRefused) as refused:
                DRIVER.master_settings(without, target, outputs)
            assert refused.value.field == f'labels/{label}'
        else:
            assert 'MAGNUM_ADDONS' in DRIVER.master_settings(without, target, outputs)
        DRIVER.master_settings(target, without, plans.bay_outputs(DRIVER, target))


def of_an_earlier_release(labels: Mapping[str, str]) -> dict[str, Any]:
    """Outputs of a bay whose masters know charts alone, whatever its labels are."""
    plan = plans.plan(DRIVER, labels=labels)
    outputs = plans.bay_outputs(DRIVER, plan)
    known = settings.parse(outputs['settled']['master_settings'])
    del known[addons.KNOWS['objects']]
    asking = {label for labels_of_addon in WANTED.values() for label in labels_of_addon}
    bare = plans.plan(DRIVER, labels={
        name: text for name, text in labels.items() if name not in asking
    })
    without = settings.parse(DRIVER.render(bare).parameters['master_settings'])
    outputs['settled']['master_settings'] = settings.shell(
        {**known, 'MAGNUM_ADDONS': without['MAGNUM_ADDONS']}
    )
    return outputs


@every_addon
def test_masters_that_know_no_objects_are_not_told_of_any(name: str) -> None:
    """They would end at them; another release brings all settings anew."""
    labels = {**WANTED[name], 'kube_tag': 'v1.34.3'}
    current, target = (
        plans.plan(DRIVER, labels={**labels, 'kube_tag': release})
        for release in ('v1.34.3', 'v1.35.1')
    )
    found = DRIVER.master_settings(current, target, of_an_earlier_release(labels))
    assert found['MAGNUM_KUBE_VERSION'] == 'v1.35.1'
    assert 'MAGNUM_ADDONS' not in found
    assert addons.KNOWS['objects'] not in found


@every_addon
def test_masters_that_know_no_objects_get_none_later(name: str) -> None:
    current, target = (plans.plan(DRIVER, labels=labels) for labels in ({}, WANTED[name]))
    with pytest.raises(PlanRefused) as refused:
        DRIVER.master_settings(current, target, of_an_earlier_release({}))
    assert refused.value.field == f'labels/{next(iter(WANTED[name]))}'
    assert 'earlier release' in refused.value.reason


@every_addon
def test_an_upgrade_brings_and_removes_it(name: str) -> None:
    without, wanting = (
        plans.plan(DRIVER, labels={**USING, **labels}) for labels in ({}, WANTED[name])
    )
    for current, target in ((without, wanting), (wanting, without)):
        DRIVER.check_upgrade(current, target)
        outputs = plans.bay_outputs(DRIVER, current)
        found = DRIVER.master_settings(current, target, outputs)
        is_there = name in masters.unpack(found['MAGNUM_ADDONS'])['charts']
        assert is_there is (target is wanting)


@every_addon
def test_masters_keep_objects_as_they_keep_charts(
    cluster: Cluster, master: Master, name: str
) -> None:
    """By a chart of their own making, without any download but Helm's."""
    chart = told(WANTED[name])[name]
    cluster.charts[name] = chart
    if 'cloud' in chart:
        master.share(CLOUD)
    cluster.fails(name, 'no node has this device')
    master.look()
    assert (master.condition() or '').startswith(f'False Failing {name}: Error: no node has this')
    cluster.fails(name)
    master.wait()
    master.look()
    assert master.condition() == 'True Installed'
    release = cluster.release(name, chart['namespace'])
    assert release
    assert (release['chart'], release['config']) == ('objects-1.0.0', chart['values'])
    assert cluster.applied() == chart['values']['objects']
    assert len(master.calls()) == 1
    del cluster.charts[name]
    master.look()
    assert cluster.release(name, chart['namespace']) is None
    assert cluster.ledger() == {}
    assert cluster.applied() == []


def test_the_ingress_controllers_file_follows_the_credential(
    cluster: Cluster, master: Master
) -> None:
    """In a Secret of its own, that masters change when they have another one."""
    cluster.charts['octavia-ingress'] = chart = told(WANTED['octavia-ingress'])['octavia-ingress']
    master.share(CLOUD)
    said = [master.look()]
    secret = chart['cloud_secret']
    assert cluster.shared(secret=secret) == CLOUD
    assert cluster.shared() is None, 'nobody reads it'
    file = yaml.safe_load(cluster.shared('octavia-ingress.yaml', secret) or '')
    assert file == {
        'cluster-name': plans.plan(DRIVER).uuid,
        'openstack': {
            'auth-url': 'https://keystone.example.org/v3', 'region': 'RegionOne',
            'application-credential-id': 'the-id', 'application-credential-secret': 'a#"secret',
        },
        'octavia': {'subnet-id': SUBNET, 'floating-network-id': NETWORK, 'provider': ''},
    }
    master.share(CLOUD.replace('the-id', 'another-id'))
    said.append(master.look('cloud'))
    file = yaml.safe_load(cluster.shared('octavia-ingress.yaml', secret) or '')
    assert file['openstack']['application-credential-id'] == 'another-id'
    assert 'a#' not in json.dumps(chart), 'masters are not told of it'
    assert not any('a#' in done.stdout + done.stderr for done in said)
    del cluster.charts['octavia-ingress']
    cluster.want('cloud-provider', cloud=True)
    master.look()
    assert cluster.shared('octavia-ingress.yaml', secret) is None
