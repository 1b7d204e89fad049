"""What drivers refuse, change and read."""

from typing import Any

import jsonschema
import pytest

from magnum.drivers import labels as label_rules
from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER, Driver, PlanRefused
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.mesos.driver import MesosDriver
from magnum.drivers.swarm.driver import SwarmDriver
from tests.unit.drivers import plans

every_driver = pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    'even masters': (
        'master_count',
        {'masters': plans.group(MASTER, 2), 'master_lb_enabled': True},
    ),
    'no master': ('master_count', {'masters': plans.group(MASTER, 0)}),
    'negative nodes': ('node_count', {'workers': plans.group(WORKER, -1)}),
    'no flavor': ('flavor_id', {'workers': plans.group(WORKER, flavor='')}),
    'no image': ('image_id', {'masters': plans.group(MASTER, image='')}),
    'empty volume': ('docker_volume_size', {'workers': plans.group(WORKER, docker_volume_size=0)}),
    'bare metal': ('server_type', {'server_type': 'bm'}),
    'network driver': ('network_driver', {'network_driver': 'pigeons'}),
    'volume driver': ('volume_driver', {'volume_driver': 'rexray'}),
    'storage driver': ('docker_storage_driver', {'docker_storage_driver': 'devicemapper'}),
    'registry': ('registry_enabled', {'registry_enabled': True}),
    'no way out': ('external_network_id', {'external_network': None}),
    'no floating addresses': (
        'external_network_id',
        {'external_network': None, 'fixed_network': 'shared'},
    ),
    'subnet alone': ('fixed_subnet', {'fixed_subnet': 'shared-subnet'}),
    'no range': ('fixed_network', {'fixed_network_cidr': '10.0.0.0/40'}),
    'range of IPv6': ('fixed_network', {'fixed_network_cidr': 'fd00::/64'}),
    'line break': ('http_proxy', {'http_proxy': 'http://proxy\nexport x'}),
    'ill label': ('labels/boot_volume_size', {'labels': {'boot_volume_size': 'huge'}}),
    'ill label of a group': (
        'labels/boot_volume_size',
        {'workers': plans.group(WORKER, labels={'boot_volume_size': '-1'})},
    ),
}


