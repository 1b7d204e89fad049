"""Networks of pods: flannel, Calico, Cilium."""

import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers import labels as label_rules
from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER, BayPlan, PlanRefused
from magnum.drivers.kubernetes import network
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import hot, masters, node_files, plans

DRIVER = KubernetesDriver()
ADDONS = ('calico', 'cilium')
every_network = pytest.mark.parametrize('name', network.DRIVERS)
every_addon = pytest.mark.parametrize('name', ADDONS)
POOL = '172.20.0.0/16'


def plan(name: str, labels: Mapping[str, str] | None = None, **changes: Any) -> BayPlan:
    return plans.plan(DRIVER, network_driver=name, labels=labels or {}, **changes)


def told(of: BayPlan, role: str = MASTER) -> dict[str, str]:
    return settings.parse(DRIVER.render(of).parameters[f'{role}_settings'])


def charts(name: str, labels: Mapping[str, str] | None = None, **changes: Any) -> Any:
    request = DRIVER.render(plan(name, labels, **changes))
    return masters.unpacked(request.parameters['master_settings'])['charts']


@every_network
def test_a_bay_has_the_network_that_it_asks_for(name: str) -> None:
    of = plan(name, {network.PODS[name]: POOL})
    DRIVER.validate(of)
    request = DRIVER.render(of)
    assert request.parameters['network_driver'] == name
    assert request.parameters['pods_network_cidr'] == POOL
    for role in (MASTER, WORKER):
        found = told(of, role)
        assert (found['MAGNUM_NETWORK_DRIVER'], found['MAGNUM_POD_CIDR']) == (name, POOL)


@every_addon
def test_nothing_of_flannel_is_left(name: str) -> None:
    labels = {'flannel_tag': 'v0.99.0', 'flannel_binaries_url': 'http://mirror'}
    of = plan(name, labels)
    DRIVER.validate(of)     # What is not downloaded needs no digest.
    for role in (MASTER, WORKER):
        found = told(of, role)
        del found['MAGNUM_ADDONS' if role == MASTER else 'MAGNUM_NODE_ROLE']
        assert not [pair for pair in found.items() if 'flannel' in ' '.join(pair).lower()]
        purposes: Mapping[str, NodeCertificate] = DRIVER.requested_certificates(of, role)
        assert DRIVER.requested_certificates(plan('flannel'), role).keys() - purposes.keys() == {
            'flannel'
        }


def test_the_network_comes_first() -> None:
    labels = {'cloud_provider_enabled': 'true', 'monitoring_enabled': 'true'}
    assert next(iter(charts('flannel', labels))) == 'cloud-provider'
    assert list(charts('cilium', labels))[:2] == ['cilium', 'cloud-provider']
    found = charts('calico', labels)
    # Kinds of objects come before the objects.
    assert list(found)[:3] == ['calico-crds', 'calico', 'cloud-provider']
    assert [name for name, chart in found.items() if 'network' in chart] == [
        'calico-crds', 'calico'
    ]


@pytest.mark.parametrize(
    ('label', 'encapsulation'),
    [
        (None, 'None'), ('Off', 'None'), ('never', 'None'), ('Always', 'IPIP'),
        ('CrossSubnet', 'IPIPCrossSubnet'),
    ],
)
def test_values_of_calico(label: str | None, encapsulation: str) -> None:
    labels = {'calico_ipv4pool': POOL} | ({'calico_ipv4pool_ipip': label} if label else {})
    DRIVER.validate(plan('calico', labels))
    found = charts('calico', labels)
    assert found['calico-crds']['values'] == {}
    values = found['calico']['values']
    (pool,) = values['installation']['calicoNetwork']['ipPools']
    assert (pool['cidr'], pool['encapsulation']) == (POOL, encapsulation)
    assert values['installation'].keys() == {'calicoNetwork', 'flexVolumePath'}
    assert not any(values[name]['enabled'] for name in ('apiServer', 'goldmane', 'whisker'))
    controller = told(plan('calico', {'kubecontroller_options': '--v=2'}))
    assert controller['MAGNUM_KUBECONTROLLER_OPTIONS'] == '--allocate-node-cidrs=false --v=2'


def test_archives_of_calico_have_a_letter_before_the_release() -> None:
    found = charts('calico', {'addons_charts_url': 'https://mirror'})
    assert [chart['url'] for chart in found.values()][:2] == [
        'https://mirror/crd.projectcalico.org.v1-v3.32.1.tgz',
        'https://mirror/tigera-operator-v3.32.1.tgz',
    ]


