"""Node groups beside the default ones, and workers that are replaced."""

import base64
import dataclasses
import json
import re
from typing import Any

import pytest

from magnum.clients.heat import Resource
from magnum.drivers import settings, stack_parameters, user_data
from magnum.drivers.contract import MASTER, WORKER, Driver, PlanRefused, StackRequest
from magnum.drivers.heat import HeatDriver
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.mesos.driver import MesosDriver
from magnum.drivers.swarm.driver import SwarmDriver
from tests.unit.drivers import hot, plans

every_driver = pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)


def _told(request: StackRequest, parameter: str = 'worker_settings') -> dict[str, str]:
    return settings.parse(request.parameters[parameter])


def _renewed(driver: Driver, **changes: Any) -> StackRequest:
    plan = plans.plan(driver)
    group = plans.group(WORKER, 3, revision=1, **changes)
    return driver.render_upgrade(plan, group, (), {}, plans.bay_outputs(driver, plan))


@every_driver
def test_a_group_is_of_its_own(driver: Driver) -> None:
    plan = plans.plan(driver)
    group = plans.further_group(
        node_count=4, flavor='m1.medium', image='ubuntu-24.04', docker_volume_size=7
    )
    request = driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    values = list(request.parameters.values())
    assert {'m1.medium', 'ubuntu-24.04', 4, 7} <= {v for v in values if isinstance(v, (int, str))}
    assert request.parameters['master_addresses'] == ['10.0.0.5']
    assert request.parameters['security_groups'] == ['base-id', 'worker-id']
    assert request.parameters['worker_bootstrap_token'] == plans.TOKENS[WORKER]
    assert plans.TOKENS[MASTER] not in str(request.parameters)
    assert _told(request)['MAGNUM_NODE_ROLE'] == WORKER
    assert request.version == driver.render(plan).version


@every_driver
def test_a_groups_labels_hold_where_nodes_differ(driver: Driver) -> None:
    plan = plans.plan(driver, labels={'availability_zone': 'east', 'boot_volume_type': 'slow'})
    labels = {'availability_zone': 'west', 'octavia_provider': 'ovn'}
    request = driver.render_nodegroup(
        plan, plans.further_group(labels=labels), plans.bay_outputs(driver, plan)
    )
    assert request.parameters['availability_zone'] == 'west'
    assert request.parameters['boot_volume_type'] == 'slow'
    assert 'octavia_provider' not in request.parameters


def test_a_group_of_mesos_agents_has_its_own_image() -> None:
    driver = MesosDriver()
    plan = plans.plan(driver, labels={'mesos_agent_image': 'agent:1'})
    group = plans.further_group(labels={'mesos_agent_image': 'agent:2'})
    request = driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    assert _told(request)['MAGNUM_MESOS_AGENT_IMAGE'] == 'agent:2'


def test_mesos_agents_say_what_they_are() -> None:
    driver = MesosDriver()
    plan = plans.plan(driver)
    # A role and a flavor with what separates attributes; a zone with a host in it.
    group = plans.further_group(
        name='fast', role='a:b;c d', flavor='m1.large (new)',
        labels={'availability_zone': 'west:h1'},
    )
    request = driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    assert _told(request)['MAGNUM_MESOS_ATTRIBUTES'] == (
        'nodegroup:fast;role:a_b_c_d;availability_zone:west;flavor:m1.large__new_'
    )
    plain = driver.render(plan)
    assert _told(plain)['MAGNUM_MESOS_ATTRIBUTES'] == (
        f'nodegroup:{plan.workers.name};role:worker;flavor:m1.small'
    )
    assert 'MAGNUM_MESOS_ATTRIBUTES' not in _told(plain, 'master_settings')


def test_groups_follow_masters_when_defaults_change() -> None:
    driver = KubernetesDriver()
    plan = plans.plan(driver)
    old = plans.plan(driver, labels={'kube_tag': 'v1.31.9', 'flannel_network_cidr': '10.7.0.0/16'})
    outputs = plans.bay_outputs(driver, old)
    for request in (
        driver.render_nodegroup(plan, plans.further_group(), outputs),
        driver.render_upgrade(plan, plans.group(WORKER, revision=1), (), {}, outputs),
    ):
        assert request.parameters['kube_version'] == 'v1.31.9'
        assert request.parameters['pods_network_cidr'] == '10.7.0.0/16'
        assert _told(request)['MAGNUM_POD_CIDR'] == '10.7.0.0/16'
        assert _told(request)['MAGNUM_NODE_ROLE'] == WORKER