@every_driver
@pytest.mark.parametrize(('field', 'changes'), REFUSED.values(), ids=REFUSED)
def test_refusals(driver: Driver, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.validate(plans.plan(driver, **changes))
    assert refused.value.field == field


@pytest.mark.parametrize('driver', [KubernetesDriver(), MesosDriver()])
def test_masters_need_a_load_balancer(driver: Driver) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.validate(plans.plan(driver, masters=plans.group(MASTER, 3)))
    assert refused.value.field == 'master_lb_enabled'


def test_swarm_managers_need_none() -> None:
    driver = SwarmDriver()
    driver.validate(plans.plan(driver, masters=plans.group(MASTER, 3)))


@pytest.mark.parametrize(
    ('driver', 'labels', 'field'),
    [
        (
            KubernetesDriver(),
            {'service_cluster_ip_range': '10.100.8.0/24'},
            'labels/service_cluster_ip_range',
        ),
        (
            KubernetesDriver(),
            {'flannel_network_cidr': '10.0.0.1/16'},
            'labels/flannel_network_cidr',
        ),
        (
            KubernetesDriver(),
            {'flannel_network_subnetlen': '16'},
            'labels/flannel_network_subnetlen',
        ),
        (
            KubernetesDriver(),
            {'flannel_network_subnetlen': 'many'},
            'labels/flannel_network_subnetlen',
        ),
        (
            KubernetesDriver(),
            {'service_cluster_ip_range': '10.254.0.0/29'},
            'labels/service_cluster_ip_range',
        ),
        (SwarmDriver(), {'fixed_subnet_cidr': '10.0.0.999/24'}, 'labels/fixed_subnet_cidr'),
        (SwarmDriver(), {'fixed_subnet_cidr': 'fd00::/64'}, 'labels/fixed_subnet_cidr'),
        (
            SwarmDriver(),
            {'master_lb_allowed_cidrs': '10.0.0.0/8,1.2/3'},
            'labels/master_lb_allowed_cidrs',
        ),
        (SwarmDriver(), {'swarm_strategy': 'clever'}, 'labels/swarm_strategy'),
        (
            SwarmDriver(),
            {'swarm_default_addr_pool': '10.0.0.0/8'},
            'labels/swarm_default_addr_pool',
        ),
        (
            SwarmDriver(),
            {'fixed_subnet_cidr': '10.230.0.0/24'},
            'labels/swarm_default_addr_pool',
        ),
        (
            SwarmDriver(),
            {'swarm_default_addr_pool': '10.224.0.1/12'},
            'labels/swarm_default_addr_pool',
        ),
        (
            SwarmDriver(),
            {'swarm_default_addr_pool': '10.224.0.0/25'},
            'labels/swarm_default_addr_pool',
        ),
        (MesosDriver(), {'mesos_allowed_cidrs': '2001:db8::/32'}, 'labels/mesos_allowed_cidrs'),
        (SwarmDriver(), {'node_ports_allowed_cidrs': 'x'}, 'labels/node_ports_allowed_cidrs'),
        (MesosDriver(), {'rexray_preempt': 'perhaps'}, 'labels/rexray_preempt'),
        (KubernetesDriver(), {'min_node_count': '-1'}, 'labels/min_node_count'),
        (KubernetesDriver(), {'kubelet_options': '--x="y z"'}, 'labels/kubelet_options'),
        (KubernetesDriver(), {'kubeapi_options': '--x="y'}, 'labels/kubeapi_options'),
        (KubernetesDriver(), {'kubeproxy_options': '--x=y\t-z'}, 'labels/kubeproxy_options'),
        (KubernetesDriver(), {'kube_tag': 'latest'}, 'labels/kube_tag'),
        (
            KubernetesDriver(),
            {'kubeapi_options': '--v=2 --disable-admission-plugins=PodSecurity,NodeRestriction'},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': '--disable-admission-plugins NodeRestriction'},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': '--authorization-mode=AlwaysAllow'},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': '"--disable-admission-plugins=NodeRestriction"'},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': '--disable-admission-plugins="NodeRestriction"'},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': "--disable-admission-plugins='\"NodeRestriction\"'"},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': '--disable_admission_plugins=NodeRestriction'},
            'labels/kubeapi_options',
        ),
        (
            KubernetesDriver(),
            {'kubeapi_options': '--authorization_mode=AlwaysAllow'},
            'labels/kubeapi_options',
        ),
        (
            MesosDriver(),
            {'mesos_slave_image_providers': 'docker'},
            'labels/mesos_slave_isolation',
        ),
        (MesosDriver(), {'mesos_slave_isolation': 'magic'}, 'labels/mesos_slave_isolation'),
        (
            MesosDriver(),
            {'mesos_slave_executor_env_variables': '{x}'},
            'labels/mesos_slave_executor_env_variables',
        ),
    ],
)
def test_refused_labels(driver: Driver, labels: dict[str, str], field: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.validate(plans.plan(driver, labels=labels))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ('label', 'plugins'),
    [
        (None, 'NodeRestriction'),
        ('ServiceAccount,ResourceQuota', 'NodeRestriction,ServiceAccount,ResourceQuota'),
        ('ResourceQuota,NodeRestriction', 'NodeRestriction,ResourceQuota'),
    ],
)
def test_kubelets_are_always_kept_to_their_own_nodes(label: str | None, plugins: str) -> None:
    driver = KubernetesDriver()
    labels = {} if label is None else {'admission_control_list': label}
    request = driver.render(plans.plan(driver, labels=labels))
    told = settings.parse(request.parameters['master_settings'])
    assert told['MAGNUM_ADMISSION_PLUGINS'] == plugins


