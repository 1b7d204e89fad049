"""What the drivers have in common that build their bays by Heat.

A subclass is mostly data: its template, the names its template uses, the
settings its node scripts read, the certificates of its nodes.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers import checks, labels, settings, templates
from magnum.drivers.contract import (
    MASTER,
    WORKER,
    BayPlan,
    Capabilities,
    Driver,
    NodeGroupPlan,
    Observed,
    StackRequest,
)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Names of those stack parameters that differ between the templates."""

    master_count: str
    node_count: str
    nodes_to_remove: str
    node_image: str
    node_flavor: str


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Names of a template's outputs; the addresses are lists."""

    masters: str
    masters_private: str
    nodes: str
    nodes_private: str
    api_address: str = 'api_address'


Parameter = Callable[[BayPlan], Any]


def _volume_size(group: NodeGroupPlan) -> int:
    return group.docker_volume_size or 0


def _floating_load_balancer(plan: BayPlan) -> bool:
    return plan.floating_ip_enabled or plan.labels.get('master_lb_floating_ip_enabled') == 'true'


# How the parameters that all templates have are taken from the plan. What is
# None is left out, and the template's default applies.
COMMON_PARAMETERS: Mapping[str, Parameter] = {
    'master_image': lambda plan: plan.masters.image,
    'master_flavor': lambda plan: plan.masters.flavor,
    'master_docker_volume_size': lambda plan: _volume_size(plan.masters),
    'docker_volume_size': lambda plan: _volume_size(plan.workers),
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
    'master_lb_floating_ip_enabled': _floating_load_balancer,
    'master_bootstrap_token': lambda plan: plan.bootstrap_tokens[MASTER],
    'worker_bootstrap_token': lambda plan: plan.bootstrap_tokens[WORKER],
    'openstack_ca': lambda plan: plan.openstack_ca,
    'node_boot_timeout': lambda plan: plan.node_boot_timeout,
}

# Labels of all drivers that are stack parameters of the same name.
COMMON_LABEL_PARAMETERS: tuple[str, ...] = (
    'availability_zone',
    'boot_volume_size',
    'boot_volume_type',
    'docker_volume_type',
    'master_lb_allowed_cidrs',
    'octavia_lb_algorithm',
    'octavia_provider',
)


class HeatDriver(Driver):
    """A driver whose bays are Heat stacks of one template."""

    capabilities: Capabilities
    #: Name of the folder of templates, scripts and labels.
    folder: ClassVar[str]
    #: The template's version; a stack keeps the one it was made with.
    version: ClassVar[str]
    #: Parameter names of every version that a bay may have been made with.
    parameter_names: ClassVar[Mapping[str, Parameters]]
    outputs: ClassVar[Outputs]
    refusals: ClassVar[tuple[checks.Check, ...]] = checks.COMMON
    certificates: ClassVar[Mapping[str, Mapping[str, NodeCertificate]]]

    def labels_schema(self) -> Mapping[str, Any]:
        """See the contract."""
        return labels.schema(self.folder)

    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        """See the contract."""
        return self.certificates[role]

    def validate(self, plan: BayPlan) -> None:
        """See the contract."""
        for check in self.refusals:
            check(plan, self.capabilities)
        for group in (plan, plan.masters, plan.workers):
            labels.check(self.labels_schema(), group.labels)

    def render(self, plan: BayPlan) -> StackRequest:
        """See the contract."""
        plan = self._with_default_labels(plan)
        names = self.parameter_names[self.version]
        parameters = {name: take(plan) for name, take in COMMON_PARAMETERS.items()}
        parameters |= {
            names.master_count: plan.masters.node_count,
            names.node_count: plan.workers.node_count,
            names.node_image: plan.workers.image,
            names.node_flavor: plan.workers.flavor,
            'master_settings': self._settings(plan, MASTER),
            'worker_settings': self._settings(plan, WORKER),
            **self.extra_parameters(plan),
        }
        for label in COMMON_LABEL_PARAMETERS:
            parameters[label] = plan.labels.get(label)
        template = templates.load(f'{self.folder}/templates/bay.yaml')
        return StackRequest(
            template=template.text,
            files=template.files,
            parameters={name: value for name, value in parameters.items() if value is not None},
            version=self.version,
        )

    def resize_parameters(
        self,
        plan: BayPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        """See the contract.

        The workers' token is a new one each time. That changes the
        definition of every worker (not the servers, which ignore it), so the
        batch is made large: one by one it would take Heat very long.

        :raises KeyError: a version that this release does not know.
        """
        names = self.parameter_names[template_version]
        return {
            names.node_count: plan.workers.node_count,
            names.nodes_to_remove: list(nodes_to_remove),
            'update_max_batch_size': max(1, plan.workers.node_count),
            'worker_bootstrap_token': plan.bootstrap_tokens[WORKER],
        }

    def read_outputs(
        self,
        outputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        plan: BayPlan,
    ) -> Observed:
        """See the contract."""
        # Only counts are read by these names, and those never change.
        names = self.parameter_names[self.version]
        if plan.floating_ip_enabled:
            masters, nodes = self.outputs.masters, self.outputs.nodes
        else:
            masters, nodes = self.outputs.masters_private, self.outputs.nodes_private
        address = outputs.get(self.outputs.api_address)
        return Observed(
            api_address=self.api_url(address, plan) if address else None,
            master_addresses=_addresses(outputs.get(masters)),
            node_addresses=_addresses(outputs.get(nodes)),
            master_count=_count(parameters.get(names.master_count)),
            node_count=_count(parameters.get(names.node_count)),
            coe_version=self.coe_version(parameters),
        )

    @abc.abstractmethod
    def api_url(self, address: str, plan: BayPlan) -> str:
        """What clients connect to, of an address."""

    def coe_version(self, parameters: Mapping[str, Any]) -> str | None:
        """The COE's version by the stack's parameters; None if unknown."""
        return None

    def node_settings(self, plan: BayPlan, role: str) -> Mapping[str, str | None]:
        """The driver's own settings of its nodes (``MAGNUM_…``)."""
        return {}

    def requested_certificates(self, plan: BayPlan, role: str) -> Mapping[str, NodeCertificate]:
        """What a node asks for when it boots: nothing without TLS."""
        return {} if plan.tls_disabled else self.node_certificates(role)

    def extra_parameters(self, plan: BayPlan) -> Mapping[str, Any]:
        """Parameters of this driver's template alone; labels are complete."""
        return {}

    def _settings(self, plan: BayPlan, role: str) -> str:
        return settings.shell(
            {
                **{name: take(plan) for name, take in settings.COMMON.items()},
                'MAGNUM_NODE_ROLE': role,
                **settings.certificate_settings(self.requested_certificates(plan, role)),
                **self.node_settings(plan, role),
            }
        )

    def _with_default_labels(self, plan: BayPlan) -> BayPlan:
        resolved = labels.resolve(self.labels_schema(), plan.labels)
        return dataclasses.replace(plan, labels=resolved)


def _addresses(output: Any) -> tuple[str, ...]:
    """Of a list output: Heat has null or '' for what does not exist (yet)."""
    return tuple(address for address in output or () if address)


def _count(parameter: Any) -> int | None:
    return None if parameter is None else int(parameter)
