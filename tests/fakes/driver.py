"""A driver that builds next to nothing."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from magnum.domain.failures import Resource
from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers import footprint
from magnum.drivers.contract import (
    Access,
    BayPlan,
    Capabilities,
    CloudAccess,
    Driver,
    NodeGroupPlan,
    Observed,
    ObservedGroup,
    PlanRefused,
    StackRequest,
)

_TEMPLATE = 'heat_template_version: 2021-04-16'


def _addresses(count: int) -> tuple[str, ...]:
    return tuple(f'10.0.1.{number}' for number in range(count))


def _names(stack_name: str, count: int, outputs: Mapping[str, Any]) -> tuple[str, ...]:
    indexes = outputs.get('indexes') or range(count)
    return tuple(f'{stack_name}-node-{index}' for index in indexes)


class FakeDriver(Driver):
    name = 'kubernetes'
    capabilities = Capabilities(
        'kubernetes', ('vm',), ('debian',), ('flannel',), ('cinder',), ('1',),
        nodegroups=True, upgrades=('worker',), fixed_masters='',
    )
    workers_output = 'refs_map'
    wants_encryption_key = True
    #: What the cluster knows outlives the servers of its masters.
    is_lasting = False

    def labels_schema(self) -> Mapping[str, Any]:
        return {'type': 'object'}

    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        return {'node': NodeCertificate('system:node:{node}', client=True)}

    def takes_over_trust(self, role: str, template_version: str) -> bool:
        return True

    def validate(self, plan: BayPlan) -> None:
        return None

    def wants_cloud_credential(self, plan: BayPlan) -> bool:
        return plan.labels.get('cloud_provider_enabled') == 'true'

    def cloud_purposes(self, plan: BayPlan) -> tuple[str, ...]:
        """The label ``purposes`` says."""
        return tuple(plan.labels.get('purposes', '').split())

    def cloud_access_rules(
        self, plan: BayPlan, of_controllers: Sequence[str], purposes: Collection[str] = ()
    ) -> tuple[str, ...]:
        return tuple(f'{purpose} GET /**' for purpose in purposes) or tuple(of_controllers)

    def cloud_configuration(self, plan: BayPlan, access: CloudAccess) -> str:
        return f'{access.credential_id} {access.secret} {access.subnet}'

    def bay_subnet(self, output: Any) -> str | None:
        return output['subnet'] if output else None

    def node_archives(self) -> Mapping[str, bytes]:
        return {'1' * 64: b'of a bay'}

    def render(self, plan: BayPlan) -> StackRequest:
        return StackRequest(
            _TEMPLATE, {}, _parameters(plan, plan.workers), '1', {'1' * 64: b'of a bay'}
        )

    def resize_parameters(
        self,
        plan: BayPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
        batch: int | None = None,
    ) -> Mapping[str, Any]:
        return {
            'number_of_minions': plan.workers.node_count, 'removed': list(nodes_to_remove),
            'by_version': template_version, 'batch': batch,
        }

    def lost_workers(self, stack_id: str, unfinished: Iterable[Resource]) -> tuple[str, ...]:
        return tuple(resource.name for resource in unfinished)

    def read_outputs(
        self, outputs: Mapping[str, Any], parameters: Mapping[str, Any], plan: BayPlan
    ) -> Observed:
        count, masters = int(parameters['number_of_minions']), plan.masters.node_count
        return Observed(
            'https://10.0.0.1:6443', ('10.0.0.1',), _addresses(count), masters, count,
            master_names=tuple(f'{plan.stack_name}-master-{index}' for index in range(masters)),
            node_names=_names(plan.stack_name, count, outputs), is_lasting=self.is_lasting,
        )

    def render_nodegroup(
        self, plan: BayPlan, group: NodeGroupPlan, bay_outputs: Mapping[str, Any]
    ) -> StackRequest:
        assert bay_outputs['api_address']
        return StackRequest(
            _TEMPLATE, {}, _parameters(plan, group), 'group-1', {'2' * 64: b'of a group'}
        )

    def resize_nodegroup_parameters(
        self,
        plan: BayPlan,
        group: NodeGroupPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
        batch: int | None = None,
    ) -> Mapping[str, Any]:
        own = dataclasses.replace(plan, workers=group)
        return self.resize_parameters(own, template_version, nodes_to_remove, batch)

    def read_nodegroup_outputs(
        self, outputs: Mapping[str, Any], parameters: Mapping[str, Any], plan: BayPlan
    ) -> ObservedGroup:
        count = int(parameters['number_of_minions'])
        return ObservedGroup(_addresses(count), count, _names(parameters['name'], count, outputs))

    def check_upgrade(self, current: BayPlan, target: BayPlan) -> None:
        if current.network_driver != target.network_driver:
            raise PlanRefused('network_driver', 'It cannot be changed.')

    def master_settings(
        self,
        current: BayPlan,
        target: BayPlan,
        bay_outputs: Mapping[str, Any],
        unsure: Collection[str] = (),
    ) -> Mapping[str, str]:
        """The label ``kube_tag`` is their release, ``options`` is what they have beside it."""
        found = {name: '' for name in unsure if name == 'MAGNUM_OPTIONS'}
        if 'options' in target.labels:
            found['MAGNUM_OPTIONS'] = target.labels['options']
        release = target.labels.get('kube_tag')
        if release not in (None, current.labels.get('kube_tag')):
            found['MAGNUM_KUBE_VERSION'] = release
        return found

    def check_master_count(self, plan: BayPlan, count: int) -> None:
        return None

    def member_addresses(self, bay_outputs: Mapping[str, Any]) -> tuple[str, ...]:
        return _addresses(9)

    def member_settings(self, addresses: Sequence[str]) -> Mapping[str, str]:
        return {'MAGNUM_MASTER_ADDRESSES': ' '.join(addresses)}

    def version_of_masters(self, changed: Mapping[str, str]) -> str | None:
        return changed.get('MAGNUM_KUBE_VERSION')

    def with_master_settings(
        self, bay_outputs: Mapping[str, Any], changed: Mapping[str, str]
    ) -> Mapping[str, Any]:
        return {**bay_outputs, 'masters': dict(changed)}

    def render_upgrade(
        self,
        plan: BayPlan,
        group: NodeGroupPlan,
        kept: Collection[str],
        parameters: Mapping[str, Any],
        bay_outputs: Mapping[str, Any],
    ) -> StackRequest:
        assert bay_outputs['api_address']
        version = 'group-2' if group.stack_name else '2'
        before = self.kept_nodes(group.role, parameters)
        if group.role == 'master':
            new = {
                'master_image': group.image, 'master_revision': group.revision,
                'number_of_masters': group.node_count,
                'master_token': plan.bootstrap_tokens.get('master'),
                'kept_masters': {index: before.get(index, 'as made') for index in kept},
            }
            return StackRequest(_TEMPLATE, {}, {**parameters, **new}, version)
        as_made = {index: before.get(index, parameters['image']) for index in kept}
        wanted = {
            **_parameters(plan, group), 'kept': as_made, 'masters': bay_outputs['masters'],
        }
        return StackRequest(_TEMPLATE, {}, wanted, version, {'3' * 64: b'of an upgrade'})

    def kept_nodes(self, role: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        name = 'kept_masters' if role == 'master' else 'kept'
        found: Mapping[str, Any] = parameters.get(name) or {}
        return found

    def keep_workers(self, kept: Mapping[str, Any]) -> Mapping[str, Any]:
        return {'kept': kept}

    def footprint(self, plan: BayPlan) -> Mapping[str, int]:
        return footprint.of_plan(plan)

    def client_files(self, access: Access) -> Mapping[str, str]:
        return {'config': access.api_address}


def _parameters(plan: BayPlan, group: NodeGroupPlan) -> dict[str, Any]:
    return {
        'name': group.stack_name,
        'number_of_minions': group.node_count, 'image': group.image, 'flavor': group.flavor,
        'revision': group.revision, 'labels': dict(plan.labels), 'tokens': plan.bootstrap_tokens,
    }


class FakeRegistry:
    def all(self) -> Mapping[str, Driver]:
        return {'kubernetes': FakeDriver()}

    def by_name(self, name: str) -> Driver:
        return FakeDriver()

    def find(self, name: str | None) -> Driver | None:
        return FakeDriver()