def test_good_isolation_passes() -> None:
    driver = MesosDriver()
    labels = {
        'mesos_slave_isolation': 'filesystem/linux,docker/runtime',
        'mesos_slave_image_providers': 'docker',
    }
    driver.validate(plans.plan(driver, labels=labels))


@pytest.mark.parametrize(
    ('driver', 'labels'),
    [
        (KubernetesDriver(), {
            'calico_tag': 'v3.21.2', 'ostree_commit': '3', 'use_podman': 'true',
        }),
        (SwarmDriver(), {'flannel_use_vxlan': 'true', 'swarm_strategy': 'binpack'}),
        (MesosDriver(), {'rexray_preempt': 'true', 'min_node_count': '2'}),
    ],
)
def test_labels_of_other_releases_pass(driver: Driver, labels: dict[str, str]) -> None:
    driver.validate(plans.plan(driver, labels=labels))
    jsonschema.validate(labels, dict(driver.labels_schema()))


#: Values of labels that all drivers take, and change what Heat is asked for.
CHANGING = {
    'availability_zone': 'west',
    'volume_availability_zone': 'west',
    'boot_volume_size': '21',
    'boot_volume_type': 'fast',
    'docker_volume_type': 'fast',
    'fixed_subnet_cidr': '192.168.8.0/24',
    'container_infra_prefix': 'registry.example.org/x/',
    'master_lb_allowed_cidrs': '192.0.2.0/24',
    'master_lb_floating_ip_enabled': 'true',
    'metadata_for_containers': 'true',
    'node_ports_allowed_cidrs': '192.0.2.0/24',
    'octavia_lb_algorithm': 'SOURCE_IP',
    'octavia_provider': 'amphora',
}
#: Those that the service itself reads.
OF_THE_SERVICE = {'auto_healing_enabled', 'min_node_count', 'max_node_count'}


@every_driver
def test_labels_of_all_drivers_do_something_or_say_that_they_do_nothing(driver: Driver) -> None:
    rules = driver.labels_schema()['properties']
    groups = {
        'masters': plans.group(MASTER, docker_volume_size=3),
        'workers': plans.group(WORKER, docker_volume_size=3),
    }
    labels = {'boot_volume_size': '20'}
    if driver.name == 'mesos':
        labels['marathon_image'] = 'marathon:1.11'

    def asked_for(**more: str) -> dict[str, Any]:
        plan = plans.plan(
            driver, **groups, labels={**labels, **more}, master_lb_enabled=True,
            floating_ip_enabled=False,
        )
        return dict(driver.render(plan).parameters)

    plain = asked_for()
    idle = {name for name, value in CHANGING.items() if asked_for(**{name: value}) == plain}
    assert idle == {name for name in CHANGING if rules[name].get('deprecated')}


def test_labels_of_all_drivers_are_looked_at() -> None:
    common = set.intersection(*(
        {name for name, rule in driver.labels_schema()['properties'].items() if 'alias' not in rule}
        for driver in plans.DRIVERS
    ))
    # Two of other COEs are among them, with a reason of their own.
    assert common == (
        CHANGING.keys() | OF_THE_SERVICE | {'auto_scaling_enabled', 'octavia_lb_healthcheck'}
    )


@every_driver
def test_few_labels_of_other_releases_do_nothing(driver: Driver) -> None:
    ignored = {
        name for name, rule in driver.labels_schema()['properties'].items()
        if rule.get('deprecated')
    }
    assert len(ignored) <= 15, sorted(ignored)


