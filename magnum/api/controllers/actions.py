"""Actions on bays and clusters: resize and upgrade."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import orm

from magnum.api import errors, versions
from magnum.api.dialects import Dialect
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, new_bay, refusals
from magnum.api.requests.accepted import accepted, of_kept
from magnum.api.services import Services
from magnum.api.types import actions as types
from magnum.db import models
from magnum.db.repositories import bays as bay_repository
from magnum.db.repositories import events, identities, node_watch, pending
from magnum.db.repositories import nodegroups as repository
from magnum.db.selections import Row
from magnum.domain import nodegroups
from magnum.domain.nodegroups import MASTER, kind_of
from magnum.domain.stack_names import nodegroup_stack_name, stack_name
from magnum.drivers.contract import PlanRefused
from magnum.drivers.plans import bay_plan
from magnum.operations import retiring
from magnum.operations.accept import resize, resize_masters, upgrade
from magnum.operations.accept.errors import BaymodelChanged, BaymodelGone
from magnum.operations.building import with_nodes
from magnum.operations.upgrading import (
    FEWEST_MASTERS,
    Change,
    at_once,
    check,
    in_order,
    is_replaced,
    kept_values,
    names_of,
    replaced_roles,
    target_rows,
)

#: What a resize has to know of its node group.
GROUP: Final = tuple(
    repository.TABLE.c[name]
    for name in (
        'uuid', 'name', 'role', 'is_default', 'node_count', 'min_node_count', 'max_node_count'
    )
)
_GROUP_STACK: Final = tuple(
    repository.TABLE.c[name] for name in ('uuid', 'name', 'role', 'is_default', 'stack_id')
)
_NAMED: Final = 5  # nodes in an error
_KEPT: Final = 'bay.upgrade.kept'
_UPGRADE_REFUSED: Final[refusals.Table] = {
    PlanRefused: refusals.TABLE[PlanRefused]._replace(
        kind=errors.bays.UPGRADE_REFUSED, field='cluster_template'
    )
}

#: A request that names a baymodel is about a bay.
_OF_BAYMODELS: Final[refusals.Table] = {
    kind: refusals.TABLE[kind]._replace(
        detail=refusals.TABLE[kind].detail.replace('{ident}', '{named}'),
        field='cluster_template',
    )
    for kind in (BaymodelGone, BaymodelChanged)
}


@dataclasses.dataclass(frozen=True)
class _Upgrade:
    """Everything that an upgrade is about.

    :ivar groups: of the bay.
    :ivar created: those of them that have nodes, or will have by its turn.
    :ivar group: the one that is named, if any.
    :ivar versions: of programs, by worker that reports.
    """

    bay: models.Bay
    change: Change
    groups: Sequence[models.Nodegroup]
    created: Sequence[models.Nodegroup]
    group: Row | None
    versions: Mapping[str, Mapping[str, str]]

    @property
    def named(self) -> str | None:
        """The uuid of the group that is named."""
        return None if self.group is None else self.group.uuid

    @property
    def roles(self) -> tuple[str, ...]:
        """Those whose nodes can be replaced."""
        named = None if self.group is None else kind_of(self.group.role)
        return replaced_roles(self.change.driver, self.bay, self.groups, named)


class ActionsController:
    """``/v1/clusters/{cluster}/actions``, and the same below ``/v1/bays``."""

    def __init__(self, services: Services, dialect: Dialect, baymodel_dialect: Dialect):
        self._services = services
        self._database = services.database
        self._dialect = dialect
        self._baymodel_dialect = baymodel_dialect

    def resize(self, call: Call) -> Answer:
        """POST: another number of nodes in a node group, and which of them go first."""
        given = {
            **types.RESIZE_DEFAULTS, **types.RESIZE_TYPE.parse(call.body('resize'))
        }
        if given['node_count'] == 0 and call.version < versions.ZERO_NODES:
            raise new_bay.zero_nodes()

        def work(session: orm.Session) -> Answer:
            bay = self._bay(session, call, 'resize')
            group = lookup.nodegroup(
                session, GROUP, bay.uuid, given['nodegroup'], 'nodegroup'
            )
            _check_autoscaled(session, call, bay, group)
            check_resizable(group, given['node_count'])
            if group.role == MASTER:
                check_master_count(
                    self._services, session, bay, given['node_count'], 'node_count'
                )
                operation = resize_masters.accept(
                    self._services.conf, session, bay, given['node_count'], call.caller.requester
                )
                return call.keep(session, accepted(call, bay.uuid, operation))
            operation = resize.accept(
                self._services.conf,
                session,
                bay,
                given['node_count'],
                call.caller.requester,
                nodegroup_uuid=group.uuid,
                nodes_to_remove=tuple(given['nodes_to_remove']),
            )
            return call.keep(session, accepted(call, bay.uuid, operation))

        if given['nodes_to_remove']:
            self._check_removable(call, given, work)
        if call.flag('dry_run'):
            self._accept(call, lambda: self._database.dry_run(work))
            return self._resize_preview(call, given)
        return self._accept(call, lambda: self._services.run(work))

    def upgrade(self, call: Call) -> Answer:
        """POST: nodes as another baymodel has them, or new ones as they are."""
        given = {
            **types.UPGRADE_DEFAULTS, **types.UPGRADE_TYPE.parse(call.body('upgrade'))
        }
        with self._database.reading() as session:
            wanted = self._upgrade_of(session, call, given)
        ids = self._services.preflight.of(call.caller).ids(
            names_of(wanted.bay, wanted.groups, wanted.change)
        )
        wanted = dataclasses.replace(wanted, change=dataclasses.replace(wanted.change, ids=ids))
        self._check_upgrade(wanted, given['nodegroup'])

        def work(session: orm.Session) -> Answer:
            bay = self._bay(session, call, 'upgrade', 'upgrade_all_projects')
            if bay.baymodel_id != wanted.change.current.uuid:
                raise errors.APIError(
                    errors.requests.CONCURRENT_UPDATE,
                    f'{self._dialect.title} {bay.uuid} was upgraded meanwhile.',
                )
            operation = upgrade.accept(
                self._services.conf,
                session,
                bay,
                wanted.change.target,
                call.caller.requester,
                max_batch_size=given['max_batch_size'],
                nodegroup_uuid=wanted.named,
                ids=ids,
            )
            kept = kept_values(bay, wanted.groups, wanted.change, wanted.roles)
            if kept:
                events.record(
                    session, operation, _KEPT,
                    f'These stay as the bay has them: {", ".join(sorted(kept))}',
                )
            return call.keep(session, accepted(call, bay.uuid, operation, kept=kept))

        named = given['cluster_template']
        if call.flag('dry_run'):
            self._accept(call, lambda: self._database.dry_run(work), named)
            return self._upgrade_preview(call, wanted, given['max_batch_size'])
        return self._accept(call, lambda: self._services.run(work), named)

    def _upgrade_of(
        self, session: orm.Session, call: Call, given: Mapping[str, Any]
    ) -> '_Upgrade':
        """What an upgrade is about: everything that the request names."""
        row = self._row(session, call, 'upgrade', 'upgrade_all_projects')
        bay, current = bay_repository.with_baymodel(session, row.uuid)
        target = self._target(session, call, current, given['cluster_template'])
        group = None
        if given['nodegroup'] is not None:
            group = lookup.nodegroup(
                session, GROUP, bay.uuid, given['nodegroup'], 'nodegroup'
            )
        groups = repository.load_all(session, bay.uuid)
        created = with_nodes(groups, pending.unfinished(session, [bay.uuid]))
        driver = self._services.selection.of_bay(bay)
        return _Upgrade(
            bay, Change(current, target, driver, bay.coe_version), groups, created, group,
            node_watch.versions_of_workers(session, bay.uuid),
        )

    def _target(
        self, session: orm.Session, call: Call, current: models.Baymodel, ident: str
    ) -> models.Baymodel:
        """The baymodel that an upgrade is to: the bay's own one is its user's, hidden or not."""
        if ident == current.uuid:
            return current
        scope = call.caller.scope(f'{self._baymodel_dialect.policy}:get_one_all_projects')
        (target,) = lookup.baymodel(
            session, self._baymodel_dialect, (models.Baymodel,), scope, ident,
            field='cluster_template',
        )
        is_own = target.uuid == current.uuid
        if target.hidden and not is_own and not call.caller.may('context_is_admin'):
            raise errors.APIError(errors.baymodels.HIDDEN, 'Not authorized.')
        found: models.Baymodel = target
        return found

    def _check_upgrade(self, wanted: '_Upgrade', nodegroup: str | None) -> None:
        """The driver can do it, and the bay stays what it is.

        :raises APIError: 400 for what cannot be done, 409 for a baymodel of
            another kind.
        """
        driver, current, target = wanted.change.driver, wanted.change.current, wanted.change.target
        if not driver.capabilities.upgrades:
            raise errors.APIError(
                errors.drivers.NOT_CAPABLE, f'The driver {driver.name} upgrades nothing.'
            )
        if wanted.group is not None:
            if not wanted.roles:
                few = '' if wanted.group.role != MASTER else (
                    f': masters are replaced where {FEWEST_MASTERS} or more of them report, and '
                    'an only one where its etcd has a volume'
                )
                raise errors.at_field(
                    errors.drivers.NOT_CAPABLE, 'nodegroup',
                    f'The driver {driver.name} cannot replace the nodes of {nodegroup}{few}.',
                )
            if not wanted.group.is_default and target.uuid != current.uuid:
                raise errors.at_field(
                    errors.bays.UPGRADE_IMPOSSIBLE, 'nodegroup',
                    'Only the default node groups can be upgraded to another template.',
                )
        for attribute in ('coe', 'server_type'):
            if getattr(target, attribute) != getattr(current, attribute):
                raise errors.at_field(
                    errors.bays.UPGRADE_IMPOSSIBLE, 'cluster_template',
                    f'It has another {attribute} than the {self._dialect.singular}.',
                )
        with refusals.told(_UPGRADE_REFUSED):
            check(
                wanted.bay, wanted.groups, wanted.change, wanted.roles, wanted.named,
                wanted.versions, self._services.conf,
            )

    def _upgrade_preview(self, call: Call, wanted: '_Upgrade', batch: int) -> Answer:
        """What is taken beside the nodes that are there, while they are replaced."""
        bay, groups = target_rows(wanted.bay, wanted.groups, wanted.change, wanted.roles)
        group = next(
            one for one in groups
            if (one.uuid == wanted.named if wanted.named is not None
                else one.is_default and one.role != MASTER)
        )
        answer = self._services.previews.of_nodes(
            call, bay, wanted.change.target, groups, wanted.change.driver, group,
            at_once(group, batch),
        )
        replaced = [
            {
                'nodegroup': one.name, 'node_count': one.node_count,
                'at_once': at_once(one, batch),
            }
            for one in in_order(wanted.created)
            if is_replaced(one, wanted.roles, wanted.named, wanted.change)
        ]
        kept = kept_values(wanted.bay, wanted.groups, wanted.change, wanted.roles)
        return dataclasses.replace(
            answer, document={**answer.document, 'replaced': replaced, **of_kept(kept)}
        )

    def _check_removable(
        self, call: Call, given: Mapping[str, Any], work: Callable[[orm.Session], Answer]
    ) -> None:
        """What is to be removed is of the node group; a worker sees once more.

        The cloud is asked when no transaction is open. Where it does not tell
        the caller, the worker alone decides.

        :param work: plans the resize. What else is wrong is said first.
        :raises APIError: 400.
        """
        with self._database.reading() as session:
            row = self._row(session, call, 'resize', None)
            bay, _ = bay_repository.with_baymodel(session, row.uuid)
            group = lookup.nodegroup(
                session, _GROUP_STACK, bay.uuid, given['nodegroup'], 'nodegroup'
            )
        if group.role == MASTER:
            raise errors.at_field(
                errors.nodegroups.OF_MASTERS, 'nodes_to_remove',
                'Masters are not named: those with the highest indexes go.',
            )
        output = self._services.selection.of_bay(bay).workers_output
        if output is None:
            return
        stack_id = bay.stack_id if group.is_default else group.stack_id
        members: Mapping[str, str] | None = {}
        if stack_id is not None:
            name = stack_name(bay.name, bay.uuid)
            if not group.is_default:
                name = nodegroup_stack_name(bay.name, group.name, group.uuid)
            members = self._services.preflight.of(call.caller).workers(name, stack_id, output)
        if members is None:
            return
        unknown = nodegroups.named(given['nodes_to_remove'], members).unknown
        if unknown:
            self._accept(call, lambda: self._database.dry_run(work))
            raise errors.at_field(
                errors.nodegroups.NODE_UNKNOWN, 'nodes_to_remove',
                f'Not of the node group {group.name}: {", ".join(unknown[:_NAMED])}.',
            )

    def _resize_preview(self, call: Call, given: Mapping[str, Any]) -> Answer:
        """What further nodes of a group come to, or what is given back.

        The cloud is asked for its limits when no transaction is open.
        """
        with self._database.reading() as session:
            row = self._row(session, call, 'resize', None)
            named = lookup.nodegroup(
                session, GROUP, row.uuid, given['nodegroup'], 'nodegroup'
            )
            bay, baymodel = bay_repository.with_baymodel(session, row.uuid)
            groups = repository.load_all(session, row.uuid)
        (group,) = (one for one in groups if one.uuid == named.uuid)
        return self._services.previews.of_nodes(
            call, bay, baymodel, groups, self._services.selection.of_bay(bay), group,
            given['node_count'] - group.node_count,
        )

    def _accept(
        self, call: Call, accept: Callable[[], Answer], baymodel: str | None = None
    ) -> Answer:
        """The answer of what accepts an operation, or why there is none.

        :param baymodel: as the request names it, if it does.
        """
        with refusals.told(
            _OF_BAYMODELS, bay=self._dialect, baymodel=self._baymodel_dialect, named=baymodel,
            ident=call.arguments[0],
        ):
            return accept()

    def _bay(
        self, session: orm.Session, call: Call, action: str, all_projects: str | None = None
    ) -> models.Bay:
        """The bay of the path, locked and as seen, if the caller may do this to it."""
        row = self._row(session, call, action, all_projects)
        return lookup.locked_bay(session, call, row.uuid)

    def _row(
        self, session: orm.Session, call: Call, action: str, all_projects: str | None
    ) -> Row:
        return lookup.allowed_bay(
            session, call, self._dialect, self._dialect.policy, action, all_projects
        )


def _check_autoscaled(
    session: orm.Session, call: Call, bay: models.Bay, group: Row
) -> None:
    """The bay's own user resizes groups of workers that have an upper bound, and no others.

    :raises APIError: 403.
    """
    if identities.user_id(session, bay.uuid) != call.caller.user_id:
        return
    if group.role not in nodegroups.AUTOSCALED or group.max_node_count is None:
        raise errors.at_field(
            errors.nodegroups.NOT_AUTOSCALED, 'nodegroup',
            f'The autoscaler may not resize the node group {group.name}: it changes groups of '
            f'the roles {" and ".join(nodegroups.AUTOSCALED)} that have a max_node_count.',
        )


def check_resizable(group: Row, node_count: int, field: str = 'node_count') -> None:
    """The group may have that many nodes.

    :param field: that has the count.
    :raises APIError: 400.
    """
    lowest, highest = group.min_node_count, group.max_node_count
    if nodegroups.broken_bound(node_count, lowest, highest) is not None:
        raise errors.APIError(
            errors.nodegroups.OUT_OF_RANGE,
            f'Resizing {group.name} outside the allowed range: min_node_count = {lowest}, '
            f'max_node_count = {highest}',
            source=errors.pointer(field),
        )


def check_master_count(
    services: Services, session: orm.Session, bay: models.Bay, count: int, field: str
) -> None:
    """The bay may come to have that many masters.

    :param field: that has the count.
    :raises APIError: 400.
    """
    driver = services.selection.of_bay(bay)
    if driver.capabilities.fixed_masters:
        raise errors.at_field(
            errors.nodegroups.OF_MASTERS, 'nodegroup', driver.capabilities.fixed_masters
        )
    if count % 2 == 0:
        raise errors.APIError(
            errors.nodegroups.OUT_OF_RANGE,
            f'master nodegroup size of {count} is invalid, size cannot be an even number.',
            source=errors.pointer(field),
        )
    if bay.template_version is not None and not driver.nodes_report(bay.template_version):
        raise errors.at_field(
            errors.nodegroups.OF_MASTERS, 'nodegroup',
            'The masters of this bay were made by an early release and do not report: their '
            'number cannot change. Make a new bay.',
        )
    _, baymodel = bay_repository.with_baymodel(session, bay.uuid)
    groups = repository.load_all(session, bay.uuid)
    present = sum(group.node_count for group in groups if group.role == MASTER)
    if count < present and retiring.is_impossible(session, driver, bay, count):
        raise errors.at_field(errors.nodegroups.OF_MASTERS, field, retiring.WHY_NOT)
    with refusals.told():
        driver.check_master_count(bay_plan(bay, baymodel, groups, services.conf), count)
