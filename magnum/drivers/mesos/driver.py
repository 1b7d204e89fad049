"""Apache Mesos: masters elected by ZooKeeper, Marathon, agents with Docker."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers import checks, heat, settings, stack_parameters
from magnum.drivers.contract import (
    MASTER,
    WORKER,
    Access,
    BayPlan,
    Capabilities,
    NodeGroupPlan,
    PlanRefused,
)

MESOS_PORT = 5050
MARATHON_PORT = 8080

# Labels by the setting that tells the nodes of a role.
IMAGES = {
    MASTER: {
        'MAGNUM_MESOS_MASTER_IMAGE': 'mesos_master_image',
        'MAGNUM_MARATHON_IMAGE': 'marathon_image',
        'MAGNUM_ZOOKEEPER_IMAGE': 'zookeeper_image',
    },
    WORKER: {'MAGNUM_MESOS_AGENT_IMAGE': 'mesos_agent_image'},
}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    MASTER: {},
    WORKER: {
        'MAGNUM_MESOS_ISOLATION': 'mesos_slave_isolation',
        'MAGNUM_MESOS_IMAGE_PROVIDERS': 'mesos_slave_image_providers',
        'MAGNUM_MESOS_WORK_DIR': 'mesos_slave_work_dir',
        'MAGNUM_MESOS_EXECUTOR_ENVIRONMENT': 'mesos_slave_executor_env_variables',
    },
}

#: What the text of an attribute has none of; Mesos knows no escapes.
_NO_TEXT = re.compile('[^A-Za-z0-9_/.-]')


def attributes(group: NodeGroupPlan, zone: str) -> str:
    """What agents of a group say of themselves, as ``--attributes`` takes it.

    :param zone: the label, with or without a host.
    """
    told = {
        'nodegroup': group.name,
        'role': group.role,
        'availability_zone': zone.partition(':')[0],
        'flavor': group.flavor,
    }
    return ';'.join(f'{key}:{_NO_TEXT.sub("_", text)}' for key, text in told.items() if text)


def image_providers(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Docker images in Mesos' own containers need their isolator."""
    providers = plan.labels.get('mesos_slave_image_providers', '').split(',')
    isolation = plan.labels.get('mesos_slave_isolation', '').split(',')
    if 'docker' in providers and 'docker/runtime' not in isolation:
        raise PlanRefused(
            'labels/mesos_slave_isolation',
            'The image provider docker needs docker/runtime in mesos_slave_isolation.',
        )


def executor_environment(plan: BayPlan, _capabilities: Capabilities) -> None:
    """A JSON object of texts."""
    text = plan.labels.get('mesos_slave_executor_env_variables')
    if not text:
        return
    try:
        variables = json.loads(text)
    except ValueError:
        variables = None
    if not isinstance(variables, dict):
        raise PlanRefused(
            'labels/mesos_slave_executor_env_variables', f'{text!r} is no JSON object.'
        )


class MesosDriver(heat.HeatDriver):
    """Nodes run Mesos as they find it in the guest or from images that labels name."""

    name = 'mesos'
    capabilities = Capabilities(
        coe='mesos',
        server_types=('vm',),
        distros=('debian', 'ubuntu'),
        network_drivers=('docker',),
        volume_drivers=(),
        versions=(),
        nodegroups=True,
        upgrades=(WORKER,),
        fixed_masters=(
            'The number of masters of a Mesos bay is fixed: ZooKeeper takes no further members '
            'while it runs. Make a new bay.'
        ),
    )
    folder = 'mesos'
    version = 'mesos-4'
    parameter_names = dict.fromkeys(
        ('mesos-1', 'mesos-2', 'mesos-3', 'mesos-4'),
        stack_parameters.Names(
            master_count='number_of_masters',
            node_count='number_of_slaves',
            nodes_to_remove='slaves_to_remove',
            node_image='slave_image',
            node_flavor='slave_flavor',
            workers='mesos_slaves',
        ),
    )
    waited_for_by_heat = frozenset(('mesos-1', 'mesos-2', 'mesos-3'))
    outputs = heat.Outputs(
        masters='mesos_master',
        masters_private='mesos_master_private',
        nodes='mesos_slaves',
        nodes_private='mesos_slaves_private',
    )
    refusals = (
        *checks.COMMON,
        checks.load_balanced_masters,
        image_providers,
        executor_environment,
    )
    # Mesos and ZooKeeper speak plain TCP here.
    certificates: ClassVar[Mapping[str, Mapping[str, NodeCertificate]]] = {MASTER: {}, WORKER: {}}

    def api_url(self, address: str, plan: BayPlan) -> str:
        """The bare address: clients add the port of Mesos or of Marathon."""
        return address

    def client_files(self, access: Access) -> Mapping[str, str]:
        """Where Mesos' own clients and those of Marathon look."""
        return {
            'environment': settings.environment(
                {
                    'MESOS_MASTER': f'{access.api_address}:{MESOS_PORT}',
                    'MARATHON_URL': f'http://{access.api_address}:{MARATHON_PORT}',
                }
            )
        }

    def extra_parameters(self, plan: BayPlan) -> Mapping[str, Any]:
        """Those of the Mesos template alone."""
        return {'mesos_allowed_cidrs': plan.labels['mesos_allowed_cidrs']}

    def node_settings(self, plan: BayPlan, role: str) -> Mapping[str, str | None]:
        """Images of the programs, options of the agents, and what these say of themselves."""
        labels = plan.labels
        prefix = labels['container_infra_prefix']
        of_agents = {} if role != WORKER else {
            'MAGNUM_MESOS_ATTRIBUTES': attributes(plan.workers, labels['availability_zone']),
        }
        return {
            **of_agents,
            'MAGNUM_VOLUME_MOUNT': '/var/lib/docker',
            **{
                setting: prefix + labels[label] if labels[label] else ''
                for setting, label in IMAGES[role].items()
            },
            **{setting: labels[label] for setting, label in OPTIONS[role].items()},
        }
