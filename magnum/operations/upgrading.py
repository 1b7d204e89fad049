"""Values of a bay and its node groups after an upgrade to another baymodel.

A bay copies its baymodel's values when it is made. A value that still is the
baymodel's follows it to the new one; one of the bay's own stays.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from oslo_config import cfg

from magnum.db.inheritance import copies, of_bay
from magnum.db.models import Bay, Baymodel, Nodegroup
from magnum.domain.baymodels import WITHOUT_EFFECT_ON_BAYS
from magnum.domain.nodegroups import MASTER, kind_of
from magnum.domain.upgrades import (
    KEPT,
    KEPT_LABELS,
    KEPT_OF_BAYMODEL,
    follow,
    follow_labels,
)
from magnum.drivers.contract import BayPlan, Driver
from magnum.drivers.plans import bay_plan

Row = TypeVar('Row', Bay, Nodegroup)
Values = Mapping[str, Any]

_NOT_COMPARED: Final = WITHOUT_EFFECT_ON_BAYS | {'id', 'created_at', 'updated_at', 'generation'}


#: Fewer masters than these do not serve while one of them is replaced.
FEWEST_MASTERS: Final = 3


def replaced_roles(
    driver: Driver, bay: Bay, nodegroups: Iterable[Nodegroup], named: str | None = None
) -> tuple[str, ...]:
    """Roles whose nodes an upgrade of a bay can replace: MASTER, WORKER.

    :param named: role of the node group that the upgrade is about alone.
    """
    masters = sum(group.node_count for group in nodegroups if group.role == MASTER)
    # Those of early releases report nothing, and do not let each other go.
    can = masters >= FEWEST_MASTERS and driver.nodes_report(bay.template_version or '')
    return tuple(
        role for role in driver.capabilities.upgrades
        if (role != MASTER or can) and named in (None, role)
    )


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


def kept_values(
    bay: Bay,
    nodegroups: Iterable[Nodegroup],
    current: Baymodel,
    target: Baymodel,
    roles: Collection[str],
) -> dict[str, Any]:
    """What would follow the baymodel, but stays as the bay has it: by attribute.

    :param roles: whose nodes are replaced.
    :returns: the bay's values, None for one that the bay leaves to a default. Those of
        masters that stay are ``<node group>/<attribute>``.
    """
    values = {
        **{name: [getattr(row, name) for row in (bay, current, target)] for name in KEPT},
        **{
            f'labels/{name}': [row.labels.get(name) for row in (bay, current, target)]
            for name in KEPT_LABELS
        },
    }
    kept = {name: own for name, (own, base, aim) in values.items() if follow(own, base, aim) != own}
    of_masters = {
        f'{group.name}/{column}': getattr(group, column)
        for group in nodegroups if group.role == MASTER and MASTER not in roles
        for column in changed_columns(group, current, target)
    }
    return {**kept, **of_masters, **_kept_of_baymodel(bay, current, target)}


def in_order(groups: Iterable[Nodegroup]) -> list[Nodegroup]:
    """Node groups as an upgrade goes over them: masters, default workers, further ones."""
    return sorted(
        groups, key=lambda group: (group.role != MASTER, not group.is_default, group.id)
    )


def is_replaced(
    group: Nodegroup,
    roles: Collection[str],
    named: str | None,
    current: Baymodel,
    target: Baymodel,
    before: Values | None = None,
) -> bool:
    """Whether an upgrade replaces a group's nodes.

    Those of masters only where the group is named or they become others.

    :param roles: whose nodes are replaced.
    :param named: uuid of the node group that the upgrade is about alone.
    :param before: the group's columns as the current baymodel knows them; None: as they are.
    """
    if kind_of(group.role) not in roles or named not in (None, group.uuid):
        return False
    return group.role != MASTER or bool(named or changed_columns(group, current, target, before))


def at_once(group: Nodegroup, asked: int) -> int:
    """How many of a group's nodes are replaced at once, of as many as were asked for."""
    return 1 if group.role == MASTER else min(asked, group.node_count)


def changed_columns(
    group: Nodegroup, current: Baymodel, target: Baymodel, before: Values | None = None
) -> list[str]:
    """The columns by which nodes of a group are to differ from those that there are."""
    own = columns_of(group)
    values = nodegroup_values(before or own, group.role, current, target)
    return [name for name in copies(Nodegroup, kind_of(group.role)) if values[name] != own[name]]


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
    if role == MASTER:
        # No request gives masters an image of their own: an upgrade has left them out.
        values['image_id'] = target.image_id
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

    :param roles: whose nodes are replaced (``replaced_roles``).
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
