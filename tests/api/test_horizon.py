"""What Horizon's panel sends, byte for byte in kind, and what becomes of it.

The panel makes strings of all values but those in "labels", which stay JSON
booleans and numbers; its own labels come over the template's as it reads them.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import webtest

from magnum.drivers.registry import Registry
from tests.api.fixtures.cloud import SUBNET_ID
from tests.api.fixtures.service import Service
from tests.unit.drivers.masters import unpacked

pytestmark = pytest.mark.installed_drivers

HEADERS = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra 1.13'}
LATEST = {**HEADERS, 'OpenStack-API-Version': 'container-infra latest'}

#: "Create Cluster Template": what is left empty is not sent.
TEMPLATE: dict[str, Any] = {
    'name': 'k8s', 'coe': 'kubernetes', 'image_id': 'debian', 'flavor_id': 'm1.small',
    'master_flavor_id': 'm1.small', 'keypair_id': 'default', 'network_driver': 'flannel',
    'external_network_id': 'public', 'dns_nameserver': '8.8.8.8', 'floating_ip_enabled': 'True',
    'docker_volume_size': '5', 'public': 'False', 'hidden': 'False', 'registry_enabled': 'False',
    'tls_disabled': 'False', 'master_lb_enabled': 'True', 'insecure_registry': 'registry:5000',
    'labels': {'boot_volume_size': '20', 'cost_centre': '4711'},
}
#: "Create Cluster" with all of the form left as it comes up.
PLAIN: dict[str, Any] = {
    'name': 'first', 'keypair': 'default', 'discovery_url': '', 'create_timeout': '60',
    'master_lb_enabled': 'False', 'master_count': '1', 'master_flavor_id': 'm1.small',
    'node_count': '1', 'flavor_id': 'm1.small',
    'labels': {
        'boot_volume_size': '20', 'cost_centre': '4711', 'availability_zone': 'nova',
        'auto_scaling_enabled': False, 'auto_healing_enabled': True,
        'master_lb_floating_ip_enabled': False,
    },
}
#: The same with every field of the form touched. What is typed as a further
#: label arrives in small letters.
FULL: dict[str, Any] = {
    **PLAIN, 'name': 'second', 'master_lb_enabled': 'True', 'master_count': '3',
    'fixed_network': 'private', 'fixed_subnet': SUBNET_ID, 'node_count': '3',
    'labels': {
        'boot_volume_size': '20', 'cost_centre': '4711', 'availability_zone': 'nova',
        'auto_scaling_enabled': True, 'auto_healing_enabled': False,
        'master_lb_floating_ip_enabled': True, 'min_node_count': 2, 'max_node_count': 4,
        'api_master_lb_allowed_cidrs': '10.0.0.0/8, 192.0.2.0/24',
        'ingress_controller': 'octavia', 'monitoring_enabled': True,
        'octavia_lb_algorithm': 'source_ip',
    },
}


@pytest.fixture
def panel(service: Service) -> webtest.TestApp:
    client = webtest.TestApp(service.application)
    made = client.post_json('/v1/clustertemplates', TEMPLATE, headers=HEADERS)
    PLAIN['cluster_template_id'] = FULL['cluster_template_id'] = made.json['uuid']
    return client


def _resolved(panel: webtest.TestApp, body: dict[str, Any]) -> dict[str, tuple[str, str]]:
    shown = panel.get(f'/v1/clusters/{body["name"]}?fields=resolved_labels', headers=LATEST).json
    return {
        name: (label['value'], label['effect'])
        for name, label in shown['resolved_labels'].items() if label['origin'] != 'default'
    }


def test_create_cluster_with_the_form_as_it_comes_up(panel: webtest.TestApp) -> None:
    panel.post_json('/v1/clusters', PLAIN, headers=HEADERS, status=202)
    shown = panel.get('/v1/clusters/first', headers=HEADERS).json
    assert shown['labels'] == {
        'boot_volume_size': '20', 'cost_centre': '4711', 'availability_zone': 'nova',
        'auto_scaling_enabled': 'false', 'auto_healing_enabled': 'true',
        'master_lb_floating_ip_enabled': 'false',
    }
    assert shown['master_lb_enabled'] is False
    assert (shown['master_count'], shown['node_count'], shown['create_timeout']) == (1, 1, 60)
    assert _resolved(panel, PLAIN) == {
        'boot_volume_size': ('20', 'applied'), 'cost_centre': ('4711', 'none'),
        'availability_zone': ('nova', 'applied'),
        'auto_scaling_enabled': ('false', 'applied'), 'auto_healing_enabled': ('true', 'applied'),
        'master_lb_floating_ip_enabled': ('false', 'applied'),
    }


def test_create_cluster_with_labels_that_are_null(panel: webtest.TestApp) -> None:
    """What a form makes of a field that it hides again: not given."""
    labels = {
        **PLAIN['labels'], 'master_lb_floating_ip_enabled': None,
        'api_master_lb_allowed_cidrs': None,
    }
    panel.post_json('/v1/clusters', {**PLAIN, 'labels': labels}, headers=HEADERS, status=202)
    shown = panel.get('/v1/clusters/first', headers=HEADERS).json['labels']
    assert shown.keys() == PLAIN['labels'].keys() - {'master_lb_floating_ip_enabled'}
    assert 'master_lb_allowed_cidrs' not in _resolved(panel, PLAIN)


def test_create_cluster_with_every_field(panel: webtest.TestApp) -> None:
    panel.post_json('/v1/clusters', FULL, headers=HEADERS, status=202)
    resolved = _resolved(panel, FULL)
    assert resolved['master_lb_allowed_cidrs'] == ('10.0.0.0/8,192.0.2.0/24', 'applied')
    assert resolved['master_lb_floating_ip_enabled'] == ('true', 'applied')
    assert resolved['octavia_lb_algorithm'] == ('SOURCE_IP', 'applied')
    assert resolved['ingress_controller'] == ('octavia', 'applied')
    (group,) = panel.get('/v1/clusters/second/nodegroups?role=worker', headers=HEADERS).json[
        'nodegroups'
    ]
    shown = panel.get(
        f'/v1/clusters/second/nodegroups/{group["uuid"]}', headers=HEADERS
    ).json
    assert (shown['min_node_count'], shown['max_node_count']) == (2, 4)


def test_networks_and_volumes_that_the_form_offers_first(
    service: Service, panel: webtest.TestApp
) -> None:
    """Calico and Cinder: a cluster of such a template gets both."""
    template = {
        'name': 't2', 'coe': 'kubernetes', 'image_id': 'debian', 'external_network_id': 'public',
        'flavor_id': 'm1.small', 'master_flavor_id': 'm1.small', 'docker_volume_size': 20,
        'docker_storage_driver': 'overlay2', 'network_driver': 'calico', 'volume_driver': 'cinder',
        'server_type': 'vm', 'master_lb_enabled': True, 'labels': {'kube_tag': 'v1.34.1'},
    }
    made = panel.post_json('/v1/clustertemplates', template, headers=HEADERS, status=201).json
    assert (made['network_driver'], made['volume_driver']) == ('calico', 'cinder')
    asked = {'name': 'calico', 'cluster_template_id': made['uuid'], 'keypair': 'default',
             'labels': {'calico_ipv4pool_ipip': 'Always', 'flannel_backend': 'host-gw'},
             'merge_labels': True}
    previewed = panel.post_json('/v1/clusters?dry_run=true', asked, headers=LATEST).json
    assert previewed['parameters']['network_driver'] == 'calico'
    charts = unpacked(previewed['parameters']['master_settings'])['charts']
    assert list(charts) == [
        'calico-crds', 'calico', 'snapshot-controller', 'cinder-csi', 'cinder-snapshots',
        'metrics-server',
    ]
    labels = previewed['labels']
    assert (labels['calico_ipv4pool_ipip']['value'], labels['calico_ipv4pool_ipip']['effect']) == (
        'Always', 'applied'
    )
    assert labels['flannel_backend']['effect'] == 'none'
    assert labels['flannel_backend']['reason'] == 'It needs network_driver=flannel.'
    panel.post_json('/v1/clusters', asked, headers=HEADERS, status=202)
    for path in ('calico/resolved_labels', 'calico?fields=resolved_labels'):
        shown = panel.get(f'/v1/clusters/{path}', headers=LATEST).json['resolved_labels']
        assert shown == labels, path


@pytest.fixture
def strict(tmp_path: pathlib.Path) -> Iterator[Service]:
    running = Service(tmp_path, Registry.from_entry_points(), drivers__strict_labels=True)
    yield running
    running.stop()


@pytest.mark.parametrize('coe', ['kubernetes', 'swarm', 'mesos'])
def test_create_cluster_where_unknown_labels_are_refused(strict: Service, coe: str) -> None:
    """The labels that the form sends always are known for every COE."""
    client = webtest.TestApp(strict.application)
    template = {
        name: value for name, value in TEMPLATE.items() if name not in ('labels', 'network_driver')
    }
    made = client.post_json('/v1/clustertemplates', {**template, 'coe': coe}, headers=HEADERS)
    labels = {
        name: value for name, value in PLAIN['labels'].items() if name not in TEMPLATE['labels']
    }
    client.post_json(
        '/v1/clusters',
        {**PLAIN, 'cluster_template_id': made.json['uuid'], 'labels': labels},
        headers=HEADERS, status=202,
    )


def test_update_cluster_template(panel: webtest.TestApp) -> None:
    """Of what differs, each as text; labels as a literal of Python."""
    uuid = PLAIN['cluster_template_id']
    patch = [
        {'op': 'replace', 'path': '/labels',
         'value': "{'boot_volume_size': '20', 'master_lb_floating_ip_enabled': 'False'}"},
        {'op': 'replace', 'path': '/master_lb_enabled', 'value': 'False'},
        {'op': 'add', 'path': '/no_proxy', 'value': '10.0.0.1'},
        {'op': 'remove', 'path': '/insecure_registry'},
    ]
    shown = panel.patch_json(f'/v1/clustertemplates/{uuid}', patch, headers=HEADERS).json
    assert shown['labels'] == {
        'boot_volume_size': '20', 'master_lb_floating_ip_enabled': 'False'
    }
    assert (shown['master_lb_enabled'], shown['no_proxy'], shown['insecure_registry']) == (
        False, '10.0.0.1', None
    )


def test_update_cluster(service: Service, panel: webtest.TestApp) -> None:
    panel.post_json('/v1/clusters', PLAIN, headers=HEADERS, status=202)
    service.settle()
    patch = [{'op': 'replace', 'path': '/node_count', 'value': '2'}]
    panel.patch_json('/v1/clusters/first?rollback=True', patch, headers=HEADERS, status=202)