@every_driver
def test_a_stack_without_the_outputs_has_no_groups(driver: Driver) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.render_nodegroup(plans.plan(driver), plans.further_group(), {'api_address': 'x'})
    assert refused.value.field == 'nodegroup'


def test_node_labels_and_taints() -> None:
    driver = KubernetesDriver()
    plan = plans.plan(driver)
    group = plans.further_group(
        name='gpus',
        role='gpu',
        node_labels={'zone': 'b', 'example.org/kind': 'fast'},
        node_taints=[
            {'key': 'gpu', 'value': 'true', 'effect': 'NoSchedule'},
            {'key': 'rare', 'effect': 'NoExecute'},
        ],
    )
    driver.validate_nodegroup(plan, group)
    request = driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    files = hot.files_of(request, WORKER)
    node = settings.parse(files['/etc/magnum/node.env'])
    assert node['MAGNUM_NODEGROUP'] == 'gpus'
    assert node['MAGNUM_NODEGROUP_ROLE'] == 'gpu'
    assert node['MAGNUM_NODE_LABELS'] == 'example.org/kind=fast,zone=b'
    assert node['MAGNUM_NODE_TAINTS'] == 'gpu=true:NoSchedule,rare=:NoExecute'
    changed = dataclasses.replace(group, node_labels={'zone': 'c'}, node_taints=())
    parameters = driver.resize_nodegroup_parameters(plan, changed, request.version)
    assert parameters['node_labels'] == 'zone=c'
    assert parameters['node_taints'] == ''
    assert set(parameters) <= set(hot.parse(request.template)['parameters'])


