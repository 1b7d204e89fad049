"""Labels and taints that Kubernetes nodes register themselves with."""

import re
from collections.abc import Mapping, Sequence

from magnum.domain.nodegroups import EFFECTS, may_label
from magnum.drivers.contract import BayPlan, Capabilities, NodeGroupPlan, PlanRefused

_NAME = re.compile(r'[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?')
_PREFIX = re.compile(r'[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?')

OURS = 'magnum.openstack.org'


def label_words(labels: Mapping[str, str]) -> str:
    """As kubelet's ``--node-labels`` takes them."""
    return ','.join(f'{key}={value}' for key, value in sorted(labels.items()))


def taint_words(taints: Sequence[Mapping[str, str]]) -> str:
    """As kubelet's ``--register-with-taints`` takes them."""
    return ','.join(
        f'{taint["key"]}={taint.get("value") or ""}:{taint["effect"]}' for taint in taints
    )


def registrable(plan: BayPlan, _capabilities: Capabilities) -> None:
    """What the workers' kubelets register their nodes with."""
    check(plan.workers)


def check(group: NodeGroupPlan) -> None:
    """Refuse names, labels and taints that Kubernetes would.

    :raises PlanRefused: naming the group's field at fault.
    """
    for field, text in (('name', group.name), ('role', group.role)):
        if not _NAME.fullmatch(text):
            raise PlanRefused(
                field, f'{text!r} is no value of a Kubernetes label, which every node gets.'
            )
    for key, value in group.node_labels.items():
        _check_key('node_labels', key)
        _check_value('node_labels', value)
        namespace = key.rpartition('/')[0]
        if namespace == OURS or namespace.endswith(f'.{OURS}') or not may_label(key):
            raise PlanRefused('node_labels', f'Nodes may not give themselves the label {key!r}.')
    for taint in group.node_taints:
        _check_key('node_taints', taint.get('key', ''))
        _check_value('node_taints', taint.get('value') or '')
        if taint.get('effect') not in EFFECTS:
            known = ', '.join(EFFECTS)
            raise PlanRefused(
                'node_taints', f'{taint.get("effect")!r} is no effect of a taint: {known}.'
            )


def _check_key(field: str, key: str) -> None:
    prefix, slash, name = key.rpartition('/')
    if not _NAME.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        raise PlanRefused(field, f'{key!r} is no key that Kubernetes takes.')


def _check_value(field: str, value: str) -> None:
    if value and not _NAME.fullmatch(value):
        raise PlanRefused(field, f'{value!r} is no value that Kubernetes takes.')
