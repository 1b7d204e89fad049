"""Values of a bay and its node groups after an upgrade to another baymodel.

A bay copies its baymodel's values when it is made. A value that still is the
baymodel's follows it to the new one; one of the bay's own stays. A node group
that an upgrade leaves out keeps what the baymodel had that it followed last.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from oslo_config import cfg

from magnum.db.inheritance import copies, of_bay
from magnum.db.models import Bay, Baymodel, Nodegroup
from magnum.domain.baymodels import WITHOUT_EFFECT_ON_BAYS
from magnum.domain.nodegroups import MASTER, WORKER, kind_of
from magnum.domain.upgrades import (
    KEPT,
    KEPT_LABELS,
    KEPT_OF_BAYMODEL,
    NAMES,
    Follower,
    Ids,
)
from magnum.drivers.contract import BayPlan, Driver, NodeGroupPlan, PlanRefused
from magnum.drivers.plans import bay_plan, nodegroup_plan

Row = TypeVar('Row', Bay, Nodegroup)
Values = Mapping[str, Any]

_NOT_COMPARED: Final = WITHOUT_EFFECT_ON_BAYS | {'id', 'created_at', 'updated_at', 'generation'}


#: Fewer masters than these do not serve while one of them is replaced, and have nobody who
#: knows what it knew.
FEWEST_MASTERS: Final = 3


def are_replaceable(count: int, is_lasting: bool | None) -> bool:
    """Whether others can take the places of so many masters.

    :param is_lasting: what their cluster knows outlives them.
    """
    return count >= FEWEST_MASTERS or (count == 1 and bool(is_lasting))


def replaced_roles(
    driver: Driver, bay: Bay, nodegroups: Iterable[Nodegroup], named: str | None = None
) -> tuple[str, ...]:
    """Roles whose nodes an upgrade of a bay can replace: MASTER, WORKER.

    :param named: role of the node group that the upgrade is about alone.
    """
    masters = sum(group.node_count for group in nodegroups if group.role == MASTER)
    # Those of early releases report nothing, and do not let each other go.
    can = are_replaceable(masters, bay.is_lasting) and driver.nodes_report(
        bay.template_version or ''
    )
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


def followed_of(baymodel: Baymodel) -> dict[str, Any]:
    """What node groups have of a baymodel, by its attribute."""
    sources = {
        source for role in (MASTER, WORKER) for source in copies(Nodegroup, role).values()
    }
    return {name: getattr(baymodel, name) for name in (*sorted(sources), 'labels')}


@dataclasses.dataclass(frozen=True)
class Change:
    """From the baymodel that a bay has to the one that it is to have.

    :ivar release: of the COE, that the bay has, as far as is known.
    :ivar ids: of what their attributes name.
    """

    current: Baymodel
    target: Baymodel
    driver: Driver
    release: str | None = None
    ids: Ids = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def follower(self) -> Follower:
        """Of what follows."""
        is_other = self.target.uuid != self.current.uuid
        label = self.driver.capabilities.release_label if is_other else None
        return Follower(self.ids, label, self.release)

    def base(self, group: Nodegroup) -> Values:
        """What the baymodel had that a group followed last."""
        return group.followed or followed_of(self.current)

    def followed_after(self, group: Nodegroup, is_done: bool) -> dict[str, Any] | None:
        """What a group has of the new baymodel, or had of one before it, beside the bay's.

        :param is_done: the group has followed.
        """
        target = followed_of(self.target)
        base = target if is_done else self.base(group)
        return None if base == target else dict(base)


def names_of(bay: Bay, nodegroups: Iterable[Nodegroup], change: Change) -> dict[str, set[str]]:
    """What several things may be called that an upgrade compares, by attribute.

    Where all have one name for it there is nothing to find out.
    """
    found = {
        name: {getattr(change.current, name), getattr(change.target, name)} for name in NAMES
    }
    for name in KEPT:
        found[name].add(getattr(bay, name))
    for name in KEPT_OF_BAYMODEL:
        if name in found:
            found[name].add(of_bay(bay, change.current, name))
    for group in nodegroups:
        for column, source in copies(Nodegroup, kind_of(group.role)).items():
            if source in found:
                found[source] |= {getattr(group, column), change.base(group)[source]}
    given = {name: values - {None} for name, values in found.items()}
    return {name: values for name, values in given.items() if len(values) > 1}


class Move(NamedTuple):
    """A default node group whose nodes are replaced: its role, its columns before and after."""

    role: str
    before: Values
    after: Values


def bay_values(bay: Bay, change: Change, moves: Iterable[Move]) -> dict[str, Any]:
    """The columns of the bay that follow the baymodel.

    What the bay has of the nodes of a default node group goes as that goes.
    """
    values = {}
    for move in moves:
        of_group = {source: column for column, source in copies(Nodegroup, move.role).items()}
        for column, source in copies(type(bay), move.role).items():
            own, name = getattr(bay, column), of_group.get(source)
            if column in KEPT:
                continue
            base, target = (
                (move.before[name], move.after[name]) if name is not None
                else (getattr(change.current, source), getattr(change.target, source))
            )
            values[column] = change.follower.follow(source, own, base, target)
    return {
        **values,
        'labels': _labels_of_bay(bay, change),
        'kept': _kept_of_baymodel(bay, change) or None,
    }


def _labels_of_bay(bay: Bay, change: Change) -> dict[str, str]:
    return change.follower.follow_labels(bay.labels, change.current.labels, change.target.labels)


def kept_values(
    bay: Bay, nodegroups: Sequence[Nodegroup], change: Change, roles: Collection[str]
) -> dict[str, Any]:
    """What the baymodel has otherwise, but stays as the bay has it: by attribute.

    :param roles: whose nodes are replaced.
    :returns: the bay's values, None for one that the bay leaves to a default. Those of
        node groups are ``<node group>/<attribute>``.
    """
    kept = {
        name: getattr(bay, name) for name in KEPT
        if change.follower.follow(
            name, *(getattr(row, name) for row in (bay, change.current, change.target))
        ) != getattr(bay, name)
    }
    after = _labels_of_bay(bay, change)
    of_labels = {
        f'labels/{name}': bay.labels.get(name)
        for name in sorted({*change.target.labels, *KEPT_LABELS})
        if change.target.labels.get(name) != change.current.labels.get(name)
        and after.get(name) != change.target.labels.get(name)
    }
    of_groups = {
        f'{group.name}/{column}': getattr(group, column)
        for group in nodegroups for column in _kept_columns(group, change, roles)
    }
    of_baymodel = {
        name: value for name, value in _kept_of_baymodel(bay, change).items()
        if not change.follower.is_same(name, value, getattr(change.target, name))
    }
    return {**kept, **of_labels, **of_groups, **of_baymodel}


def _kept_columns(group: Nodegroup, change: Change, roles: Collection[str]) -> Iterable[str]:
    """Columns of a group that the new baymodel has otherwise, and that do not follow it."""
    if kind_of(group.role) not in roles:
        return changed_columns(group, change) if group.role == MASTER else ()
    values, base = nodegroup_values(columns_of(group), group, change), change.base(group)
    return (
        column for column, source in copies(Nodegroup, kind_of(group.role)).items()
        if not change.follower.is_same(source, getattr(change.target, source), base[source])
        and not change.follower.is_same(source, getattr(change.target, source), values[column])
    )


def in_order(groups: Iterable[Nodegroup]) -> list[Nodegroup]:
    """Node groups as an upgrade goes over them: masters, default workers, further ones."""
    return sorted(
        groups, key=lambda group: (group.role != MASTER, not group.is_default, group.id)
    )


def is_replaced(
    group: Nodegroup,
    roles: Collection[str],
    named: str | None,
    change: Change,
    before: Values | None = None,
) -> bool:
    """Whether an upgrade replaces a group's nodes.

    Those of masters only where the group is named or they become others.

    :param roles: whose nodes are replaced.
    :param named: uuid of the node group that the upgrade is about alone.
    :param before: the group's columns as its baymodel knows them; None: as they are.
    """
    if kind_of(group.role) not in roles or named not in (None, group.uuid):
        return False
    return group.role != MASTER or bool(named or changed_columns(group, change, before))


def at_once(group: Nodegroup, asked: int) -> int:
    """How many of a group's nodes are replaced at once, of as many as were asked for."""
    return 1 if group.role == MASTER else min(asked, group.node_count)


