"""The base class of drivers that build their bays by Heat.

A subclass is mostly data: its template, the names its template uses, the
settings its node scripts read, the certificates of its nodes.
"""

import abc
import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from magnum.domain.failures import Resource
from magnum.domain.node_certificates import NodeCertificate
from magnum.domain.nodegroups import kind_of
from magnum.drivers import (
    checks,
    footprint,
    labels,
    settings,
    stack_parameters,
    templates,
    upgrades,
    user_data,
)
from magnum.drivers.contract import (
    MASTER,
    WORKER,
    BayPlan,
    Capabilities,
    Driver,
    NodeGroupPlan,
    Observed,
    ObservedGroup,
    PlanRefused,
    StackRequest,
)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Names of a template's outputs; all but the API's address are lists."""

    masters: str
    masters_private: str
    nodes: str
    nodes_private: str
    api_address: str = 'api_address'
    master_names: str = 'master_names'
    node_names: str = 'node_names'


class HeatDriver(Driver):
    """A driver whose bays are Heat stacks of one template."""

    capabilities: Capabilities
    api_output = 'nodegroup'
    #: Name of the folder of templates, scripts and labels.
    folder: ClassVar[str]
    #: The template's version; a stack keeps the one it was made with.
    version: ClassVar[str]
    #: Parameter names of every version that a bay may have been made with.
    parameter_names: ClassVar[Mapping[str, stack_parameters.Names]]
    #: Versions whose stacks wait for their nodes.
    waited_for_by_heat: ClassVar[frozenset[str]] = frozenset()
    #: Versions whose nodes do not ask which authorities the bay trusts.
    without_trust_rounds: ClassVar[frozenset[str]] = frozenset()
    outputs: ClassVar[Outputs]
    refusals: ClassVar[tuple[checks.Check, ...]] = checks.COMMON
    #: Those that pass for a bay that exists and is refused as it is.
    tolerated: ClassVar[frozenset[checks.Check]] = frozenset((checks.proxies,))
    #: Parameters that stacks of old do not know, as their masters were made.
    younger: ClassVar[Mapping[str, Any]] = {'volume_zone': ''}
    #: Settings of masters that the template makes of stack parameters, by parameter.
    parameter_settings: ClassVar[Mapping[str, str]] = {}
    #: Settings of masters that an upgrade may change while they live.
    changed_in_place: ClassVar[frozenset[str]] = frozenset()
    #: Settings that stacks of old do not tell, as they were.
    formerly: ClassVar[Mapping[str, str]] = {}
    certificates: ClassVar[Mapping[str, Mapping[str, NodeCertificate]]]
    # The cluster autoscaler reads it, too: no template calls it otherwise.
    workers_output = 'refs_map'

    def labels_schema(self) -> Mapping[str, Any]:
        """See the contract."""
        return labels.schema(self.folder)

    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        """See the contract."""
        return self.certificates[role]

    def api_addresses(self, outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """See the contract."""
        told = outputs.get(self.api_output) or {}
        return _existing([told.get('api_address'), told.get('api_public_address')])

    def bay_subnet(self, output: Any) -> str | None:
        """See the contract."""
        subnet: str | None = (output or {}).get('subnet')
        return subnet

    def nodes_report(self, template_version: str) -> bool:
        """See the contract."""
        return template_version in self.parameter_names.keys() - self.waited_for_by_heat

    def kept_nodes(self, role: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """See the contract."""
        told = parameters.get(stack_parameters.KEPT_NODES[kind_of(role)])
        kept: Mapping[str, Any] = json.loads(told or '{}')
        return kept

    def keep_workers(self, kept: Mapping[str, Any]) -> Mapping[str, Any]:
        """See the contract."""
        return {'kept_workers': kept}

    def takes_over_trust(self, role: str, template_version: str) -> bool:
        """See the contract; of a version that this release does not know nothing is known."""
        if not self.node_certificates(role):
            return True
        return template_version in self.parameter_names.keys() - self.without_trust_rounds

    def validate(self, plan: BayPlan) -> None:
        """See the contract."""
        self._validate(plan)
        self._check_user_data(plan, MASTER, WORKER)

    def validate_nodegroup(self, plan: BayPlan, group: NodeGroupPlan) -> None:
        """See the contract."""
        own = dataclasses.replace(
            plan,
            workers=group,
            labels={**plan.labels, **labels.of_nodegroup(self.labels_schema(), group.labels)},
        )
        self._validate(own, plan)
        self._check_user_data(own, WORKER)

    def _check_user_data(self, plan: BayPlan, *roles: str) -> None:
        request = self.render(plan)
        for role in roles:
            user_data.check(request.files, request.parameters, role)

    def _validate(self, plan: BayPlan, current: BayPlan | None = None) -> None:
        """:param current: of the bay where it exists."""
        for group in (plan, plan.masters, plan.workers):
            labels.check(self.labels_schema(), group.labels)
        # Checks rely on well-formed labels.
        resolved = self._with_default_labels(plan)
        try:
            for check in self.refusals:
                if not self._is_tolerated(check, current):
                    check(resolved, self.capabilities)
        except PlanRefused as refusal:
            raise labels.as_sent(self.labels_schema(), plan.labels, refusal) from None

    def _is_tolerated(self, check: checks.Check, current: BayPlan | None) -> bool:
        """Whether a bay that exists is what the check refuses, and may be."""
        if current is None or check not in self.tolerated:
            return False
        try:
            check(self._with_default_labels(current), self.capabilities)
        except PlanRefused:
            return True
        return False

    def footprint(self, plan: BayPlan) -> Mapping[str, int]:
        """See the contract."""
        return footprint.of_plan(self._with_default_labels(plan))

    def render(self, plan: BayPlan) -> StackRequest:
        """See the contract."""
        return self._request('bay', self._parameters(self._with_default_labels(plan)))

    def render_nodegroup(
        self, plan: BayPlan, group: NodeGroupPlan, bay_outputs: Mapping[str, Any]
    ) -> StackRequest:
        """See the contract.

        What the group shares with the masters is as the masters have it, for
        defaults may have changed since.
        """
        settled = _settled(bay_outputs)
        plan = self._with_default_labels(plan)
        own = self._with_default_labels(
            dataclasses.replace(
                plan,
                workers=group,
                labels={**plan.labels, **labels.of_nodegroup(self.labels_schema(), group.labels)},
            )
        )
        bays = self._parameters(plan)
        parameters = self._parameters(own)
        shared = {
            name: value for name, value in settled.items() if parameters.get(name) == bays.get(name)
        }
        parameters |= {
            **shared,
            'worker_settings': settings.shell(self._worker_settings(own, plan, settled)),
            **bay_outputs['nodegroup'],
        }
        declared = templates.load(self._template('nodegroup')).parameters
        return self._request(
            'nodegroup', {name: parameters[name] for name in declared & parameters.keys()}
        )

    def node_archives(self) -> Mapping[str, bytes]:
        """See the contract."""
        return templates.load(self._template('bay')).archives

    def check_upgrade(self, current: BayPlan, target: BayPlan) -> None:
        """See the contract."""
        self._validate(target, current)
        field = upgrades.what_masters_would_see(self._of_masters, current, target)
        if field is not None:
            raise PlanRefused(field, 'An upgrade cannot change this of the masters.')

    def check_master_count(self, plan: BayPlan, count: int) -> None:
        """See the contract."""
        if self.capabilities.fixed_masters:
            super().check_master_count(plan, count)
        masters = dataclasses.replace(plan.masters, node_count=count)
        self._validate(dataclasses.replace(plan, masters=masters), plan)

    def member_addresses(self, bay_outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """See the contract."""
        return _existing(bay_outputs.get(self.outputs.masters_private))

    def with_master_settings(
        self, bay_outputs: Mapping[str, Any], changed: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """See the contract."""
        if not changed:
            return bay_outputs
        settled = _settled(bay_outputs)
        of_parameters = {
            parameter: changed[setting] for parameter, setting in self.parameter_settings.items()
            if setting in changed
        }
        others = {
            name: value for name, value in changed.items()
            if name not in self.parameter_settings.values()
        }
        told = {**settings.parse(settled['master_settings']), **others}
        known = {**settled, **of_parameters, 'master_settings': settings.shell(told)}
        return {**bay_outputs, 'settled': known}

    def render_upgrade(
        self,
        plan: BayPlan,
        group: NodeGroupPlan,
        kept: Collection[str],
        parameters: Mapping[str, Any],
        bay_outputs: Mapping[str, Any],
    ) -> StackRequest:
        """See the contract.

        The request suits both of Heat's updates, that of all parameters and
        that of some. The token of masters is not in that for workers: they have
        booted. All definitions of workers change; the batch is as in a resize.
        """
        names = self.parameter_names[self.version]
        if group.role == MASTER:
            return self._render_masters(plan, kept, parameters, bay_outputs)
        change = {
            names.nodes_to_remove: [],
            'update_max_batch_size': max(1, group.node_count),
            'kept_workers': self._as_made(WORKER, kept, parameters),
        }
        if group.stack_name:
            request = self.render_nodegroup(plan, group, bay_outputs)
            return dataclasses.replace(request, parameters={**request.parameters, **change})
        settled = _settled(bay_outputs)
        plan = self._with_default_labels(dataclasses.replace(plan, workers=group))
        wanted = {
            **self._parameters(plan),
            **self.younger,
            **settled,
            **self._open_to(plan, bay_outputs),
            'worker_settings': settings.shell(self._worker_settings(plan, plan, settled)),
            **change,
        }
        wanted.pop('master_bootstrap_token', None)
        return self._request('bay', wanted)

    def _render_masters(
        self,
        plan: BayPlan,
        kept: Collection[str],
        parameters: Mapping[str, Any],
        bay_outputs: Mapping[str, Any],
    ) -> StackRequest:
        """The bay's stack with other masters; all else is as it was."""
        names = self.parameter_names[self.version]
        settled = _settled(bay_outputs)
        plan = self._with_default_labels(plan)
        wanted = self._parameters(plan)
        new = {name: wanted[name] for name in stack_parameters.OF_NEW_MASTERS & wanted.keys()}
        # Not as the bay has them: an upgrade may have ended among the workers.
        of_workers = {
            *stack_parameters.OF_WORKERS, *names.of_workers(),
            *self.group_parameters(plan.workers),
        }
        as_they_are = {
            name: value for name, value in parameters.items() if name in of_workers & wanted.keys()
        }
        return self._request('bay', {
            **wanted,
            **self.younger,
            **settled,
            **self._open_to(plan, bay_outputs),
            **new,
            names.master_count: plan.masters.node_count,
            stack_parameters.MASTER_ADDRESSES: self._master_addresses(plan, parameters),
            'master_settings': settings.shell(self._master_settings(plan, settled)),
            'kept_masters': self._as_made(MASTER, kept, parameters),
            **as_they_are,
            names.nodes_to_remove: [],
            'update_max_batch_size': max(1, plan.workers.node_count),
            'kept_workers': self.kept_nodes(WORKER, parameters),
            # Heat does not tell theirs, and workers that live pass over it.
            'worker_bootstrap_token': plan.bootstrap_tokens.get(WORKER, ''),
        })

    def _master_addresses(self, plan: BayPlan, parameters: Mapping[str, Any]) -> int:
        """How many addresses masters have while one goes; 0: as many as there are masters.

        Heat would remove the port of a master that goes before its server, which Neutron
        lets nobody do: it stays until the next change.
        """
        present = _number(parameters.get(self.parameter_names[self.version].master_count))
        if plan.masters.node_count >= present:
            return 0
        return max(present, _number(parameters.get(stack_parameters.MASTER_ADDRESSES)))

    def resize_parameters(
        self,
        plan: BayPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
        batch: int | None = None,
    ) -> Mapping[str, Any]:
        """See the contract.

        :raises KeyError: a version that this release does not know.
        """
        return self.resize_nodegroup_parameters(
            plan, plan.workers, template_version, nodes_to_remove, batch
        )

    def lost_workers(self, stack_id: str, unfinished: Iterable[Resource]) -> tuple[str, ...]:
        """See the contract."""
        # Never changed by a version of the templates.
        workers = self.parameter_names[self.version].workers
        found = list(unfinished)
        groups = {
            resource.physical_id for resource in found
            if resource.stack_id == stack_id and resource.name == workers
        }
        # A node of which a part was being made is not there yet.
        half_made = {resource.stack_id for resource in found if resource.action == 'CREATE'}
        return tuple(
            resource.name for resource in found
            if resource.stack_id in groups
            and (resource.action == 'CREATE' or resource.physical_id in half_made)
        )

    def resize_nodegroup_parameters(
        self,
        plan: BayPlan,
        group: NodeGroupPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
        batch: int | None = None,
    ) -> Mapping[str, Any]:
        """See the contract.

        The workers' token is a new one each time that workers are built. That
        changes the definition of every worker (not the servers, which ignore
        it), so the batch is made large: one by one it would take Heat very
        long. It stays as it was where an upgrade is left to be finished.

        :raises KeyError: a version that this release does not know.
        """
        names = self.parameter_names[template_version]
        token = plan.bootstrap_tokens.get(WORKER)
        return {
            names.node_count: group.node_count,
            names.nodes_to_remove: list(nodes_to_remove),
            'update_max_batch_size': max(1, batch or group.node_count),
            # The one that Heat has opens nothing any more.
            **({} if token is None else {'worker_bootstrap_token': token}),
            **self.group_parameters(group),
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
        masters = self.outputs.masters_private
        if plan.floating_ip_enabled:
            masters = self.outputs.masters
        address = outputs.get(self.outputs.api_address)
        workers = self.read_nodegroup_outputs(outputs, parameters, plan)
        return Observed(
            api_address=self.api_url(address, plan) if address else None,
            master_addresses=_existing(outputs.get(masters)),
            node_addresses=workers.node_addresses,
            master_count=_count(parameters.get(names.master_count)),
            node_count=workers.node_count,
            coe_version=self.coe_version(parameters),
            master_names=_existing(outputs.get(self.outputs.master_names)),
            node_names=workers.node_names,
            is_lasting=self.is_lasting(outputs.get('settled') or {}),
        )

    def read_nodegroup_outputs(
        self, outputs: Mapping[str, Any], parameters: Mapping[str, Any], plan: BayPlan
    ) -> ObservedGroup:
        """See the contract; the bay's own workers are read alike."""
        nodes = self.outputs.nodes if plan.floating_ip_enabled else self.outputs.nodes_private
        return ObservedGroup(
            node_addresses=_existing(outputs.get(nodes)),
            node_count=_count(parameters.get(self.parameter_names[self.version].node_count)),
            node_names=_existing(outputs.get(self.outputs.node_names)),
        )

    @abc.abstractmethod
    def api_url(self, address: str, plan: BayPlan) -> str:
        """What clients connect to, of an address."""

    def is_lasting(self, settled: Mapping[str, Any]) -> bool:
        """Whether what the cluster knows outlives the servers of its masters.

        :param settled: what the stack says that its masters were made of.
        """
        return False

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

    def group_parameters(self, group: NodeGroupPlan) -> Mapping[str, Any]:
        """Parameters that tell new nodes of a group what it has become since."""
        return {}

    def _template(self, kind: str) -> str:
        return f'{self.folder}/templates/{kind}.yaml'

    def _request(self, kind: str, parameters: Mapping[str, Any]) -> StackRequest:
        template = templates.load(self._template(kind))
        return StackRequest(
            template=template.text,
            files=template.files,
            parameters={name: value for name, value in parameters.items() if value is not None},
            version=self.version,
            archives=template.archives,
        )

    def _parameters(self, plan: BayPlan) -> dict[str, Any]:
        names = self.parameter_names[self.version]
        return {
            **{name: take(plan) for name, take in stack_parameters.COMMON.items()},
            **{label: plan.labels.get(label) for label in stack_parameters.COMMON_LABELS},
            names.master_count: plan.masters.node_count,
            names.node_count: plan.workers.node_count,
            names.node_image: plan.workers.image,
            names.node_flavor: plan.workers.flavor,
            'master_settings': settings.shell(self._settings(plan, MASTER)),
            'worker_settings': settings.shell(self._settings(plan, WORKER)),
            **self.extra_parameters(plan),
            **self.group_parameters(plan.workers),
        }

    def _as_made(
        self, role: str, indexes: Iterable[str], parameters: Mapping[str, Any]
    ) -> dict[str, Mapping[str, Any]]:
        """What nodes of a stack were made with, by index.

        :param parameters: of the stack; Heat tells numbers and objects as text.
        """
        before = self.kept_nodes(role, parameters)
        names = self.parameter_names[self.version].of_one_node(role)
        others = {
            name: _number(parameters.get(parameter)) if name in stack_parameters.NUMBERS
            else parameters.get(parameter) or ''
            for parameter, name in names.items()
        }
        return {index: before.get(index, others) for index in indexes}

    def _of_masters(self, plan: BayPlan) -> Mapping[str, Any]:
        """Of a plan's parameters those that masters are made of."""
        others = (
            stack_parameters.OF_WORKERS
            | stack_parameters.OPENING
            | stack_parameters.OF_THE_SERVICE
            | (stack_parameters.OF_NEW_MASTERS if MASTER in self.capabilities.upgrades else set())
            | self.parameter_names[self.version].of_workers()
            | self.group_parameters(plan.workers).keys()
            | self.parameter_settings.keys()
        )
        parameters = self._parameters(self._with_default_labels(plan))
        parameters['master_settings'] = settings.shell({
            name: value for name, value in settings.parse(parameters['master_settings']).items()
            if name not in self.changed_in_place
        })
        return {name: value for name, value in parameters.items() if name not in others}

    def _settings(self, plan: BayPlan, role: str) -> dict[str, str | None]:
        return {
            **{name: take(plan) for name, take in settings.COMMON.items()},
            'MAGNUM_NODE_ROLE': role,
            **settings.certificate_settings(self.requested_certificates(plan, role)),
            **self.node_settings(plan, role),
        }

    def _master_settings(
        self, plan: BayPlan, settled: Mapping[str, Any]
    ) -> dict[str, str | None]:
        """Settings of new masters in a bay that has others: what those were told stays."""
        told = {**self.formerly, **settings.parse(settled['master_settings'])}
        own = self.node_settings(plan, MASTER)
        return self._settings(plan, MASTER) | {
            name: told[name] for name in own.keys() & told.keys()
        }

    def _worker_settings(
        self, plan: BayPlan, bay: BayPlan, settled: Mapping[str, Any]
    ) -> dict[str, str | None]:
        """Settings of new workers in a bay whose masters live.

        :param plan: with the group in question as its workers.
        """
        told = {**self.formerly, **settings.parse(settled['master_settings'])}
        masters = self.node_settings(bay, MASTER)
        return self._settings(plan, WORKER) | {
            name: told[name]
            for name, value in self.node_settings(plan, WORKER).items()
            if name in told and masters.get(name) == value
        }

    def _open_to(self, plan: BayPlan, bay_outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Who reaches the bay: by its labels, else as it was before."""
        before = bay_outputs.get('open_to') or {}
        return {
            label: before.get(label, stack_parameters.EVERYBODY)
            for label in stack_parameters.OPENING & plan.labels.keys()
            if not plan.labels[label]
        }

    def _with_default_labels(self, plan: BayPlan) -> BayPlan:
        resolved = labels.resolve(self.labels_schema(), plan.labels)
        return dataclasses.replace(plan, labels=resolved)


def _settled(bay_outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the bay's stack says that its masters were made of.

    :raises PlanRefused: it does not say so.
    """
    settled = bay_outputs.get('settled')
    if not settled or not bay_outputs.get('nodegroup'):
        raise PlanRefused('nodegroup', "The bay's stack does not say what further stacks need.")
    found: Mapping[str, Any] = settled
    return found


def _existing(output: Any) -> tuple[str, ...]:
    """Of a list output: Heat has null or '' for what does not exist (yet)."""
    return tuple(text for text in output or () if text)


def _number(parameter: Any) -> int:
    return int(float(parameter or 0))


def _count(parameter: Any) -> int | None:
    return None if parameter is None else int(parameter)
