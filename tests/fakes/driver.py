"""A driver that builds next to nothing."""

from collections.abc import Mapping
from typing import Any

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers.contract import BayPlan, Capabilities, Driver, Observed, StackRequest


class FakeDriver(Driver):
    name = 'kubernetes'
    capabilities = Capabilities(
        'kubernetes', ('vm',), ('debian',), ('flannel',), ('cinder',), ('1',)
    )

    def labels_schema(self) -> Mapping[str, Any]:
        return {'type': 'object'}

    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        return {'node': NodeCertificate('system:node:{node}', client=True)}

    def validate(self, plan: BayPlan) -> None:
        return None

    def render(self, plan: BayPlan) -> StackRequest:
        return StackRequest(
            'heat_template_version: 2021-04-16', {},
            {'number_of_minions': plan.workers.node_count, 'tokens': plan.bootstrap_tokens}, '1',
        )

    def resize_parameters(
        self, plan: BayPlan, template_version: str, nodes_to_remove: tuple[str, ...] = ()
    ) -> Mapping[str, Any]:
        return {'number_of_minions': plan.workers.node_count}

    def read_outputs(
        self, outputs: Mapping[str, Any], parameters: Mapping[str, Any], plan: BayPlan
    ) -> Observed:
        count = int(parameters['number_of_minions'])
        return Observed(
            'https://10.0.0.1:6443', ('10.0.0.1',),
            tuple(f'10.0.1.{i}' for i in range(count)), 1, count,
        )


class FakeRegistry:
    def by_name(self, name: str) -> Driver:
        return FakeDriver()
