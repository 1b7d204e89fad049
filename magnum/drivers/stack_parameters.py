"""How the stack parameters that all templates have are taken from a plan."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from magnum.drivers import load_balancing
from magnum.drivers.contract import MASTER, WORKER, BayPlan

Parameter = Callable[[BayPlan], Any]


@dataclasses.dataclass(frozen=True)
class Names:
    """Names of those stack parameters that differ between the templates.

    ``workers`` is the resource that has a group's workers as its members.
    """

    master_count: str
    node_count: str
    nodes_to_remove: str
    node_image: str
    node_flavor: str
    workers: str

    def of_one_node(self, role: str) -> dict[str, str]:
        """What a node keeps while others are replaced: its properties, by parameter."""
        own = _OF_ONE_MASTER if role == MASTER else {
            'worker_revision': 'revision',
            self.node_image: 'image',
            self.node_flavor: 'flavor',
            'docker_volume_size': 'docker_volume_size',
        }
        return {**own, **{name: name for name in _OF_ANY_NODE}}

    def of_workers(self) -> frozenset[str]:
        """Those that reach workers alone, as ``OF_WORKERS`` do."""
        return frozenset(
            (self.node_count, self.nodes_to_remove, self.node_image, self.node_flavor)
        )


# Properties of a node that have one parameter for all roles.
_OF_ANY_NODE: Final = (
    'availability_zone',
    'boot_volume_size',
    'boot_volume_type',
    'docker_volume_type',
    'volume_zone',
)
# Those of masters, by parameter.
_OF_ONE_MASTER: Final[Mapping[str, str]] = {
    'master_revision': 'revision',
    'master_image': 'image',
    'master_flavor': 'flavor',
    'master_docker_volume_size': 'docker_volume_size',
}
#: By role, the parameter with the nodes that an upgrade has not come to.
KEPT_NODES: Final[Mapping[str, str]] = {MASTER: 'kept_masters', WORKER: 'kept_workers'}
#: How many addresses masters have, while one of them goes.
MASTER_ADDRESSES: Final = 'number_of_master_addresses'
#: Of the properties of a node, those that are numbers.
NUMBERS: Final = frozenset(('boot_volume_size', 'docker_volume_size', 'revision'))


def _volume_zone(plan: BayPlan) -> str:
    zone = plan.labels.get('availability_zone', '')
    # A host after the zone is Nova's alone.
    return plan.labels.get('volume_availability_zone') or zone.partition(':')[0]


def _floating_load_balancer(plan: BayPlan) -> bool:
    return plan.floating_ip_enabled or plan.labels.get('master_lb_floating_ip_enabled') == 'true'


# What is None is left out, and the template's default applies.
COMMON: Final[Mapping[str, Parameter]] = {
    'master_image': lambda plan: plan.masters.image,
    'master_flavor': lambda plan: plan.masters.flavor,
    'master_docker_volume_size': lambda plan: plan.masters.volume_gigabytes,
    'docker_volume_size': lambda plan: plan.workers.volume_gigabytes,
    'volume_zone': _volume_zone,
    'master_revision': lambda plan: plan.masters.revision,
    'worker_revision': lambda plan: plan.workers.revision,
    'nodes_affinity_policy': lambda plan: plan.nodes_affinity_policy,
    'ssh_public_key': lambda plan: plan.ssh_public_key,
    'external_network': lambda plan: plan.external_network,
    'fixed_network': lambda plan: plan.fixed_network,
    'fixed_subnet': lambda plan: plan.fixed_subnet,
    'fixed_subnet_cidr': lambda plan: (
        plan.fixed_network_cidr or plan.labels.get('fixed_subnet_cidr')
    ),
    'dns_nameserver': lambda plan: list(plan.dns_nameservers),
    'floating_ip_enabled': lambda plan: plan.floating_ip_enabled,
    'master_lb_enabled': lambda plan: plan.master_lb_enabled,
    'octavia_lb_algorithm': load_balancing.algorithm,
    'master_lb_floating_ip_enabled': _floating_load_balancer,
    'master_bootstrap_token': lambda plan: plan.bootstrap_tokens.get(MASTER),
    'worker_bootstrap_token': lambda plan: plan.bootstrap_tokens.get(WORKER),
    'openstack_ca': lambda plan: plan.openstack_ca,
}

# Labels of all drivers that are stack parameters of the same name.
COMMON_LABELS: Final = (
    'availability_zone',
    'boot_volume_size',
    'boot_volume_type',
    'docker_volume_type',
    'master_lb_allowed_cidrs',
    'node_ports_allowed_cidrs',
    'octavia_provider',
)

# Names, in all templates, of what an update may change without touching masters.
OF_WORKERS: Final = frozenset((
    'docker_volume_size',
    'kept_workers',
    'update_max_batch_size',
    'worker_bootstrap_token',
    'worker_revision',
    'worker_settings',
))

# Names, in all templates, of what the replacement of masters changes.
OF_NEW_MASTERS: Final = frozenset((*_OF_ONE_MASTER, 'kept_masters'))

# Labels and parameters that open a bay to networks. They change rules of
# security groups, and no master.
OPENING: Final = frozenset(('mesos_allowed_cidrs', 'node_ports_allowed_cidrs'))

# What an older stack is open to, that has no output "open_to".
EVERYBODY: Final = '0.0.0.0/0'

# These are the service's, of today; masters that live pass over them.
OF_THE_SERVICE: Final = frozenset((
    'master_bootstrap_token',
    'openstack_ca',
))