def changed_columns(
    group: Nodegroup, change: Change, before: Values | None = None
) -> list[str]:
    """The columns by which nodes of a group are to differ from those that there are."""
    own = columns_of(group)
    values = nodegroup_values(before or own, group, change)
    return [
        name for name, source in copies(Nodegroup, kind_of(group.role)).items()
        if not change.follower.is_same(source, values[name], own[name])
    ]


def _kept_of_baymodel(bay: Bay, change: Change) -> dict[str, Any]:
    """What the bay has as it is written there: another name would be a change in Heat."""
    values = {name: of_bay(bay, change.current, name) for name in KEPT_OF_BAYMODEL}
    return {
        name: value for name, value in values.items() if value != getattr(change.target, name)
    }


def nodegroup_values(own: Values, group: Nodegroup, change: Change) -> Values:
    """The columns of a node group that follow the baymodel.

    :param own: the group's columns.
    """
    base, follower = change.base(group), change.follower
    values = {
        column: follower.follow(source, own[column], base[source], getattr(change.target, source))
        for column, source in copies(Nodegroup, kind_of(group.role)).items()
    }
    if group.role == MASTER:
        # No request gives masters an image of their own: an upgrade has left them out.
        values['image_id'] = follower.follow(
            'image_id', own['image_id'], own['image_id'], change.target.image_id
        )
    labels = follower.follow_labels(own['labels'], base['labels'], change.target.labels)
    return {**values, 'labels': labels}


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
    change: Change,
    roles: Iterable[str],
) -> tuple[Bay, list[Nodegroup]]:
    """Copies of a bay and its node groups as an upgrade is to make them.

    :param roles: whose nodes are replaced (``replaced_roles``).
    """
    roles = tuple(roles)
    groups = [
        copied(group, **nodegroup_values(columns_of(group), group, change))
        if kind_of(group.role) in roles else group
        for group in nodegroups
    ]
    moves = [
        Move(kind_of(after.role), columns_of(before), columns_of(after))
        for before, after in zip(nodegroups, groups, strict=True)
        if after.is_default and kind_of(after.role) in roles
    ]
    return copied(bay, **bay_values(bay, change, moves)), groups