def test_values_of_cilium() -> None:
    """Nodes' shares are the controller manager's, and the port is one that nodes reach."""
    values = charts('cilium')['cilium']['values']
    assert values['ipam'] == {'mode': 'kubernetes'}
    template = yaml.safe_load(DRIVER.render(plan('cilium')).template)
    rules = template['resources']['secgroup_base']['properties']['rules']
    assert values['tunnelPort'] in [rule.get('port_range_min') for rule in rules]
    controller = told(plan('cilium'))
    assert controller['MAGNUM_KUBECONTROLLER_OPTIONS'] == ''
    assert controller['MAGNUM_POD_CIDR_NODE_BITS'] == '24'


def test_images_come_from_the_bays_registry() -> None:
    labels = {'container_infra_prefix': 'r.example.org/x'}
    values = charts('calico', labels)['calico']['values']
    assert values['installation']['registry'] == 'r.example.org/x/'
    assert values['tigeraOperator'] == {'registry': 'r.example.org/x'}
    values = charts('cilium', labels)['cilium']['values']
    assert values['image'] == {'repository': 'r.example.org/x/cilium', 'useDigest': False}
    assert values['operator']['image']['repository'] == 'r.example.org/x/operator'


@pytest.mark.parametrize(('name', 'labels', 'opened'), [
    ('flannel', {}, set()),
    ('flannel', {'flannel_backend': 'udp'}, set()),
    # What a node sends to a pod of another one is not within another packet.
    ('flannel', {'flannel_backend': 'host-gw'}, {(None, None)}),
    ('calico', {}, {(None, None)}),
    ('calico', {'calico_ipv4pool_ipip': 'Always'}, {(None, None)}),
    ('cilium', {}, {('tcp', 4240)}),
    ('cilium', {'flannel_backend': 'host-gw'}, {('tcp', 4240)}),
])
def test_ports_are_open_between_nodes_that_need_them(
    name: str, labels: dict[str, str], opened: set[tuple[Any, ...]]
) -> None:
    resources = hot.resources(DRIVER.render(plan(name, labels)))
    rules = [
        resource['properties'] for resource in resources.values()
        if resource['type'] == 'OS::Neutron::SecurityGroupRule'
        and resource['properties']['security_group'] == {'get_resource': 'secgroup_base'}
    ]
    assert {(rule.get('protocol'), rule.get('port_range_min')) for rule in rules} == opened
    assert {rule['remote_group']['get_resource'] for rule in rules} <= {'secgroup_base'}


def test_an_upgrade_lets_nodes_of_living_bays_reach_pods() -> None:
    """Their stacks did not know the backend of flannel."""
    current = plan('flannel', {'flannel_backend': 'host-gw'})
    outputs = plans.bay_outputs(DRIVER, current)
    # A conductor of an earlier release would give it to a template that has not got it.
    assert 'flannel_backend' not in outputs['settled']
    for group in (current.masters, current.workers):
        request = DRIVER.render_upgrade(current, group, (), {}, outputs)
        assert 'routed_rule' in hot.resources(request)


@pytest.mark.parametrize(
    ('name', 'labels', 'field'),
    [
        ('calico', {'calico_ipv4pool': '10.0.0.0/16'}, 'calico_ipv4pool'),
        ('calico', {'calico_ipv4pool': '10.254.0.0/20'}, 'service_cluster_ip_range'),
        ('calico', {'calico_ipv4pool': '10.9.0.0/26'}, 'calico_ipv4pool'),
        ('calico', {'calico_ipv4pool': '10.9.0.1/16'}, 'calico_ipv4pool'),
        ('calico', {'calico_ipv4pool': 'all'}, 'calico_ipv4pool'),
        ('calico', {'calico_ipv4pool_ipip': 'VXLAN'}, 'calico_ipv4pool_ipip'),
        ('calico', {'calico_tag': 'v3.32.99'}, 'calico_tag'),
        ('calico', {'calico_tag': 'v3.31.5'}, 'calico_tag'),
        ('cilium', {'cilium_ipv4pool': '10.0.0.0/16'}, 'cilium_ipv4pool'),
        ('cilium', {'cilium_ipv4pool': '10.9.0.0/24'}, 'cilium_ipv4pool'),
        ('cilium', {'cilium_tag': 'v1.15.6'}, 'cilium_tag'),
    ],
)
def test_refused(name: str, labels: dict[str, str], field: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plan(name, labels))
    assert refused.value.field == f'labels/{field}'


