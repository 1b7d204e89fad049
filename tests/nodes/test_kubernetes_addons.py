"""Add-ons of a Kubernetes bay on a real machine, and the credential with which they use the cloud.

Helm and its charts are stand-ins: see tools/nodes/standins.
"""

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any, Final

import pytest

from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.functional.conftest import wait_until
from tests.functional.people import Person, controller, is_accepted
from tests.nodes import bays
from tests.nodes.bays import Bay
from tests.nodes.kubectl import Kubectl
from tests.unit.drivers import masters, plans
from tools.nodes.kubernetes.labels import bay_labels
from tools.nodes.machine import Machine

LABELS: Final = {
    'cloud_provider_enabled': 'true', 'ingress_controller': 'nginx', 'monitoring_enabled': 'true',
    'npd_enabled': 'true',
}
#: Namespaces of add-ons of such a bay with volumes of Cinder, by their charts.
CHARTS: Final = {
    'openstack-cloud-controller-manager': 'kube-system', 'openstack-cinder-csi': 'kube-system',
    'snapshot-controller': 'kube-system',
    'metrics-server': 'kube-system', 'ingress-nginx': 'ingress-nginx',
    'kube-prometheus-stack': 'monitoring', 'prometheus-adapter': 'monitoring',
}
CLOUD: Final = '/etc/kubernetes/cloud.conf'
#: Of the driver of Cinder, whose Secret is its own.
CLOUD_OF_VOLUMES: Final = '/etc/kubernetes/cloud/cinder-csi.conf'
#: Labels of add-ons that are objects of the service's.
OBJECTS: Final = [
    {'npd_enabled': 'true'}, {'ingress_controller': 'octavia'}, {'cinder_csi_enabled': 'true'},
    {'manila_csi_enabled': 'true'},
]
#: Seconds: masters look once a minute, and pause for a minute after what failed.
PATIENCE: Final = 240


@pytest.fixture(scope='module')
def labels(programs: pathlib.Path, downloads: str) -> dict[str, str]:
    return {**bay_labels(programs, downloads), **LABELS}


@pytest.fixture(scope='module')
def bay(alice: Person, downloads: str, labels: dict[str, str]) -> Iterator[Bay]:
    with bays.completed(
        alice, 'nodes-addons', 'kubernetes', insecure_registry=downloads, labels=labels,
        volume_driver='cinder', node_count=1,
    ) as made:
        yield made


def condition(bay: Bay) -> dict[str, Any]:
    """The bay's condition of its add-ons."""
    found: dict[str, Any] = bay.person.get(f'/clusters/{bay.uuid}/nodes')['conditions'].get(
        'AddonsReady', {'status': None}
    )
    return found


def installed(client: Kubectl) -> dict[str, str]:
    """Namespaces of the charts whose manifests the API server has."""
    found = client.json('get', 'configmaps', '--all-namespaces')['items']
    return {
        one['metadata']['name'].removeprefix('chart-'): one['metadata']['namespace']
        for one in found if one['metadata']['name'].startswith('chart-')
    }


def secret(client: Kubectl, name: str = 'cloud-config') -> str:
    """The cloud's configuration as pods get it."""
    found = client.json('get', 'secret', name, '--namespace', 'kube-system')
    return base64.b64decode(found['data']['cloud.conf']).decode()


def generation(client: Kubectl) -> str:
    """That of the credential in it, as masters have noted it."""
    noted = client.json('get', 'configmap', 'magnum-addons', '--namespace', 'kube-system')
    _, found = noted['data']['.cloud'].split()
    return str(found)


def test_all_are_installed(bay: Bay, client: Kubectl) -> None:
    wait_until(lambda: condition(bay)['status'] == 'True', PATIENCE)
    assert installed(client) == CHARTS


def test_kubelets_wait_for_the_cloud_provider(client: Kubectl) -> None:
    """Whose stand-in does not take their taint away."""
    taints = {
        taint['key'] for node in client.json('get', 'nodes')['items']
        for taint in node['spec'].get('taints', ())
    }
    assert 'node.cloudprovider.kubernetes.io/uninitialized' in taints


def test_pods_have_the_file_of_masters(bay: Bay, client: Kubectl, master: Machine) -> None:
    told = bays.output(master, 'cat', CLOUD)
    assert secret(client) == told
    assert bays.output(master, 'stat', '--format=%a %U', CLOUD).split() == ['600', 'root']
    (worker,) = bay.machines('node')
    assert bays.run(worker, 'test', '-e', CLOUD).returncode == 1
    user = controller(told)
    assert user.service('network').get('/v2.0/subnets').status_code == 200
    servers = user.service('compute').get('/servers').json()['servers']
    assert {each.facts.id for each in bay.machines()} <= {server['id'] for server in servers}


def test_the_driver_of_volumes_has_its_own_file(client: Kubectl, master: Machine) -> None:
    """Its pods are on workers, too: they open no networks."""
    told = bays.output(master, 'cat', CLOUD_OF_VOLUMES)
    assert secret(client, 'cloud-config-cinder-csi') == told
    assert bays.output(master, 'stat', '--format=%a %U', CLOUD_OF_VOLUMES).split() == [
        '600', 'root'
    ]
    user = controller(told)
    assert user.service('block-storage').get('/volumes').status_code == 200
    refused = user.service('network').get('/v2.0/subnets', raise_exc=False)
    assert refused.status_code in (401, 403)
    refused = controller(secret(client)).service('block-storage').get('/volumes', raise_exc=False)
    assert refused.status_code in (401, 403)