def check(
    bay: Bay,
    nodegroups: Sequence[Nodegroup],
    change: Change,
    roles: Collection[str],
    named: str | None,
    versions: Mapping[str, Mapping[str, str]],
    conf: cfg.ConfigOpts,
) -> None:
    """Check that the driver can make of the bay what it is to be.

    A further node group may have what its driver refuses by now: only what the change
    itself brings is refused.

    :param named: uuid of the node group that the upgrade is about alone.
    :param versions: of programs, by worker that reports.
    :raises PlanRefused: it cannot.
    """
    row, groups = target_rows(bay, nodegroups, change, roles)
    current = bay_plan(bay, change.current, nodegroups, conf)
    target = bay_plan(row, change.target, groups, conf)
    change.driver.check_upgrade(current, target)
    change.driver.check_versions(current, target, versions)
    for before, after in zip(nodegroups, groups, strict=True):
        if after.is_default or kind_of(after.role) not in roles or named not in (None, after.uuid):
            continue
        refused = _refusal(change.driver, target, nodegroup_plan(row, after))
        if refused and not _refusal(change.driver, current, nodegroup_plan(bay, before)):
            raise PlanRefused(
                refused.field, f'Of the node group {after.name}: {refused.reason}'
            )


def _refusal(driver: Driver, plan: BayPlan, group: NodeGroupPlan) -> PlanRefused | None:
    try:
        driver.validate_nodegroup(plan, group)
    except PlanRefused as refused:
        return refused
    return None


def target_plan(
    bay: Bay,
    nodegroups: Sequence[Nodegroup],
    change: Change,
    roles: Iterable[str],
    conf: cfg.ConfigOpts,
) -> BayPlan:
    """The bay as it is to be: what a driver's ``check_upgrade`` looks at."""
    row, groups = target_rows(bay, nodegroups, change, roles)
    return bay_plan(row, change.target, groups, conf)