def test_ranges_of_other_networks_are_not_looked_at() -> None:
    DRIVER.validate(plan('calico', {'flannel_network_cidr': '10.0.0.0/16'}))
    DRIVER.validate(plan('flannel', {'calico_ipv4pool': '10.0.0.0/16', 'calico_tag': 'v3.21.2'}))


def test_older_charts_of_calico_are_refused_whatever_the_operator_allows() -> None:
    old = plan('calico', {'calico_tag': 'v3.29.1'}, insecure_downloads=True)
    with pytest.raises(PlanRefused, match=r'since 3\.32') as refused:
        DRIVER.validate(old)
    assert refused.value.field == 'labels/calico_tag'


def test_digests_of_labels_are_for_other_releases() -> None:
    digests = f'crd.projectcalico.org.v1:{"a" * 64} tigera-operator:{"b" * 64}'
    labels = {'calico_tag': '3.33.0', 'addons_charts_digests': digests}
    DRIVER.validate(plan('calico', labels))
    found = charts('calico', labels)
    assert (found['calico-crds']['sha256'], found['calico']['sha256']) == ('a' * 64, 'b' * 64)


@pytest.mark.parametrize('other', ADDONS)
def test_no_upgrade_changes_the_network(other: str) -> None:
    for current, target in (('flannel', other), (other, 'flannel')):
        with pytest.raises(PlanRefused) as refused:
            DRIVER.check_upgrade(plan(current), plan(target))
        assert refused.value.field == 'network_driver'
    with pytest.raises(PlanRefused) as refused:
        DRIVER.check_upgrade(plan(other), plan(other, {network.PODS[other]: POOL}))
    assert refused.value.field == f'labels/{network.PODS[other]}'


@pytest.mark.parametrize(
    ('name', 'label', 'former', 'chart'),
    [('cilium', 'cilium_tag', 'v1.18.2', 'cilium'), ('calico', 'calico_tag', '', 'calico')],
)
def test_masters_follow_another_release(name: str, label: str, former: str, chart: str) -> None:
    digests = {} if former else {
        'addons_charts_digests': f'crd.projectcalico.org.v1:{"a" * 64},tigera-operator:{"b" * 64}'
    }
    current = plan(name, {label: former or 'v3.32.9', **digests})
    target = plan(name)
    DRIVER.check_upgrade(current, target)
    outputs = plans.bay_outputs(DRIVER, current)
    changed = DRIVER.master_settings(current, target, outputs)
    assert changed.keys() == {'MAGNUM_ADDONS'}
    assert masters.unpack(changed['MAGNUM_ADDONS'])['charts'][chart] == charts(name)[chart]


def test_stacks_of_flannel_that_know_of_no_other_are_upgraded() -> None:
    current = plan('flannel')
    outputs = plans.bay_outputs(DRIVER, current)
    del outputs['settled']['network_driver']
    request = DRIVER.render_upgrade(current, current.workers, (), {}, outputs)
    assert request.parameters['network_driver'] == 'flannel'


@pytest.mark.parametrize(
    ('name', 'labels', 'idle'),
    [
        ('flannel', {'calico_tag': 'v3.21.2', 'flannel_backend': 'vxlan'}, {'calico_tag'}),
        ('calico', {'calico_ipv4pool': POOL, 'cilium_tag': 'v1.19.5'}, {'cilium_tag'}),
        ('cilium', {'cilium_ipv4pool': POOL, 'flannel_tag': 'v0.27.4'}, {'flannel_tag'}),
    ],
)
def test_labels_of_other_networks_do_nothing(
    name: str, labels: dict[str, str], idle: set[str]
) -> None:
    schema, attributes = DRIVER.labels_schema(), {'network_driver': name}
    found = label_rules.without_effect(schema, labels, labels, attributes)
    assert found.keys() == idle
    assert all(reason.startswith('It needs network_driver=') for reason in found.values())
    resolved = label_rules.resolved(schema, {}, labels, {}, attributes)
    assert {key for key, label in resolved.items() if label.effect == 'none'} == idle
    defaults = {key for key, label in resolved.items() if label.origin == 'default'}
    others = {'flannel', 'calico', 'cilium'} - {name}
    assert not [key for key in defaults if key.partition('_')[0] in others]


