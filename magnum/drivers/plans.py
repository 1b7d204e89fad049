"""A bay as its driver sees it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from oslo_config import cfg

from magnum.db import models
from magnum.db.inheritance import of_bay
from magnum.domain.labels import given
from magnum.domain.networks import is_cidr
from magnum.domain.stack_names import nodegroup_stack_name, stack_name
from magnum.drivers import presets
from magnum.drivers.contract import MASTER, WORKER, BayPlan, NodeGroupPlan

#: Tokens of a plan that is only looked at.
NO_TOKENS: Final[Mapping[str, str]] = {MASTER: '', WORKER: ''}


def _shared(plan: type[Any], row: type[models.Base]) -> frozenset[str]:
    """Find the fields of a plan that are columns of a row."""
    fields = {field.name for field in dataclasses.fields(plan)}
    return frozenset(fields & set(row.__table__.columns.keys()))


_OF_BAY: Final = _shared(BayPlan, models.Bay)
_OF_BAYMODEL: Final = _shared(BayPlan, models.Baymodel) - _OF_BAY
_OF_NODEGROUP: Final = _shared(NodeGroupPlan, models.Nodegroup)


def bay_plan(
    bay: models.Bay,
    baymodel: models.Baymodel,
    nodegroups: Sequence[models.Nodegroup],
    conf: cfg.ConfigOpts,
    bootstrap_url: str = '',
    tokens: Mapping[str, str] = NO_TOKENS,
) -> BayPlan:
    """The plan of a bay.

    A field with the name of a column is that column's value: the bay's, or else
    the baymodel's. Those that are not, or are more than a copy, are named here.

    :param nodegroups: with the two default ones among them.
    """
    fixed_network, cidr = _existing_or_cidr(bay.fixed_network)
    groups = {group.role: group for group in nodegroups if group.is_default}
    return BayPlan(**{
        **_values(baymodel, _OF_BAYMODEL),
        **_values(bay, _OF_BAY),
        'stack_name': stack_name(bay.name, bay.uuid),
        'project_id': bay.project_id or '',
        'distro': baymodel.cluster_distro or '',
        'masters': nodegroup_plan(bay, groups[MASTER]),
        'workers': nodegroup_plan(bay, groups[WORKER]),
        'external_network': of_bay(bay, baymodel, 'external_network_id'),
        'fixed_network': fixed_network,
        'fixed_network_cidr': cidr,
        'dns_nameservers': _listed(of_bay(bay, baymodel, 'dns_nameserver')),
        'network_driver': baymodel.network_driver or '',
        'labels': {**presets.of_bay(conf, bay.presets), **given(bay.labels)},
        'bootstrap_url': bootstrap_url,
        'bootstrap_tokens': dict(tokens),
        'openstack_ca': _ca_text(conf.drivers.openstack_ca_file),
        'verify_ca': conf.drivers.verify_ca,
        'insecure_downloads': conf.drivers.insecure_downloads,
        'trust_interval': conf.bootstrap.trust_interval,
    })


def nodegroup_plan(bay: models.Bay, group: models.Nodegroup) -> NodeGroupPlan:
    """The plan of any node group of a bay; a row that is not stored yet will do."""
    own_stack = not group.is_default
    return NodeGroupPlan(**{
        **_values(group, _OF_NODEGROUP),
        'flavor': group.flavor_id or '',
        'image': group.image_id or '',
        'labels': dict(group.labels),
        'revision': group.revision or 0,
        'node_labels': dict(group.node_labels or {}),
        'node_taints': tuple(group.node_taints or ()),
        'stack_name': nodegroup_stack_name(bay.name, group.name, group.uuid) if own_stack else '',
    })


def _values(row: models.Base, columns: Iterable[str]) -> dict[str, Any]:
    return {column: getattr(row, column) for column in columns}


def _existing_or_cidr(fixed_network: str | None) -> tuple[str | None, str | None]:
    """A network's name or id, or (2016's meaning) the CIDR of a new subnet."""
    if fixed_network is None:
        return None, None
    return (None, fixed_network) if is_cidr(fixed_network) else (fixed_network, None)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or '').split(',') if part.strip())


def _ca_text(path: str | None) -> str:
    if not path:
        return ''
    with open(path, encoding='utf-8') as file:
        return file.read()
