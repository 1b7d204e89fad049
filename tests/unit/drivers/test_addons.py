"""The table of add-ons, and what masters are told of it."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from magnum.drivers import composition, settings
from magnum.drivers import labels as label_rules
from magnum.drivers.contract import MASTER, WORKER, PlanRefused
from magnum.drivers.kubernetes import addons
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import hot, masters, plans

DRIVER = KubernetesDriver()
SCHEMA = DRIVER.labels_schema()
DIGEST = 'ab' * 32
#: Of labels of which each add-on needs one.
WANTED = {
    'cloud-provider': {'cloud_provider_enabled': 'true'},
    'snapshot-controller': {'cinder_csi_enabled': 'true'},
    'cinder-csi': {'cinder_csi_enabled': 'true'},
    'nfs-csi': {'manila_csi_enabled': 'true'},
    'manila-csi': {'manila_csi_enabled': 'true'},
    'autoscaler': {'auto_scaling_enabled': 'true'},
    'metrics-server': {},
    'problem-detector': {'npd_enabled': 'true'},
    'ingress-nginx': {'ingress_controller': 'nginx'},
    'traefik': {'ingress_controller': 'traefik'},
    'monitoring': {'monitoring_enabled': 'true'},
    'prometheus-adapter': {'monitoring_enabled': 'true'},
    'calico-crds': {},
    'calico': {},
    'cilium': {},
}
#: Of network drivers: the others are of every one.
NETWORKS = {'calico-crds': 'calico', 'calico': 'calico', 'cilium': 'cilium'}
#: All at once, as many and as long as there can be.
ALL = {
    'cloud_provider_enabled': 'true', 'cinder_csi_enabled': 'true', 'boot_volume_type': 'ssd',
    'auto_scaling_enabled': 'true', 'ingress_controller': 'nginx', 'monitoring_enabled': 'true',
    'npd_enabled': 'true', 'manila_csi_enabled': 'true', 'manila_csi_share_type': 'x' * 36,
    'manila_csi_share_network_id': '11111111-1111-4111-8111-111111111111',
    'monitoring_storage_class_name': 'fast', 'container_infra_prefix': 'registry.example.org/x/',
    'monitoring_ingress_enabled': 'true', 'cluster_basic_auth_secret': 'users',
    'prometheus_adapter_configmap': 'rules', 'ingress_controller_role': 'ingress',
    **{label: 'v1' for entry in addons.table().values() for label in entry.get('tags', ())},
}
every_addon = pytest.mark.parametrize(
    'name', [name for name, entry in addons.table().items() if 'chart' in entry]
)


def told(labels: Mapping[str, str], **changes: Any) -> Any:
    """What masters are told."""
    request = DRIVER.render(plans.plan(DRIVER, labels=labels, **changes))
    return masters.unpacked(request.parameters['master_settings'])


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield key
            yield from texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, str):
        yield node


@every_addon
def test_an_entry_is_whole(name: str) -> None:
    entry = addons.table()[name]
    optional = {
        'also', 'archive', 'before', 'cloud', 'network', 'operates', 'password', 'secret', 'since',
        'tags',
    }
    assert entry.keys() - optional == {
        'what', 'when', 'release', 'chart', 'url', 'digests', 'namespace', 'values'
    }
    assert len(f'magnum-{name}') <= 26, 'names of its pods become too long'
    rules = SCHEMA['properties']
    own = {*entry['when'], entry['release'], *entry.get('tags', ())}
    variables = {found for text in texts(entry) for found in composition.VARIABLE.findall(text)}
    made = {
        'release', 'registry', 'uuid', 'network_driver', 'calico_encapsulation', 'has_claims',
        'cloud_secret',
    }
    for label in (own | variables) - made:
        assert 'deprecated' not in rules[label], label
        assert 'default' in rules[label], label
    assert rules[entry['release']]['default'].removeprefix('v') in entry['digests']
    # That of Cinder has another reason, too: the volume driver. Some images several have.
    for label in (entry['release'], *entry.get('tags', ())):
        assert rules[label].get('needs') in (entry['when'], None)
    assert all(re.fullmatch('[0-9a-f]{64}', digest) for digest in entry['digests'].values())
    assert entry['url'].startswith('https://')


@every_addon
def test_masters_are_told_of_what_the_bay_wants(name: str) -> None:
    entry = addons.table()[name]
    without = told({'metrics_server_enabled': 'false'})['charts']
    assert without == {}
    chart = told(
        {'metrics_server_enabled': 'true', **WANTED[name]},
        network_driver=NETWORKS.get(name, 'flannel'),
    )['charts'][name]
    release = SCHEMA['properties'][entry['release']]['default'].removeprefix('v')
    archive = entry.get('archive', f'{entry["chart"]}-<release>.tgz')
    assert chart['url'] == f'{entry["url"]}/{archive}'.replace('<release>', release)
    assert chart['sha256'] == entry['digests'][release]
    assert chart['namespace'] == entry['namespace']
    assert chart.get('password') == entry.get('password')


@pytest.mark.parametrize('labels', [{}, ALL, {**ALL, 'ingress_controller': 'traefik'}])
def test_no_variable_is_left(labels: dict[str, str]) -> None:
    assert not [text for text in texts(told(labels)) if composition.VARIABLE.search(text)]


def test_values_are_those_of_labels() -> None:
    monitoring = told({
        'monitoring_enabled': 'yes', 'monitoring_retention_days': '3',
        'monitoring_retention_size': '5', 'monitoring_interval_seconds': '60',
        'monitoring_storage_class_name': 'fast',
    })['charts']['monitoring']['values']
    spec = monitoring['prometheus']['prometheusSpec']
    volume = spec.pop('storageSpec')['volumeClaimTemplate']['spec']
    assert spec == {'retention': '3d', 'retentionSize': '5GB', 'scrapeInterval': '60s'}
    assert (volume['storageClassName'], volume['resources']) == (
        'fast', {'requests': {'storage': '5Gi'}}
    )
    assert 'adminPassword' not in json.dumps(monitoring), 'settings hold no secrets'
    plain = told({'monitoring_enabled': 'yes'})['charts']['monitoring']['values']
    assert 'storageSpec' not in plain['prometheus']['prometheusSpec']


@every_addon
def test_a_label_has_the_tag_of_an_image(name: str) -> None:
    for label, path in addons.table()[name].get('tags', {}).items():
        plain, values = (
            told({**WANTED[name], **labels})['charts'][name]['values']
            for labels in ({}, {label: 'v9'})
        )
        for key in path.split('.'):
            plain, values = plain.get(key, {}), values[key]
        # The chart's own, or what goes with the release of Kubernetes.
        assert (plain, values) == (SCHEMA['properties'][label]['default'] or {}, 'v9')


def test_another_image_of_nginx_has_another_digest() -> None:
    labels = {'ingress_controller': 'nginx', 'nginx_ingress_controller_tag': 'v1.9.9'}
    image = told(labels)['charts']['ingress-nginx']['values']['controller']['image']
    assert image == {'tag': 'v1.9.9', 'digest': ''}


@pytest.mark.parametrize(('controller', 'path'), [
    ('nginx', ('ingress-nginx', 'values', 'controller')), ('traefik', ('traefik', 'values')),
])
def test_an_ingress_controller_runs_on_nodes_of_a_role(
    controller: str, path: tuple[str, ...]
) -> None:
    found = told({'ingress_controller': controller, 'ingress_controller_role': 'edge'})['charts']
    for key in path:
        found = found[key]
    assert found['nodeSelector'] == {'role': 'edge'}


def test_monitoring_is_open_to_users_with_passwords_only() -> None:
    labels = {
        'monitoring_enabled': 'true', 'monitoring_ingress_enabled': 'true',
        'cluster_root_domain_name': 'bay.example.org', 'ingress_controller': 'nginx',
    }

    def ingresses(**more: str) -> dict[str, Any]:
        values = told({**labels, **more})['charts']['monitoring']['values']
        return {name: part['ingress'] for name, part in values.items() if 'ingress' in part}

    grafana = {'enabled': True, 'ingressClassName': 'nginx', 'hosts': ['grafana.bay.example.org']}
    assert ingresses() == {'grafana': grafana}
    # Traefik does not read nginx's annotations.
    assert ingresses(ingress_controller='traefik', cluster_basic_auth_secret='users').keys() == {
        'grafana'
    }
    found = ingresses(cluster_basic_auth_secret='users')
    assert found.keys() == {'grafana', 'prometheus', 'alertmanager'}
    for name in ('prometheus', 'alertmanager'):
        assert found[name]['hosts'] == [f'{name}.bay.example.org']
        assert found[name]['annotations'] == {
            'nginx.ingress.kubernetes.io/auth-type': 'basic',
            'nginx.ingress.kubernetes.io/auth-secret': 'users',
        }


def test_the_adapter_asks_the_prometheus_of_monitoring() -> None:
    """By the service that the operator makes, whatever the release is called."""
    charts = told({'monitoring_enabled': 'true', 'prometheus_adapter_configmap': 'own'})['charts']
    assert 'fullnameOverride' not in charts['monitoring']['values'], 'volumes are found by it'
    assert charts['prometheus-adapter']['values'] == {
        'prometheus': {'url': 'http://prometheus-operated.monitoring.svc'},
        'rules': {'existing': 'own'},
    }
    assert 'prometheus-adapter' not in told({
        'monitoring_enabled': 'true', 'prometheus_adapter_enabled': 'false'
    })['charts']


def test_the_cloud_comes_first() -> None:
    """Without it no pods run on nodes that wait for it; with it there are load balancers."""
    charts = told({**ALL, 'ingress_controller': 'traefik'})['charts']
    assert list(charts) == ['cloud-provider', 'snapshot-controller', 'cinder-csi',
                            'cinder-snapshots', 'nfs-csi', 'manila-csi', 'manila-class',
                            'manila-snapshots', 'autoscaler', 'metrics-server',
                            'problem-detector', 'traefik', 'monitoring', 'prometheus-adapter']
    assert charts['traefik']['values']['service'] == {'type': 'LoadBalancer'}
    uuid = plans.plan(DRIVER).uuid
    assert charts['cloud-provider']['values']['cluster'] == {'name': uuid}
    assert charts['cinder-csi']['values']['clusterID'] == uuid
    for name, secret in (('cloud-provider', None), ('cinder-csi', 'cloud-config-cinder-csi')):
        assert charts[name]['cloud'] is True
        assert charts[name].get('cloud_secret') == secret
        assert charts[name]['values']['secret']['create'] is False
        assert charts[name]['values']['secret']['name'] == (secret or 'cloud-config')


@pytest.mark.parametrize('setting', ['false', None])
def test_add_ons_of_earlier_masters_have_one_secret(setting: str | None) -> None:
    """Another release brings all add-ons anew, in the form in which they were."""
    labels = {'cloud_provider_enabled': 'true', 'cinder_csi_enabled': 'true'}
    current, target = (
        plans.plan(DRIVER, labels={**labels, 'kube_tag': release})
        for release in ('v1.34.2', 'v1.35.1')
    )
    outputs = plans.bay_outputs(DRIVER, current)
    known = settings.parse(outputs['settled']['master_settings'])
    del known[addons.PURPOSES]
    outputs['settled']['master_settings'] = settings.shell(
        {**known, **({addons.PURPOSES: setting} if setting else {})}
    )
    found = masters.unpack(DRIVER.master_settings(current, target, outputs)['MAGNUM_ADDONS'])
    for name in ('cloud-provider', 'cinder-csi'):
        assert 'cloud_secret' not in found['charts'][name]
        assert found['charts'][name]['values']['secret']['name'] == 'cloud-config'


def test_new_masters_among_earlier_ones_know_what_these_do() -> None:
    bay = plans.plan(DRIVER, labels={'cinder_csi_enabled': 'true'})
    outputs = plans.bay_outputs(DRIVER, bay)
    known = settings.parse(outputs['settled']['master_settings'])
    assert known[addons.PURPOSES] == 'true'
    earlier = {name: text for name, text in known.items() if name != addons.PURPOSES}
    tellings: list[dict[str, str]] = [{}, {addons.PURPOSES: 'true'}]
    for told in tellings:
        outputs['settled']['master_settings'] = settings.shell({**earlier, **told})
        request = DRIVER.render_upgrade(bay, bay.masters, (), {}, outputs)
        found = settings.parse(request.parameters['master_settings'])
        assert found[addons.PURPOSES] == told.get(addons.PURPOSES, 'false')


@pytest.mark.parametrize(
    ('labels', 'parameters'),
    [
        ({}, {'type': '', 'availability': ''}),
        ({'boot_volume_type': 'ssd', 'volume_availability_zone': 'nova'},
         {'type': 'ssd', 'availability': 'nova'}),
    ],
)
def test_the_volume_driver_cinder_is_an_add_on(
    labels: dict[str, str], parameters: dict[str, str]
) -> None:
    charts = told(labels, volume_driver='cinder')['charts']
    assert 'cloud-provider' not in charts
    found = yaml.safe_load(charts['cinder-csi']['values']['storageClass']['custom'])
    assert found['parameters'] == parameters
    assert found['metadata']['annotations'] == {
        'storageclass.kubernetes.io/is-default-class': 'true'
    }
    assert 'cinder-csi' not in told(labels)['charts']


def test_workers_of_former_bays_have_no_cloud_provider() -> None:
    """Their masters have none, whatever the labels: nothing would take the taint away."""
    plan = plans.plan(DRIVER, labels={'cloud_provider_enabled': 'true'})
    outputs = plans.bay_outputs(DRIVER, plan)
    name = 'MAGNUM_CLOUD_PROVIDER'

    def workers() -> str:
        request = DRIVER.render_upgrade(plan, plan.workers, (), {}, outputs)
        return settings.parse(request.parameters['worker_settings'])[name]

    assert workers() == 'true'
    told_masters = settings.parse(outputs['settled']['master_settings'])
    del told_masters[name]
    outputs['settled']['master_settings'] = settings.shell(told_masters)
    assert workers() == 'false'


def test_images_come_from_the_bays_registry() -> None:
    assert told({})['charts']['metrics-server']['values'] == {}
    charts = told({
        'ingress_controller': 'nginx', 'monitoring_enabled': 'true',
        'container_infra_prefix': 'r.example.org/x',
    })['charts']
    assert charts['metrics-server']['values'] == {
        'image': {'repository': 'r.example.org/x/metrics-server'}
    }
    controller = charts['ingress-nginx']['values']['controller']
    assert controller['image'] == {
        'registry': 'r.example.org/x', 'image': 'ingress-nginx/controller', 'digest': ''
    }
    assert controller['service'] == {'type': 'NodePort'}
    assert charts['monitoring']['values']['global'] == {'imageRegistry': 'r.example.org/x'}


def test_charts_and_helm_come_from_mirrors() -> None:
    found = told({
        'addons_charts_url': 'https://mirror/charts/', 'helm_client_url': 'https://mirror/helm.tgz',
    })
    assert found['charts']['metrics-server']['url'] == (
        'https://mirror/charts/metrics-server-3.13.1.tgz'
    )
    assert found['helm']['url'] == 'https://mirror/helm.tgz'
    assert found['helm']['sha256'].keys() == {'amd64', 'arm64'}
    assert told({})['helm']['url'] == 'https://get.helm.sh/helm-v3.19.0-linux-{architecture}.tar.gz'


def test_masters_are_told_of_the_users_manifest() -> None:
    url = 'https://users.example.org/a.yaml'
    labels = {'post_install_manifest_url': url, 'metrics_server_enabled': 'no'}
    DRIVER.validate(plans.plan(DRIVER, labels=labels))
    assert told(labels)['charts'] == {'manifest': {'manifest': url, 'namespace': 'default'}}


def test_digests_of_labels_hold() -> None:
    labels = {
        'metrics_server_chart_tag': '3.99.0', 'addons_charts_digests': f'metrics-server:{DIGEST}',
        'helm_client_tag': 'v3.2.1', 'helm_client_sha256': DIGEST.upper(),
    }
    DRIVER.validate(plans.plan(DRIVER, labels=labels))
    found = told(labels)
    assert found['charts']['metrics-server']['sha256'] == DIGEST
    assert found['charts']['metrics-server']['url'].endswith('-3.99.0/metrics-server-3.99.0.tgz')
    assert found['helm']['sha256'] == {'amd64': DIGEST, 'arm64': DIGEST}


UNKNOWN = {
    'metrics_server_chart_tag': '3.99.0', 'helm_client_tag': 'v3.2.1',
    'prometheus_operator_chart_tag': 'v8.12.13',
}


@pytest.mark.parametrize(
    ('labels', 'field'),
    [
        ({'metrics_server_chart_tag': '3.99.0'}, 'metrics_server_chart_tag'),
        ({'helm_client_tag': 'v3.2.1'}, 'helm_client_tag'),
        ({'monitoring_enabled': 'true', 'prometheus_operator_chart_tag': 'v8.12.13'},
         'prometheus_operator_chart_tag'),
        ({'manila_csi_enabled': 'true', 'manila_csi_chart_tag': '2.99.0'}, 'manila_csi_chart_tag'),
        ({'addons_charts_digests': f'monitoring:{DIGEST}'}, 'addons_charts_digests'),
        ({'addons_charts_digests': 'metrics-server:1'}, 'addons_charts_digests'),
        ({'addons_charts_url': 'http://mirror'}, 'addons_charts_url'),
        ({'helm_client_url': 'http://mirror/helm.tgz'}, 'helm_client_url'),
        ({'post_install_manifest_url': 'http://mirror/a.yaml'}, 'post_install_manifest_url'),
        ({'post_install_manifest_url': 'a.yaml'}, 'post_install_manifest_url'),
        ({'helm_client_url': 'https://a:b@mirror/helm.tgz'}, 'helm_client_url'),
        ({'monitoring_storage_class_name': 'A b'}, 'monitoring_storage_class_name'),
    ],
)
def test_refused(labels: dict[str, str], field: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plans.plan(DRIVER, labels=labels))
    assert refused.value.field == f'labels/{field}'


def test_what_is_not_wanted_is_not_checked() -> None:
    labels = {**UNKNOWN, 'metrics_server_enabled': 'false'}
    DRIVER.validate(plans.plan(DRIVER, labels=labels))


def test_the_operator_may_let_all_pass() -> None:
    labels = {**UNKNOWN, 'addons_charts_url': 'http://mirror'}
    DRIVER.validate(plans.plan(DRIVER, labels=labels, insecure_downloads=True))
    assert told(labels, insecure_downloads=True)['charts']['metrics-server']['sha256'] == ''


def test_workers_know_nothing_of_it() -> None:
    request = DRIVER.render(plans.plan(DRIVER))
    assert 'MAGNUM_ADDONS' not in settings.parse(request.parameters['worker_settings'])


@pytest.mark.parametrize('network_driver', ['flannel', 'calico', 'cilium'])
def test_all_addons_fit_into_user_data(network_driver: str) -> None:
    request = DRIVER.render(plans.plan(
        DRIVER, labels=ALL, openstack_ca='x' * 3000, network_driver=network_driver
    ))
    # Nova takes 65,535 bytes.
    assert len(base64.b64encode(hot.user_data(request, MASTER).encode())) < 63 * 1024
    assert 'charts.py' not in hot.user_data(request, WORKER)


@pytest.mark.parametrize(
    ('labels', 'idle'),
    [
        ({'container_runtime': 'host-docker'}, {'container_runtime'}),
        ({'container_runtime': 'Host-Docker'}, {'container_runtime'}),
        ({'ingress_controller': 'Octavia', 'octavia_ingress_controller_tag': 'v1.33.0'}, set()),
        ({'ingress_controller': 'nginx', 'nginx_ingress_controller_chart_tag': '4.15.1'}, set()),
        ({'ingress_controller': 'traefik', 'nginx_ingress_controller_chart_tag': '4.15.1'},
         {'nginx_ingress_controller_chart_tag'}),
        ({'metrics_server_chart_tag': '3.13.1'}, set()),
        ({'metrics_server_chart_tag': '3.13.1', 'metrics_server_enabled': 'no'},
         {'metrics_server_chart_tag'}),
    ],
)
def test_labels_of_addons_that_do_nothing(labels: dict[str, str], idle: set[str]) -> None:
    assert label_rules.without_effect(SCHEMA, labels, labels, {}).keys() == idle
    found = label_rules.resolved(SCHEMA, {}, labels, {}, {})
    assert {name for name, label in found.items() if label.effect == 'none'} == idle
    assert all(label.reason for name, label in found.items() if name in idle)