def run(step: str, root: pathlib.Path, name: str, **environment: str) -> Any:
    """Run a step of a node that has this network."""
    for file in ('common/node/lib.sh', *node_files.KUBERNETES):
        node_files.place(root, file, f'opt/magnum/{pathlib.Path(file).name}')
    script = node_files.place(root, f'kubernetes/node/{step}.sh', f'opt/{step}.sh')
    script.write_text(script.read_text().replace('/etc/cni', f'{root}/etc/cni'))
    path = f'{root}/usr/local/bin:/usr/bin:/bin'
    return subprocess.run(
        [script], capture_output=True, text=True, check=False, timeout=60,
        env={'PATH': path, 'MAGNUM_NETWORK_DRIVER': name, **environment},
    )


def program(root: pathlib.Path, name: str, text: str) -> None:
    file = root / 'usr/local/bin' / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'#!/bin/bash\n{text}\n')
    file.chmod(0o755)


@every_addon
def test_nodes_start_no_flannel_and_forget_a_former_one(tmp_path: pathlib.Path, name: str) -> None:
    folder = tmp_path / 'etc/cni/net.d'
    folder.mkdir(parents=True)
    for file in ('10-magnum.conflist', '10-calico.conflist'):
        (folder / file).write_text('{}')
    program(tmp_path, 'systemctl', f'touch {tmp_path}/started')
    done = run('75-flannel', tmp_path, name)
    assert done.returncode == 0, done.stderr
    assert [file.name for file in folder.iterdir()] == ['10-calico.conflist']
    assert not (tmp_path / 'started').exists()
    assert not (tmp_path / 'etc/kubernetes').exists()


@every_network
def test_flannels_rights_are_given_to_flannel_alone(tmp_path: pathlib.Path, name: str) -> None:
    for file in ('addons', 'flannel'):
        manifest = f'opt/magnum/manifests/{file}.yaml'
        node_files.place(tmp_path, f'kubernetes/node/{file}.yaml', manifest)
    program(tmp_path, 'kubectl', f'[ "$2" = apply ] && cat >>{tmp_path}/applied; true')
    program(tmp_path, 'systemctl', 'true')
    (tmp_path / 'etc/magnum').mkdir(parents=True)
    (tmp_path / 'etc/systemd/system').mkdir(parents=True)
    done = run(
        '65-addons', tmp_path, name, MAGNUM_NODE_INDEX='0', MAGNUM_COREDNS_IMAGE='coredns',
        MAGNUM_DNS_ADDRESS='10.254.0.10', MAGNUM_SYSTEM_PODS_DELAY='75',
        MAGNUM_SYSTEM_PODS_TIMEOUT='7',
    )
    assert done.returncode == 0, done.stderr
    applied = (tmp_path / 'applied').read_text()
    assert 'magnum:coredns' in applied
    assert ('magnum:flannel' in applied) is (name == 'flannel')
    (coredns,) = (
        found for found in yaml.safe_load_all(applied) if found['kind'] == 'Deployment'
    )
    pods = coredns['spec']['template']
    # It is preferred that no node has two of its own pods.
    (apart,) = pods['spec']['affinity']['podAntiAffinity'][
        'preferredDuringSchedulingIgnoredDuringExecution'
    ]
    assert apart['podAffinityTerm']['labelSelector']['matchLabels'] == pods['metadata']['labels']
    (container,) = pods['spec']['containers']
    probe = container['livenessProbe']
    assert (probe['initialDelaySeconds'], probe['timeoutSeconds']) == (75, 7)