def test_where_labels_come_from() -> None:
    schema = KubernetesDriver().labels_schema()
    found = label_rules.resolved(
        schema,
        baymodel_labels={'kube_tag': 'v1.33.1', 'pause_tag': '3.9', 'cgroup_driver': 'cgroupfs'},
        bay_labels={
            'kube_tag': 'v1.33.1', 'pause_tag': '3.10', 'colour': 'blue', 'use_podman': 'True',
            'boot_volume_size': '', 'api_master_lb_allowed_cidrs': '10.0.0.0/8, 192.0.2.1',
        },
        presets={'boot_volume_size': '20', 'of_another_driver': 'x'},
        attributes={'network_driver': 'flannel'},
    )
    shown = {name: (label.value, label.origin, label.effect) for name, label in found.items()}
    assert shown['kube_tag'] == ('v1.33.1', 'baymodel', 'applied')
    assert shown['pause_tag'] == ('3.10', 'bay', 'applied')
    assert shown['colour'] == ('blue', 'bay', 'none')
    assert shown['use_podman'] == ('true', 'bay', 'none')
    assert shown['cgroup_driver'] == ('systemd', 'default', 'applied'), 'bays replace their labels'
    assert shown['flannel_backend'] == ('vxlan', 'default', 'applied')
    assert shown['boot_volume_size'] == ('20', 'default', 'applied'), 'an empty one is not given'
    assert shown['master_lb_allowed_cidrs'] == ('10.0.0.0/8,192.0.2.1/32', 'bay', 'applied')
    assert shown.keys().isdisjoint(
        {'calico_tag', 'of_another_driver', 'api_master_lb_allowed_cidrs'}
    )
    reasons = {name: label.reason for name, label in found.items() if label.reason}
    assert reasons.keys() == {'colour', 'use_podman'}
    assert 'user data' in reasons['use_podman']


@every_driver
def test_unknown_labels_are_left_to_the_api(driver: Driver) -> None:
    labels = {'colour': 'blue'}
    driver.validate(plans.plan(driver, labels=labels))
    jsonschema.validate(labels, dict(driver.labels_schema()))


@every_driver
def test_what_nodes_fetch_is_known_without_a_bay(driver: Driver) -> None:
    kept, plan = driver.node_archives(), plans.plan(driver)
    outputs = plans.bay_outputs(driver, plan)
    group = driver.render_nodegroup(plan, plans.further_group(), outputs)
    assert kept == driver.render(plan).archives
    assert len(kept) == 2
    assert group.archives.items() <= kept.items()