def test_the_storage_class_is_accepted(client: Kubectl, master: Machine) -> None:
    """The manifest that is among the values of Cinder's driver."""
    values = json.loads(bays.output(master, 'cat', '/var/lib/magnum/addons/cinder-csi.json'))
    made = json.loads(client(
        'apply', '--dry-run=server', '--output=json', '--filename=-',
        stdin=values['storageClass']['custom'],
    ))
    assert made['kind'] == 'StorageClass'
    assert made['provisioner'] == 'cinder.csi.openstack.org'


def test_load_balancers_of_the_workload_leave_masters_out(client: Kubectl) -> None:
    """Their cloud provider and ingress controllers do so by this label."""
    (node,) = client.json(
        'get', 'nodes', '--selector', 'node.kubernetes.io/exclude-from-external-load-balancers'
    )['items']
    assert 'node-role.kubernetes.io/control-plane' in node['metadata']['labels']


def holds(made: Any, wanted: Any) -> bool:
    """Whether all that was wanted is there, beside what the API server adds."""
    if isinstance(wanted, dict):
        return all(key in made and holds(made[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(made) == len(wanted) and all(map(holds, made, wanted))
    return bool(made == wanted)


@pytest.mark.parametrize('labels_of_addon', OBJECTS)
def test_objects_are_accepted(client: Kubectl, labels_of_addon: dict[str, str]) -> None:
    """Each as it is: the API server knows all that is in it."""
    driver = KubernetesDriver()
    request = driver.render(plans.plan(driver, labels=labels_of_addon))
    charts = masters.unpacked(request.parameters['master_settings'])['charts'].values()
    found = [
        (chart['namespace'], wanted)
        for chart in charts for wanted in chart['values'].get('objects', ())
    ]
    assert found
    for namespace, wanted in found:
        made = json.loads(client(
            'apply', '--dry-run=server', '--validate=true', '--output=json', '--filename=-',
            '--namespace', namespace, stdin=json.dumps(wanted),
        ))
        assert holds(made, wanted), (made, wanted)


def test_the_class_of_snapshots_is_there(client: Kubectl) -> None:
    """Made by the chart that comes after that of its kind; what its driver is told is text."""
    made = client.json('get', 'volumesnapshotclasses', 'cinder')
    assert (made['driver'], made['deletionPolicy']) == ('cinder.csi.openstack.org', 'Delete')
    assert made['parameters'] == {'force-create': 'true'}


def test_objects_are_installed(client: Kubectl) -> None:
    """On all nodes; no pod of it runs, as its image is nowhere here."""

    def scheduled() -> bool:
        made = client.json(
            'get', 'daemonset', 'node-problem-detector', '--namespace', 'kube-system'
        )
        return bool(made['status']['desiredNumberScheduled'] == 2)

    wait_until(scheduled, PATIENCE)


def test_another_credential_reaches_pods(bay: Bay, client: Kubectl) -> None:
    before, of_volumes = (
        controller(secret(client, name)) for name in ('cloud-config', 'cloud-config-cinder-csi')
    )
    assert generation(client) == '1'
    answer = bay.person.magnum.patch(f'/credentials/{bay.uuid}')
    assert answer.status_code == 202, answer.text
    bay.complete('UPDATE_COMPLETE')
    # Masters have taken it over by now; the former one is revoked.
    after = controller(secret(client))
    assert after.service('network').get('/v2.0/subnets').status_code == 200
    assert not is_accepted(before)
    assert not is_accepted(of_volumes)
    assert is_accepted(controller(secret(client, 'cloud-config-cinder-csi')))
    assert generation(client) == '2'


def test_what_fails_says_why_and_is_tried_again(
    bay: Bay, client: Kubectl, master: Machine, labels: dict[str, str]
) -> None:
    """Another ingress controller: one is removed, and the new one cannot be installed yet."""
    fault = '/var/lib/helm-stand-in/traefik/magnum-traefik.fails'
    bays.output(master, 'mkdir', '--parents', '/var/lib/helm-stand-in/traefik')
    assert bays.run(master, 'tee', fault, text='no chart today').returncode == 0
    bay.upgrade({**labels, 'ingress_controller': 'traefik'})
    bay.complete('UPDATE_COMPLETE')
    wait_until(lambda: condition(bay)['status'] == 'False', PATIENCE)
    assert 'traefik: ' in condition(bay)['message']
    assert 'no chart today' in condition(bay)['message']
    wait_until(lambda: 'ingress-nginx' not in installed(client), PATIENCE)
    assert 'traefik' not in installed(client)
    bays.output(master, 'rm', fault)
    wait_until(lambda: condition(bay)['status'] == 'True', PATIENCE)
    assert installed(client)['traefik'] == 'traefik'


def test_nothing_of_it_is_told_to_users(bay: Bay, client: Kubectl) -> None:
    hidden = controller(secret(client)).openrc['OS_APPLICATION_CREDENTIAL_SECRET']
    for path in ('', '/events', '/nodes', '/operations'):
        assert hidden not in bay.person.magnum.get(f'/clusters/{bay.uuid}{path}').text