@every_addon
def test_nodes_look_for_plugins_where_charts_put_them(tmp_path: pathlib.Path, name: str) -> None:
    """And need none of the distribution."""
    for command in ('containerd', 'iptables', 'conntrack', 'modprobe', 'sysctl', 'systemctl'):
        program(tmp_path, command, 'true')
    node_files.place(tmp_path, 'kubernetes/node/downloads.sh', 'opt/magnum/downloads.sh')
    script = node_files.place(tmp_path, 'kubernetes/node/40-containerd.sh', 'opt/40.sh')
    for folder in ('/etc/containerd', '/etc/modules-load.d', '/etc/sysctl.d'):
        (tmp_path / folder[1:]).mkdir(parents=True)
        script.write_text(script.read_text().replace(folder, f'{tmp_path}{folder}'))
    (tmp_path / 'etc/magnum').mkdir(parents=True)
    lib = node_files.place(tmp_path, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    lib.write_text(lib.read_text() + '\nneed_command() { echo "need $1"; }\n')
    environment = told(plan(name), WORKER) | {
        'MAGNUM_NODE_ADDRESS': '10.0.0.5', 'PATH': f'{tmp_path}/usr/local/bin:/usr/bin:/bin',
    }
    done = subprocess.run(
        [script], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert 'bridge' not in done.stdout
    assert 'bin_dir = "/opt/cni/bin"' in (tmp_path / 'etc/containerd/config.toml').read_text()


@every_addon
def test_a_node_that_has_an_address_of_pods_names_the_label(
    tmp_path: pathlib.Path, name: str
) -> None:
    done = run(
        '40-containerd', tmp_path, name, MAGNUM_NODE_ADDRESS='10.100.0.7',
        MAGNUM_NODE_ROLE='worker', MAGNUM_POD_CIDR='10.100.0.0/16',
            MAGNUM_SERVICE_CIDR='10.254.0.0/16',
    )
    assert done.returncode == 86
    assert network.PODS[name] in done.stdout


NODE = '{"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no CNI"}]}}'


@pytest.mark.parametrize('addon', ['False Failing calico: Back-off pulling image', None])
def test_a_node_that_does_not_get_ready_says_how_its_network_is(
    tmp_path: pathlib.Path, addon: str | None
) -> None:
    program(tmp_path, 'curl', f"echo '{NODE}'")
    if addon:
        (tmp_path / 'run/magnum').mkdir(parents=True)
        (tmp_path / 'run/magnum/addons').write_text(f'{addon}\n')
    done = run(
        '90-ready', tmp_path, 'calico', MAGNUM_READY_SECONDS='0', MAGNUM_NODE_ROLE='master',
        MAGNUM_NODE_NAME='bay-master-0',
    )
    assert done.returncode == 1
    assert 'no CNI' in done.stdout
    assert done.stdout.splitlines()[-1] == addon or addon is None
    assert done.stderr == ''


@pytest.mark.parametrize(('role', 'labels'), [('worker', ''), ('master', (
    'node/bay-0 node-role.kubernetes.io/control-plane= '
    'node.kubernetes.io/exclude-from-external-load-balancers='
))])
def test_load_balancers_of_the_workload_lead_to_workers(
    tmp_path: pathlib.Path, role: str, labels: str
) -> None:
    """The ports of services are not open on masters."""
    program(tmp_path, 'curl', f"echo '{NODE.replace('False', 'True')}'")
    program(tmp_path, 'kubectl', f'echo "$@" >>{tmp_path}/labels')
    (tmp_path / 'labels').touch()
    done = run(
        '90-ready', tmp_path, 'flannel', MAGNUM_READY_SECONDS='0', MAGNUM_NODE_ROLE=role,
        MAGNUM_NODE_NAME='bay-0', MAGNUM_API_ADDRESS='10.0.0.5',
    )
    assert done.returncode == 0, done.stderr
    said = (tmp_path / 'labels').read_text().strip()
    assert said.partition(' label --overwrite ')[2] == labels


def test_a_network_that_nodes_do_not_have_is_not_brought() -> None:
    """A conductor of a release that had flannel alone made the bay, whatever was asked for."""
    current, target = (plan('calico', {'kube_tag': tag}) for tag in ('v1.34.3', 'v1.35.1'))
    outputs = plans.bay_outputs(DRIVER, current)
    assert DRIVER.master_settings(current, target, outputs)
    del outputs['settled']['network_driver']
    with pytest.raises(PlanRefused) as refused:
        DRIVER.master_settings(current, target, outputs)
    assert refused.value.field == 'network_driver'


@pytest.mark.parametrize(('name', 'pool', 'workers', 'is_taken'), [
    ('cilium', '172.20.0.0/23', 1, True), ('cilium', '172.20.0.0/23', 2, False),
    ('flannel', '172.20.0.0/22', 4, False), ('flannel', '16.0.0.0/8', 2, True),
    ('flannel', '16.0.0.0/7', 2, False), ('cilium', '16.0.0.0/7', 2, False),
    # Its nodes take what they need by themselves.
    ('calico', '172.20.0.0/25', 5, True), ('calico', '16.0.0.0/7', 2, True),
])
def test_every_node_has_a_share(name: str, pool: str, workers: int, is_taken: bool) -> None:
    label = network.PODS[name]
    of = plan(name, {label: pool}, workers=plans.group(WORKER, workers))
    if is_taken:
        DRIVER.validate(of)
        return
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(of)
    assert refused.value.field == f'labels/{label}'


def test_what_calico_would_not_understand_does_not_stop_flannel() -> None:
    """A label that did nothing when the bay was made."""
    DRIVER.render(plan('flannel', {'calico_ipv4pool_ipip': 'yes'}))