@every_driver
def test_labels_schema_is_sound(driver: Driver) -> None:
    schema = dict(driver.labels_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {
        name: rule['default'] for name, rule in schema['properties'].items() if 'default' in rule
    }
    jsonschema.validate(defaults, schema)
    assert all(rule['description'] for rule in schema['properties'].values())


@pytest.mark.parametrize(
    ('driver', 'count', 'removals', 'more'),
    [
        (
            KubernetesDriver(),
            'number_of_minions',
            'minions_to_remove',
            {'node_labels': '', 'node_taints': ''},
        ),
        (SwarmDriver(), 'number_of_nodes', 'nodes_to_remove', {}),
        (MesosDriver(), 'number_of_slaves', 'slaves_to_remove', {}),
    ],
)
def test_resize(driver: Driver, count: str, removals: str, more: dict[str, str]) -> None:
    group = plans.group(WORKER, 7)
    plan = plans.plan(driver, workers=group)
    version = driver.render(plan).version
    expected = {
        count: 7,
        removals: ['1', 'some-id'],
        'update_max_batch_size': 7,
        'worker_bootstrap_token': plans.TOKENS[WORKER],
        **more,
    }
    removed = ('1', 'some-id')
    assert driver.resize_parameters(plan, version, removed) == expected
    assert driver.resize_nodegroup_parameters(plan, group, version, removed) == expected


@pytest.mark.parametrize(
    ('driver', 'changes', 'address'),
    [
        (KubernetesDriver(), {}, 'https://192.0.2.1:6443'),
        (KubernetesDriver(), {'tls_disabled': True}, 'http://192.0.2.1:8080'),
        (SwarmDriver(), {}, 'tcp://192.0.2.1:2376'),
        (SwarmDriver(), {'tls_disabled': True}, 'tcp://192.0.2.1:2376'),
        (MesosDriver(), {}, '192.0.2.1'),
    ],
)
def test_api_address(driver: Driver, changes: dict[str, Any], address: str) -> None:
    plan = plans.plan(driver, **changes)
    observed = driver.read_outputs({'api_address': '192.0.2.1'}, {}, plan)
    assert observed.api_address == address


@pytest.mark.parametrize(
    ('floating', 'masters', 'nodes'),
    [(True, ('192.0.2.1',), ('192.0.2.2',)), (False, ('10.0.0.1',), ('10.0.0.2', '10.0.0.3'))],
)
def test_outputs(floating: bool, masters: tuple[str, ...], nodes: tuple[str, ...]) -> None:
    driver = KubernetesDriver()
    outputs = {
        'kube_masters': ['192.0.2.1'],
        'kube_masters_private': ['10.0.0.1'],
        'kube_minions': ['192.0.2.2', None],
        'kube_minions_private': ['10.0.0.2', '10.0.0.3'],
        'master_names': ['lab-master-0'],
        'node_names': ['lab-node-0', None, 'lab-node-2'],
    }
    parameters = {
        'number_of_masters': '1',
        'number_of_minions': '2',
        'kube_version': 'v1.34.1',
    }
    plan = plans.plan(driver, floating_ip_enabled=floating)
    observed = driver.read_outputs(outputs, parameters, plan)
    assert observed.api_address is None
    assert observed.master_addresses == masters
    assert observed.node_addresses == nodes
    assert (observed.master_count, observed.node_count) == (1, 2)
    assert observed.coe_version == 'v1.34.1'
    assert observed.master_names == ('lab-master-0',)
    assert observed.node_names == ('lab-node-0', 'lab-node-2')
    group = driver.read_nodegroup_outputs(outputs, parameters, plan)
    assert group.node_names == ('lab-node-0', 'lab-node-2')


def test_what_is_not_known_is_none() -> None:
    driver = MesosDriver()
    observed = driver.read_outputs({}, {}, plans.plan(driver))
    assert observed.master_count is None
    assert observed.node_addresses == observed.node_names == observed.master_names == ()


@pytest.mark.parametrize('role', [MASTER, WORKER])
@pytest.mark.parametrize(
    ('driver', 'template_version', 'follows'),
    [
        (KubernetesDriver(), 'kubernetes-1', False),
        (KubernetesDriver(), 'kubernetes-2', True),
        (KubernetesDriver(), 'kubernetes-3', True),
        (KubernetesDriver(), 'kubernetes-0', False),
        (SwarmDriver(), 'swarm-1', False),
        (SwarmDriver(), 'swarm-2', True),
        (SwarmDriver(), 'swarm-3', True),
        (MesosDriver(), 'mesos-1', True),
        (MesosDriver(), 'mesos-2', True),
        (MesosDriver(), 'mesos-3', True),
    ],
)
def test_who_follows_to_another_authority(
    driver: Driver, template_version: str, follows: bool, role: str
) -> None:
    assert driver.takes_over_trust(role, template_version) is follows


@every_driver
def test_stacks_of_all_versions_can_be_resized(driver: Driver) -> None:
    plan = plans.plan(driver)
    newest = driver.render(plan).version
    name, number = newest.split('-')
    for version in range(1, int(number) + 1):
        assert driver.resize_parameters(plan, f'{name}-{version}') == driver.resize_parameters(
            plan, newest
        )


def test_workers_of_a_swarm_have_no_power_over_engines() -> None:
    certificates = SwarmDriver().node_certificates(WORKER)
    assert certificates
    assert not any(certificate.client for certificate in certificates.values())
    assert all(certificate.server for certificate in certificates.values())