@pytest.mark.parametrize(
    ('driver', 'field', 'changes'),
    [
        (KubernetesDriver(), 'role', {'role': "it's"}),
        (KubernetesDriver(), 'name', {'name': '-spare'}),
        (KubernetesDriver(), 'node_labels', {'node_labels': {'node-role.kubernetes.io/x': ''}}),
        (KubernetesDriver(), 'node_labels', {'node_labels': {'magnum.openstack.org/role': 'x'}}),
        (KubernetesDriver(), 'node_labels', {'node_labels': {'a b': 'x'}}),
        (KubernetesDriver(), 'node_labels', {'node_labels': {'a': "x'y"}}),
        (KubernetesDriver(), 'node_taints', {'node_taints': [{'key': 'a', 'effect': 'Never'}]}),
        (KubernetesDriver(), 'node_taints', {'node_taints': [{'effect': 'NoSchedule'}]}),
        (SwarmDriver(), 'node_labels', {'node_labels': {'a': 'b'}}),
        (MesosDriver(), 'node_taints', {'node_taints': [{'key': 'a', 'effect': 'NoSchedule'}]}),
        (MesosDriver(), 'docker_volume_size', {'docker_volume_size': 0}),
        (SwarmDriver(), 'labels/boot_volume_size', {'labels': {'boot_volume_size': 'much'}}),
    ],
)
def test_refused_groups(driver: Driver, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.validate_nodegroup(plans.plan(driver), plans.further_group(**changes))
    assert refused.value.field == field


def test_ill_labels_reach_no_node() -> None:
    driver = KubernetesDriver()
    plan = plans.plan(driver)
    group = plans.further_group(node_labels={'a': "b' c='"})
    with pytest.raises(PlanRefused):
        driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    with pytest.raises(PlanRefused):
        driver.resize_nodegroup_parameters(plan, group, 'kubernetes-2')


@pytest.mark.parametrize('key', ['node.kubernetes.io/kind', 'topology.kubernetes.io/zone', 'plain'])
def test_labels_that_kubelets_take(key: str) -> None:
    driver = KubernetesDriver()
    group = plans.further_group(node_labels={key: ''})
    driver.validate_nodegroup(plans.plan(driver), group)


@every_driver
def test_outputs_of_a_group(driver: Driver) -> None:
    plan = plans.plan(driver, floating_ip_enabled=False)
    request = driver.render_nodegroup(
        plan, plans.further_group(node_count=2), plans.bay_outputs(driver, plan)
    )
    outputs: dict[str, list[str | None]] = {
        name: ['10.0.0.8', None] if name.endswith('_private') else ['', '']
        for name in hot.parse(request.template)['outputs']
    }
    observed = driver.read_nodegroup_outputs(outputs, request.parameters, plan)
    assert observed.node_addresses == ('10.0.0.8',)
    assert observed.node_count == 2


@every_driver
def test_an_upgrade_tells_masters_what_they_know(driver: Driver) -> None:
    plan = plans.plan(driver)
    before, after = driver.render(plan), _renewed(driver, flavor='m1.medium')
    settled = plans.bay_outputs(driver, plan)['settled']
    assert {name: after.parameters.get(name) for name in settled} == settled
    assert after.parameters['worker_revision'] == 1
    assert after.parameters['update_max_batch_size'] == 3, 'all are told at once'
    assert plans.TOKENS[MASTER] not in str(after.parameters)
    assert (after.template, after.files) == (before.template, before.files)


@every_driver
def test_an_upgrade_leaves_volumes_of_older_masters_where_they_are(driver: Driver) -> None:
    """Another zone would replace them, and what they hold."""
    plan = plans.plan(driver, labels={'availability_zone': 'zone-2'})
    outputs = plans.bay_outputs(driver, plan)
    assert outputs['settled'].pop('volume_zone') == 'zone-2'
    group = dataclasses.replace(plan.workers, revision=1)
    after = driver.render_upgrade(plan, group, (), {}, outputs)
    assert after.parameters['volume_zone'] == ''


@every_driver
def test_what_is_not_settled_reaches_workers_alone(driver: Driver) -> None:
    template = hot.parse(driver.render(plans.plan(driver)).template)
    settled = template['outputs']['settled']['value']
    assert all(value == {'get_param': name} for name, value in settled.items())
    texts = {name: str(resource) for name, resource in template['resources'].items()}
    (workers,) = (name for name, text in texts.items() if 'worker_settings' in text)
    del texts[workers]
    others = str(texts) + str(template['conditions'])
    reach_others = {
        name for name in template['parameters'] if f"{{'get_param': '{name}'}}" in others
    }
    passed_over = stack_parameters.OF_THE_SERVICE | stack_parameters.OPENING | {
        stack_parameters.MASTER_ADDRESSES,      # other than 0 while masters leave alone
        # Of one rule for all nodes; conductors of before have no such parameter to settle.
        'flannel_backend',
    }
    assert reach_others - passed_over <= set(settled)
    assert not set(settled) & stack_parameters.OF_WORKERS


@every_driver
@pytest.mark.parametrize(
    ('before', 'label', 'after'),
    [
        (None, '', '0.0.0.0/0'),                        # a stack of old is open, and stays so
        (None, '192.0.2.0/24', '192.0.2.0/24'),
        ([], '', []),
        (['192.0.2.0/24'], '', ['192.0.2.0/24']),
        (['192.0.2.0/24'], '10.0.0.0/24', '10.0.0.0/24'),
    ],
)
def test_an_upgrade_opens_and_closes_by_the_label_alone(
    driver: Driver, before: list[str] | None, label: str, after: object
) -> None:
    plan = plans.plan(driver, labels={'node_ports_allowed_cidrs': label})
    outputs = plans.bay_outputs(driver, plan)
    if before is not None:
        outputs['open_to'] = {'node_ports_allowed_cidrs': before}
    driver.check_upgrade(plans.plan(driver), plan)
    request = driver.render_upgrade(plan, plan.workers, (), {}, outputs)
    assert request.parameters['node_ports_allowed_cidrs'] == after


@every_driver
def test_a_further_group_is_renewed_in_its_stack(driver: Driver) -> None:
    plan = plans.plan(driver)
    group = plans.further_group(revision=3, node_count=5)
    outputs = plans.bay_outputs(driver, plan)
    request = driver.render_upgrade(plan, group, (), {}, outputs)
    assert request.template == driver.render_nodegroup(plan, group, outputs).template
    assert request.parameters['worker_revision'] == 3
    assert request.parameters['update_max_batch_size'] == 5
    assert set(request.parameters) <= set(hot.parse(request.template)['parameters'])


@every_driver
def test_nodes_can_be_renewed_as_they_are(driver: Driver) -> None:
    plan = plans.plan(driver)
    driver.check_upgrade(plan, plan)


@every_driver
def test_workers_can_be_renewed_otherwise(driver: Driver) -> None:
    workers = plans.group(
        WORKER, 9, flavor='m1.medium', image='ubuntu-24.04', docker_volume_size=3, revision=1
    )
    driver.check_upgrade(plans.plan(driver), plans.plan(driver, workers=workers))


def test_labels_of_workers_alone_can_change() -> None:
    driver = MesosDriver()
    labels = {'mesos_agent_image': 'agent:2', 'mesos_slave_work_dir': '/srv/mesos'}
    driver.check_upgrade(plans.plan(driver), plans.plan(driver, labels=labels))


@every_driver
@pytest.mark.parametrize(
    ('field', 'changes'),
    [
        ('master_count', {'masters': plans.group(MASTER, 3), 'master_lb_enabled': True}),
        ('external_network_id', {'external_network': 'elsewhere'}),
        ('fixed_network', {'fixed_network': 'shared'}),
        ('fixed_network', {'fixed_network_cidr': '10.9.0.0/24'}),
        ('dns_nameserver', {'dns_nameservers': ()}),
        ('floating_ip_enabled', {'floating_ip_enabled': False}),
        ('master_lb_enabled', {'master_lb_enabled': True}),
        ('http_proxy', {'http_proxy': 'http://proxy.example.org:3128'}),
        ('insecure_registry', {'insecure_registry': 'registry.example.org'}),
        ('tls_disabled', {'tls_disabled': True}),
        ('keypair', {'ssh_public_key': 'ssh-ed25519 AAAA someone'}),
        ('labels/availability_zone', {'labels': {'availability_zone': 'west'}}),
        ('labels/boot_volume_size', {'labels': {'boot_volume_size': '9'}}),
        ('network_driver', {'network_driver': 'pigeons'}),
    ],
)
def test_upgrades_that_masters_would_see(
    driver: Driver, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(PlanRefused) as refused:
        driver.check_upgrade(plans.plan(driver), plans.plan(driver, **changes))
    assert refused.value.field == field


def test_node_labels_that_nova_would_refuse_are_refused_before() -> None:
    """Workers are told them beside their settings."""
    driver = KubernetesDriver()
    many = {f'a{number}.example.org/{"x" * 60}': 'y' * 63 for number in range(400)}
    request = driver.render(plans.plan(driver, workers=plans.group(WORKER, node_labels=many)))
    assert len(base64.b64encode(hot.user_data(request, WORKER).encode())) > user_data.LIMIT
    for check in (
        lambda: driver.validate(plans.plan(driver, workers=plans.group(WORKER, node_labels=many))),
        lambda: driver.validate_nodegroup(
            plans.plan(driver), plans.further_group(node_labels=many)
        ),
    ):
        with pytest.raises(PlanRefused, match='The user data of a worker'):
            check()


def as_heat_tells(request: StackRequest) -> dict[str, str]:
    """Parameters of a stack: all are text, and defaults are among them."""
    defaults = {
        name: declared.get('default', '')
        for name, declared in hot.parse(request.template)['parameters'].items()
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in {**defaults, **request.parameters}.items()
    }


@every_driver
def test_nodes_that_are_not_replaced_yet_are_told_what_they_have(driver: Driver) -> None:
    labels = {'boot_volume_size': '20', 'boot_volume_type': 'ssd', 'availability_zone': 'west'}
    plan = plans.plan(driver, labels=labels)
    before = as_heat_tells(driver.render(plan))
    group = dataclasses.replace(
        plan.workers, flavor='large', image='debian-13', docker_volume_size=9, revision=1
    )
    outputs = plans.bay_outputs(driver, plan)
    first = driver.render_upgrade(plan, group, ('1', '2'), before, outputs)
    kept = {
        'revision': 0, 'flavor': plan.workers.flavor, 'image': plan.workers.image,
        'docker_volume_size': plan.workers.volume_gigabytes, 'docker_volume_type': '',
        'boot_volume_size': 20, 'boot_volume_type': 'ssd', 'volume_zone': 'west',
        'availability_zone': 'west',
    }
    assert first.parameters['kept_workers'] == {'1': kept, '2': kept}
    # Another upgrade, when this one ended half-way.
    again = dataclasses.replace(group, revision=2)
    second = driver.render_upgrade(plan, again, ('1', '3'), as_heat_tells(first), outputs)
    assert second.parameters['kept_workers'] == {'1': kept, '3': {
        **kept, 'revision': 1, 'flavor': 'large', 'image': 'debian-13', 'docker_volume_size': 9,
    }}


@every_driver
def test_who_waits_for_its_turn_can_be_changed(driver: HeatDriver) -> None:
    request = driver.render(plans.plan(driver))
    changed = driver.keep_workers({'1': {'revision': 0}})
    told = as_heat_tells(dataclasses.replace(
        request, parameters={**request.parameters, **changed}
    ))
    assert driver.kept_nodes(WORKER, told) == {'1': {'revision': 0}}
    assert changed.keys() <= hot.parse(request.template)['parameters'].keys()


@every_driver
def test_all_that_a_worker_is_made_of_can_be_kept(driver: HeatDriver) -> None:
    """No property of the server and of its volumes is another one for who waits for its turn."""
    request = driver.render(plans.plan(driver))
    (node,) = (
        hot.parse(text) for name, text in request.files.items()
        if name.endswith(('/minion.yaml', '/node.yaml'))
        and name.startswith('kubernetes/' if driver.name == 'kubernetes' else 'common/')
    )
    made = str([
        resource for resource in node['resources'].values()
        if resource['type'] in ('OS::Nova::Server', 'OS::Cinder::Volume')
    ])
    read = set(re.findall(r"'get_param': '(\w+)'", made))
    kept = set(re.findall(r"'get_param': \['kept', {'get_param': 'index'}, '(\w+)'\]", made))
    of_one = driver.parameter_names[driver.version].of_one_node(WORKER)
    assert kept == set(of_one.values())
    # These are the same for all workers of a stack, whatever it is upgraded to.
    of_masters = {'etcd_volume_size', 'etcd_volume_type'}
    assert read - kept - of_masters == {'index', 'key_name', 'name', 'server_group'}


def test_versions_say_who_waits_for_nodes() -> None:
    for driver in (KubernetesDriver(), MesosDriver(), SwarmDriver()):
        waits = {
            version: driver.nodes_report(version) for version in driver.parameter_names
        }
        assert waits == {
            **dict.fromkeys(driver.parameter_names, False), driver.version: True
        }
        assert not driver.nodes_report('of-a-later-release')


def test_lost_is_who_did_not_come_up() -> None:
    """And nobody who lives, and only was to be told a new token."""
    minion = 'kubernetes/templates/minion.yaml'
    unfinished = [
        Resource('kube_minions', 'OS::Heat::ResourceGroup', '', 'bay', 'group', None, 'UPDATE'),
        Resource('kube_masters', 'OS::Heat::ResourceGroup', '', 'bay', 'others', None, 'UPDATE'),
        Resource('0', minion, 'UPDATE cancelled', 'group', 'minion-0', None, 'UPDATE'),
        Resource('1', minion, '', 'group', 'minion-1', None, 'UPDATE'),
        Resource('2', minion, 'quota', 'group', 'minion-2', None, 'CREATE'),
        Resource('3', minion, 'no host', 'group', 'minion-3', None, 'UPDATE'),
        Resource('server', 'OS::Nova::Server', '', 'minion-3', None, None, 'CREATE'),
        Resource('4', minion, '', 'others', 'master-4', None, 'CREATE'),
    ]
    assert KubernetesDriver().lost_workers('bay', unfinished) == ('2', '3')
