"""Plans of bays, for the drivers' tests."""

import dataclasses
from typing import Any

from magnum.drivers.contract import MASTER, WORKER, BayPlan, Driver, NodeGroupPlan
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.mesos.driver import MesosDriver
from magnum.drivers.swarm.driver import SwarmDriver
from tests.unit.drivers import hot

DRIVERS: tuple[Driver, ...] = (KubernetesDriver(), SwarmDriver(), MesosDriver())
TOKENS = {MASTER: 'token-of-masters-' + 'm' * 26, WORKER: 'token-of-workers-' + 'w' * 26}


def group(role: str, node_count: int = 1, **changes: Any) -> NodeGroupPlan:
    """A node group of small Debian servers."""
    plain = NodeGroupPlan(
        name=f'default-{role}',
        role=role,
        node_count=node_count,
        flavor='m1.small',
        image='debian-12',
        docker_volume_size=None,
        labels={},
    )
    return dataclasses.replace(plain, **changes)


def plan(driver: Driver, **changes: Any) -> BayPlan:
    """A bay of one master and one worker on a network of its own."""
    plain = BayPlan(
        uuid='5f0e7d52-9a3c-4f5e-8f7e-0a1b2c3d4e5f',
        name='lab',
        stack_name='lab-abcdefghijkl',
        project_id='d' * 32,
        coe=driver.capabilities.coe,
        server_type='vm',
        distro='debian',
        masters=group(MASTER),
        workers=group(WORKER),
        external_network='public',
        fixed_network=None,
        fixed_subnet=None,
        fixed_network_cidr=None,
        dns_nameservers=('192.0.2.53',),
        network_driver=driver.capabilities.network_drivers[0],
        volume_driver=None,
        docker_storage_driver=None,
        http_proxy=None,
        https_proxy=None,
        no_proxy=None,
        insecure_registry=None,
        registry_enabled=False,
        tls_disabled=False,
        master_lb_enabled=False,
        floating_ip_enabled=True,
        labels={},
        ssh_public_key=None,
        bootstrap_url='https://containers.example.org:9511/v1/bootstrap',
        bootstrap_tokens=TOKENS,
    )
    return dataclasses.replace(plain, **changes)


# Every option of a template, by the name of the case.
OPTIONS: dict[str, dict[str, Any]] = {
    'plain': {},
    'no workers': {'workers': group(WORKER, 0)},
    'load balancer': {'masters': group(MASTER, 3), 'master_lb_enabled': True},
    'private load balancer': {
        'masters': group(MASTER, 3),
        'master_lb_enabled': True,
        'floating_ip_enabled': False,
    },
    'floating load balancer only': {
        'master_lb_enabled': True,
        'floating_ip_enabled': False,
        'labels': {
            'master_lb_floating_ip_enabled': 'true',
            'master_lb_allowed_cidrs': '192.0.2.0/24,198.51.100.0/24',
        },
    },
    'opened': {
        'labels': {
            'node_ports_allowed_cidrs': '192.0.2.0/24,198.51.100.0/24',
            'mesos_allowed_cidrs': '192.0.2.0/24',
        },
    },
    'volumes': {
        'masters': group(MASTER, docker_volume_size=3),
        'workers': group(WORKER, docker_volume_size=2),
        'labels': {'boot_volume_size': '20', 'etcd_volume_size': '4', 'etcd_volume_type': 'ssd'},
    },
    'existing network': {'fixed_network': 'shared', 'fixed_subnet': 'shared-subnet'},
    'existing network, private': {
        'fixed_network': 'shared',
        'external_network': None,
        'floating_ip_enabled': False,
    },
    'own range': {'fixed_network_cidr': '192.168.7.0/24'},
    'without TLS': {'tls_disabled': True, 'master_lb_enabled': True},
    'key and zone': {
        'ssh_public_key': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA someone',
        'labels': {'availability_zone': 'nova'},
    },
    'volumes in a zone': {
        'masters': group(MASTER, docker_volume_size=1),
        'workers': group(WORKER, docker_volume_size=1),
        'labels': {'availability_zone': 'nova', 'boot_volume_size': '5'},
    },
    'load balancer of OVN': {
        'master_lb_enabled': True,
        'labels': {'octavia_provider': 'ovn'},
    },
}


def further_group(**changes: Any) -> NodeGroupPlan:
    """A node group beside the default ones."""
    plain = dataclasses.replace(
        group(WORKER), name='spare', role='spare', stack_name='lab-spare-abcdefghijkl'
    )
    return dataclasses.replace(plain, **changes)


def bay_outputs(driver: Driver, bay: BayPlan) -> dict[str, Any]:
    """What the finished stack of such a bay says to other stacks."""
    request = driver.render(bay)
    template = hot.parse(request.template)
    defaults = {name: rule.get('default') for name, rule in template['parameters'].items()}
    told = {**defaults, **request.parameters}
    return {
        'settled': {name: told[name] for name in template['outputs']['settled']['value']},
        'nodegroup': {
            'key_name': '',
            'network': 'network-id',
            'subnet': 'subnet-id',
            'security_groups': ['base-id', 'worker-id'],
            'master_addresses': ['10.0.0.5'],
            'api_address': '10.0.0.5',
            'api_public_address': '172.24.0.5',
        },
    }
