"""A directive that makes tables of ports out of the templates' security groups.

``.. magnum-ports:: <coe>`` has as its content why each is open, as
``<protocol> <ports>: <words>``.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple

from magnum_tables import Table, literal, table
from sphinx.application import Sphinx

from magnum.drivers import composition

#: By condition of a rule, when it is there.
CONDITIONS: Final = {
    'without_tls': 'with ``tls_disabled``',
    'with_cilium': 'with ``network_driver`` ``cilium``',
    'with_routes': 'with ``network_driver`` ``calico`` or ``flannel_backend`` ``host-gw``',
}
_SUBNET: Final = 'resource.0.subnet_cidr'


class Rule(NamedTuple):
    """One rule: whose nodes, which ports, from where."""

    nodes: str
    ports: str
    source: str


def rules(coe: str) -> list[Rule]:
    """What the security groups of a COE let in, each once."""
    resources = composition.compose(f'{coe}/templates/bay.yaml')['resources']
    nodes = _nodes_by_group(resources)
    found = []
    for name, resource in resources.items():
        properties = resource.get('properties', {})
        if resource['type'] == 'OS::Neutron::SecurityGroup':
            for rule in _expanded(properties.get('rules', [])):
                found.append(Rule(nodes[name], _ports(rule), _source(rule, nodes[name], nodes)))
        elif resource['type'] == 'OS::Neutron::SecurityGroupRule':
            group = properties['security_group']['get_resource']
            source = _source(properties, nodes[group], nodes)
            condition = resource.get('condition')
            if condition:
                source = f'{source}, {CONDITIONS[condition]}'
            found.append(Rule(nodes[group], _ports(properties), source))
    return list(dict.fromkeys(found))


def _nodes_by_group(resources: Mapping[str, Any]) -> dict[str, str]:
    """The nodes that are in each security group, in words."""
    members: dict[str, list[str]] = {}
    for resource in resources.values():
        definition = resource.get('properties', {}).get('resource_def', {})
        role = 'workers'
        if definition.get('type') == 'common/templates/master_address.yaml':
            role = 'masters'
        for group in definition.get('properties', {}).get('security_groups', []):
            members.setdefault(group['get_resource'], []).append(role)
    return {
        group: 'all nodes' if len(roles) > 1 else roles[0] for group, roles in members.items()
    }


def _expanded(rules: Any) -> Iterator[Mapping[str, Any]]:
    """The rules, with Heat's functions that make lists of them carried out."""
    if isinstance(rules, list):
        yield from rules
        return
    ((function, argument),) = rules.items()
    if function == 'list_concat':
        for part in argument:
            yield from _expanded(part)
        return
    names = list(argument['for_each'])
    # A parameter stays as it is: one rule stands for all of its items.
    values = [
        listed if isinstance(listed, list) else [listed] for listed in argument['for_each'].values()
    ]
    for chosen in itertools.product(*values):
        taken = dict(zip(names, chosen, strict=True))
        yield {key: taken.get(value, value) for key, value in argument['template'].items()}


def _ports(rule: Mapping[str, Any]) -> str:
    protocol = rule.get('protocol')
    if protocol is None:
        return 'everything'
    if 'port_range_min' not in rule:
        return str(protocol).upper()
    first, last = rule['port_range_min'], rule['port_range_max']
    return f'{protocol.upper()} {first}' + (f' to {last}' if last != first else '')


def _source(rule: Mapping[str, Any], own: str, nodes: Mapping[str, str]) -> str:
    if rule.get('remote_mode') == 'remote_group_id':
        group = rule.get('remote_group_id')
        return _of_group(group['get_resource'], nodes) if group else f'{own} of the bay'
    if 'remote_group' in rule:
        return _of_group(rule['remote_group']['get_resource'], nodes)
    prefix = rule.get('remote_ip_prefix')
    if prefix is None:
        return 'everywhere'
    if 'get_param' in prefix:
        return literal(prefix['get_param'])
    if _SUBNET not in prefix['get_attr']:
        raise ValueError(f'no words for {prefix}')
    return "the bay's subnet"


def _of_group(group: str, nodes: Mapping[str, str]) -> str:
    return f'{nodes[group]} of the bay'


class Ports(Table):
    """``magnum-ports``: what the security groups of a COE let in."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def text(self) -> str:
        """See the base class."""
        sources: dict[tuple[str, str], list[str]] = {}
        for rule in rules(self.arguments[0]):
            sources.setdefault((rule.nodes, rule.ports), []).append(rule.source)
        words = self.words(ports for _nodes, ports in sources)
        rows = (
            (nodes, ports, '; '.join(found), words[ports])
            for (nodes, ports), found in sources.items()
        )
        return table(('Of', 'Port', 'From', 'What for'), rows, (12, 20, 30, 38))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive('magnum-ports', Ports)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
