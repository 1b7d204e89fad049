"""Values of a bay and its node groups after an upgrade to another baymodel.

A bay copies its baymodel's values when it is made. A value that still is the
baymodel's follows it to the new one; one of the bay's own stays.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from oslo_config import cfg

from magnum.db.inheritance import copies, of_bay
from magnum.db.models import Bay, Baymodel, Nodegroup
from magnum.domain.baymodels import WITHOUT_EFFECT_ON_BAYS
from magnum.domain.nodegroups import kind_of
from magnum.domain.upgrades import (
    KEPT,
    KEPT_LABELS,
    KEPT_OF_BAYMODEL,
    follow,
    follow_labels,
)
from magnum.drivers.contract import BayPlan
from magnum.drivers.plans import bay_plan

Row = TypeVar('Row', Bay, Nodegroup)
Values = Mapping[str, Any]

_NOT_COMPARED: Final = WITHOUT_EFFECT_ON_BAYS | {'id', 'created_at', 'updated_at', 'generation'}


def fingerprint(baymodel: Baymodel) -> str:
    """A hash of all of a baymodel that makes a difference to bays."""
    values = {
        column.key: getattr(baymodel, column.key)
        for column in Baymodel.__table__.columns if column.key not in _NOT_COMPARED
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def bay_values(
    bay: Bay, current: Baymodel, target: Baymodel, roles: Iterable[str]
) -> dict[str, Any]:
    """The columns of the bay that follow the baymodel.

    :param roles: whose nodes are replaced: MASTER, WORKER.
    """
    values = {
        column: follow(getattr(bay, column), getattr(current, source), getattr(target, source))
        for role in roles
        for column, source in copies(type(bay), role).items() if column not in KEPT
    }
    return {
        **values,
        'labels': follow_labels(bay.labels, current.labels, target.labels),
        'kept': _kept_of_baymodel(bay, current, target) or None,
    }


def kept_values(bay: Bay, current: Baymodel, target: Baymodel) -> dict[str, Any]:
    """What would follow the baymodel, but stays as the bay has it: by attribute.

    :returns: the bay's values, None for one that the bay leaves to a default.
    """
    values = {
        **{name: [getattr(row, name) for row in (bay, current, target)] for name in KEPT},
        **{
            f'labels/{name}': [row.labels.get(name) for row in (bay, current, target)]
            for name in KEPT_LABELS
        },
    }
    kept = {name: own for name, (own, base, aim) in values.items() if follow(own, base, aim) != own}
    return {**kept, **_kept_of_baymodel(bay, current, target)}


def _kept_of_baymodel(bay: Bay, current: Baymodel, target: Baymodel) -> dict[str, Any]:
    values = {name: of_bay(bay, current, name) for name in KEPT_OF_BAYMODEL}
    return {name: value for name, value in values.items() if value != getattr(target, name)}


def nodegroup_values(group: Values, role: str, current: Baymodel, target: Baymodel) -> Values:
    """The columns of a node group that follow the baymodel.

    :param group: the group's columns.
    """
    values = {
        column: follow(group[column], getattr(current, source), getattr(target, source))
        for column, source in copies(Nodegroup, kind_of(role)).items()
    }
    return {**values, 'labels': follow_labels(group['labels'], current.labels, target.labels)}


def columns_of(group: Nodegroup) -> dict[str, Any]:
    """Those columns of a node group that an upgrade may change, as they are."""
    names = [*copies(Nodegroup, kind_of(group.role)), 'labels']
    return {name: getattr(group, name) for name in names}


def copied(row: Row, **changes: Any) -> Row:
    """A row that no session knows, with other values."""
    kept = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return type(row)(**{**kept, **changes})


def target_rows(
    bay: Bay,
    nodegroups: Sequence[Nodegroup],
    current: Baymodel,
    target: Baymodel,
    roles: Iterable[str],
) -> tuple[Bay, list[Nodegroup]]:
    """Copies of a bay and its node groups as an upgrade is to make them.

    :param roles: whose nodes are replaced (``capabilities.upgrades``).
    """
    roles = tuple(roles)
    groups = [
        copied(group, **nodegroup_values(columns_of(group), group.role, current, target))
        if kind_of(group.role) in roles else group
        for group in nodegroups
    ]
    return copied(bay, **bay_values(bay, current, target, roles)), groups


def target_plan(
    bay: Bay,
    nodegroups: Sequence[Nodegroup],
    current: Baymodel,
    target: Baymodel,
    roles: Iterable[str],
    conf: cfg.ConfigOpts,
) -> BayPlan:
    """The bay as it is to be: what a driver's ``check_upgrade`` looks at."""
    row, groups = target_rows(bay, nodegroups, current, target, roles)
    return bay_plan(row, target, groups, conf)
