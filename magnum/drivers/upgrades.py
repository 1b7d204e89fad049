"""Finding out what an upgrade would do to masters.

A master may be another server of another image and flavor, but it is the same member of
the same cluster: what that is made of must stay. What it is, the stack's parameters say:
a plan's values are tried one by one, and the first that shows there is named.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from magnum.drivers.contract import BayPlan, NodeGroupPlan

# Attributes of plans by the names that users know them by.
_BAY_FIELDS = {
    'dns_nameservers': 'dns_nameserver',
    'external_network': 'external_network_id',
    'fixed_network_cidr': 'fixed_network',
    'ssh_public_key': 'keypair',
}
_MASTER_FIELDS = {
    'flavor': 'master_flavor_id',
    'image': 'image_id',
    'node_count': 'master_count',
}
#: Named when no value alone would change masters.
ALTOGETHER = 'cluster_template'

View = Callable[[BayPlan], Mapping[str, Any]]


def what_masters_would_see(view: View, current: BayPlan, target: BayPlan) -> str | None:
    """The first attribute of the target that would change masters; None if none.

    :param view: what masters are made of, by a plan.
    """
    before = view(current)
    if view(target) == before:
        return None
    for field, changed in _single_changes(current, target):
        if view(changed) != before:
            return field
    return ALTOGETHER


def _single_changes(current: BayPlan, target: BayPlan) -> Iterator[tuple[str, BayPlan]]:
    for name in _differing(current.masters, target.masters):
        value = getattr(target.masters, name)
        masters = dataclasses.replace(current.masters, **{name: value})
        yield _MASTER_FIELDS.get(name, name), dataclasses.replace(current, masters=masters)
    for name in _differing(current, target):
        if name not in ('masters', 'labels'):
            changed = dataclasses.replace(current, **{name: getattr(target, name)})
            yield _BAY_FIELDS.get(name, name), changed
    for name in sorted(current.labels.keys() | target.labels.keys()):
        labels = {key: value for key, value in current.labels.items() if key != name}
        if name in target.labels:
            labels[name] = target.labels[name]
        yield f'labels/{name}', dataclasses.replace(current, labels=labels)


def _differing(one: BayPlan | NodeGroupPlan, other: BayPlan | NodeGroupPlan) -> Iterator[str]:
    for field in dataclasses.fields(one):
        if getattr(one, field.name) != getattr(other, field.name):
            yield field.name
