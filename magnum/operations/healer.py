"""Healer: replaces nodes that have not been heard of, or not been healthy, for long.

A bay asks for it by the label ``auto_healing_enabled``. A resize to the same
count, which names the lost workers, replaces them; an upgrade to the bay's own
baymodel, which names it, replaces a lost master, where all others serve. Nothing is
done while anything goes on or waits that excludes it, after a failure, or when so
many nodes are lost that the network is the more likely reason. A replacement that
failed is tried again, some times: nothing else is healed before it has succeeded.
"""

import contextlib
import dataclasses
import datetime
import functools
import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from oslo_config import cfg
from oslo_context import context
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.db.engine import Database
from magnum.db.models import Bay, Node, Nodegroup, Operation
from magnum.db.repositories import (
    bays,
    events,
    locking,
    node_watch,
    nodegroups,
    operations,
)
from magnum.db.repositories.locking import BayGone
from magnum.db.selections import Row
from magnum.db.statements import database_now
from magnum.domain import booleans, node_health, rounds, states
from magnum.domain.node_health import HEALING_POSSIBLE, Condition
from magnum.domain.nodegroups import MASTER, WORKER
from magnum.domain.parameters import Resize, Upgrade
from magnum.drivers.contract import Driver, PlanRefused
from magnum.drivers.plans import bay_plan
from magnum.drivers.registry import Registry
from magnum.operations import apart, bay_conditions, half_made
from magnum.operations.accept import resize, retry, upgrade
from magnum.operations.accept.errors import MastersUnfinished, NotRetryable
from magnum.operations.accept.insertion import Line
from magnum.operations.accept.requester import Requester
from magnum.operations.building import group_of, stack_of
from magnum.operations.steps.nodes import why_not_serving
from magnum.operations.upgrading import Change, are_replaceable, replaced_roles, target_plan

LOG = logging.getLogger(__name__)

#: Seconds between two looks.
INTERVAL: Final = 30.0
LABEL: Final = 'auto_healing_enabled'
EVENT: Final = 'bay.node.replaced'
NOT_REPLACED: Final = 'bay.node.not_replaced'


class Healer:
    """Has lost nodes replaced, of bays that want it."""

    def __init__(
        self, conf: cfg.ConfigOpts, database: Database, drivers: Registry,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._conf = conf
        self._database = database
        self._drivers = drivers
        self._clock = clock
        #: When each lost node, by the id of its row, was first seen beside nodes that
        #: report. Where the service itself was away, all nodes are silent at first.
        self._seen: dict[int, float] = {}

    def look(self) -> int:
        """Look for lost nodes; at how many bays a replacement was begun."""
        after = self._conf.nodes.heal_after
        if not after:
            return 0
        with self._database.reading() as session:
            unhealthy = [
                row.uuid for row in node_watch.unhealthy_bays(session) if _wants_it(row.labels)
            ]
            sick = node_watch.unhealthy_workers(session, unhealthy)
            silent = [
                row for row in node_watch.silent_nodes(session)
                if _wants_it(row.labels) and _may_be_replaced(row)
            ]
            failed = {
                row.bay_uuid for row in node_watch.half_healed_bays(session)
                if _wants_it(row.labels)
            }
        now = self._clock()
        self._seen = {row.id: self._seen.get(row.id, now) for row in (*sick, *silent)}
        # One that is silent has been so for a while when it is seen.
        waits = ((sick, after + self._conf.nodes.silent_after), (silent, after))
        found = [
            row for rows, wait in waits for row in rows if now - self._seen[row.id] >= wait
        ]
        lost = {row.id for row in found}
        again = {
            uuid: functools.partial(self._heal_again, bay_uuid=uuid) for uuid in failed
        }
        anew = {
            row.bay_uuid: functools.partial(self._heal, bay_uuid=row.bay_uuid, lost=lost)
            for row in found
        }
        uuids = [*again.keys() | anew.keys()]
        random.shuffle(uuids)       # other conductors have found the same ones
        return sum(
            apart.look_at(uuid, self._database.run, looks[uuid])
            for uuid in uuids for looks in (again, anew) if uuid in looks
        )

    def _heal(self, session: orm.Session, bay_uuid: str, lost: Collection[int]) -> int:
        try:
            bay = locking.lock_bay(session, bay_uuid)
        except BayGone:
            return 0
        driver = self._drivers.find(bay.driver)
        if driver is None or not self._may_be_changed(session, bay):
            return 0
        found = _Found.of(session, bay, driver)
        if all(node.is_silent for node in found.nodes):
            return 0
        master = found.silent_master()
        # What is about a master is about the whole bay, and workers do not wait for that.
        unfinished = half_made.unfinished_upgrade(session, bay.uuid)
        if not found.line.is_empty or master is None or unfinished:
            return self._heal_workers(session, found, lost)
        if master.id not in lost:
            return 0
        if self._is_refused(session, found, master.name):
            return self._heal_workers(session, found, lost)
        return self._heal_master(session, found, master)

    def _is_refused(self, session: orm.Session, found: '_Found', lost: str) -> bool:
        """Whether the driver refuses to make the bay's masters anew; the user is told once."""
        bay, baymodel = bays.with_baymodel(session, found.bay.uuid)
        roles = replaced_roles(found.driver, bay, found.groups, MASTER)
        why: dict[str, Condition] = {}
        try:
            found.driver.check_upgrade(
                bay_plan(bay, baymodel, found.groups, self._conf),
                target_plan(
                    bay, found.groups, Change(baymodel, baymodel, found.driver), roles, self._conf
                ),
            )
        except PlanRefused as refused:
            why[HEALING_POSSIBLE] = node_health.not_healed(
                lost, f'{refused.field}: {refused.reason}'
            )
        if bay_conditions.update(session, bay, why, {HEALING_POSSIBLE}):
            for condition in why.values():
                events.record_of_bay(session, bay, None, NOT_REPLACED, condition.message)
                LOG.warning('%s: %s: %s', NOT_REPLACED, bay.uuid, condition.message)
        return bool(why)

    def _heal_master(self, session: orm.Session, found: '_Found', master: Node) -> int:
        bay, baymodel = bays.with_baymodel(session, found.bay.uuid)
        nodes = (found.index(found.masters, master),)
        operation = upgrade.accept(
            self._conf, session, bay, baymodel, _requester(bay),
            nodegroup_uuid=found.masters.uuid, nodes=nodes,
        )
        asked = dataclasses.replace(Upgrade.of(operation), if_silent=nodes)
        operation.parameters = asked.stored()
        return _tell(session, operation, [master])

    def _heal_again(self, session: orm.Session, bay_uuid: str) -> int:
        """Try a replacement of the service's own again that has failed.

        The bay has failed by that; it is the service's to mend.
        """
        try:
            bay = locking.lock_bay(session, bay_uuid)
        except BayGone:
            return 0
        driver = self._drivers.find(bay.driver)
        if driver is None or not _wants_it(bay.labels) or not self._is_time(session, bay):
            return 0
        found = _Found.of(session, bay, driver)
        if not found.line.is_empty or all(node.is_silent for node in found.nodes):
            return 0
        for group in found.groups:
            failures = half_made.failed_healing(session, bay.uuid, group)
            if not failures or self._is_left_to_users(session, failures, group):
                continue
            heal = self._heal_master_again if group.role == MASTER else self._heal_workers_again
            operation = heal(session, found, group, failures[0])
            if operation is not None:
                told = (
                    f'tried again, {len(failures)} of {self._conf.nodes.heal_retries}: '
                    f'{failures[0].uuid} failed'
                )
                events.record(session, operation, EVENT, told)
                LOG.info('%s: %s: %s', EVENT, bay.uuid, told)
                return 1
        return 0

    def _is_left_to_users(
        self, session: orm.Session, failures: Sequence[Operation], group: Nodegroup
    ) -> bool:
        """Whether a replacement is not tried again, which the user is told once.

        :param failures: the attempts, newest first.
        """
        last = failures[0]
        is_hopeless = not (last.error or {}).get('retryable')
        if not is_hopeless and len(failures) <= self._conf.nodes.heal_retries:
            return False
        if not events.is_recorded(session, last, NOT_REPLACED):
            told = (
                f'The replacement of a node of {group.name} is not tried again by itself: '
                'retry the operation'
            )
            if group.role != MASTER:    # which works after a rotation, too
                told += f', or resize the group to the {group.node_count} that it has'
            events.record(session, last, NOT_REPLACED, told)
            LOG.warning('%s: %s: %s', NOT_REPLACED, last.bay_uuid, told)
        return True

    def _heal_master_again(
        self, session: orm.Session, found: '_Found', masters: Nodegroup, failed: Operation
    ) -> Operation | None:
        asked, this = Upgrade.of(failed), rounds.current(Upgrade.of(failed))
        bay, baymodel = bays.with_baymodel(session, found.bay.uuid)
        left = (this.batch if this else None) or asked.nodes
        if asked.baymodel != baymodel.uuid or not found.others_serve(left):
            return None
        named = ', '.join(f'{masters.name} {index}' for index in left)
        if self._is_refused(session, found, named):
            return None
        operation = upgrade.accept(
            self._conf, session, bay, baymodel, _requester(bay),
            nodegroup_uuid=masters.uuid, nodes=left,
        )
        # One that was drained, or half made, is replaced although it reports again.
        if not (this and this.is_asked):
            operation.parameters = dataclasses.replace(
                Upgrade.of(operation), if_silent=asked.again().if_silent
            ).stored()
        return operation

    def _heal_workers_again(
        self, session: orm.Session, found: '_Found', group: Nodegroup, failed: Operation
    ) -> Operation | None:
        if len(found.lost_workers(group)) > self._most_lost(group):
            return None
        try:
            return retry.accept(self._conf, session, failed.uuid, _requester(found.bay))
        except NotRetryable:        # a rotation has followed: what is not there is made
            with contextlib.suppress(MastersUnfinished):    # who mends these comes first
                return resize.accept(
                    self._conf, session, found.bay, group.node_count, _requester(found.bay),
                    nodegroup_uuid=group.uuid,
                )
        return None

    def _heal_workers(self, session: orm.Session, found: '_Found', lost: Collection[int]) -> int:
        bay = found.bay
        for group, nodes in self._lost_workers(found, lost):
            if not self._may_be_healed(found.line, group):
                continue
            named = tuple(found.index(group, node) for node in nodes)
            try:
                operation = resize.accept(
                    self._conf, session, bay, group.node_count, _requester(bay),
                    nodegroup_uuid=group.uuid, nodes_to_remove=named,
                )
            except MastersUnfinished:
                continue
            if operation is None:       # it names nodes: never
                continue
            asked = dataclasses.replace(Resize.of(operation), if_silent=named)
            operation.parameters = asked.stored()
            return _tell(session, operation, nodes)
        return 0

    def _may_be_changed(self, session: orm.Session, bay: Bay) -> bool:
        """Whether nothing speaks against an operation of the service's own."""
        if not _wants_it(bay.labels) or states.is_failed(bay.status) or bay.status_reason:
            return False
        return self._is_time(session, bay)

    def _is_time(self, session: orm.Session, bay: Bay) -> bool:
        """Whether the last operation of the service's own is some time ago."""
        last = operations.last_of_service(session, bay.uuid)
        pause = datetime.timedelta(seconds=self._conf.nodes.heal_pause)
        return last is None or last < database_now(session) - pause

    def _may_be_healed(self, line: Line, group: Nodegroup) -> bool:
        """Whether the resize of a node group that heals it would begin at once."""
        healing = Resize(
            nodegroup=group.uuid, node_count=group.node_count, previous_node_count=None,
            rollback=False, nodes_to_remove=(),
        )
        return not line.before(healing, self._conf.conductor.operations_per_bay)

    def _lost_workers(
        self, found: '_Found', lost: Collection[int]
    ) -> Iterator[tuple[Nodegroup, Sequence[Node]]]:
        """Node groups with the lost workers of each, if they are few enough."""
        for group in found.groups:
            workers = found.lost_workers(group)
            gone = [node for node in workers if node.id in lost]
            if gone and len(workers) <= self._most_lost(group):
                yield group, gone

    def _most_lost(self, group: Nodegroup) -> int:
        """So many lost nodes of a group are replaced at once; of more, none."""
        percent: int = self._conf.nodes.heal_at_most
        return max(1, group.node_count * percent // 100)


@dataclasses.dataclass(frozen=True)
class _Found:
    """A locked bay with what the healer looks at.

    :ivar nodes: those that have reported.
    """

    bay: Bay
    driver: Driver
    groups: Sequence[Nodegroup]
    nodes: Sequence[Node]
    line: Line

    @classmethod
    def of(cls, session: orm.Session, bay: Bay, driver: Driver) -> '_Found':
        """What there is of a bay now."""
        return cls(
            bay, driver, nodegroups.load_all(session, bay.uuid),
            node_watch.reporting(session, bay.uuid), Line.of(session, bay.uuid),
        )

    @property
    def masters(self) -> Nodegroup:
        """The node group of the masters."""
        return next(group for group in self.groups if group.role == MASTER)

    def group_of(self, node: Node) -> Nodegroup | None:
        """The node group that a node is in."""
        return group_of(self.driver, self.bay, self.groups, node.role, node.name)

    def lost_workers(self, group: Nodegroup) -> Sequence[Node]:
        """Workers of a group that do nothing for it."""
        return [
            node for node in node_watch.lost(self.nodes)
            if node.role == WORKER and self.group_of(node) is group
        ]

    def index(self, group: Nodegroup, node: Node) -> str:
        """A node's index in its group."""
        return str(self.driver.node_index(node.role, stack_of(self.bay, group), node.name))

    def others_serve(self, indexes: Collection[str]) -> bool:
        """Whether all masters but some serve.

        :param indexes: of those.
        """
        serving = [
            node for node in self.nodes
            if node.role == MASTER and why_not_serving(node) is None
            and self.index(self.masters, node) not in indexes
        ]
        return len(serving) == self.masters.node_count - len(indexes)

    def silent_master(self) -> Node | None:
        """The master that is silent, if it can be replaced.

        That takes all others: etcd takes no member in while one beside it is away.
        """
        if MASTER not in replaced_roles(self.driver, self.bay, self.groups):
            return None
        masters = [node for node in self.nodes if node.role == MASTER]
        serving = [node for node in masters if why_not_serving(node) is None]
        if len(serving) != self.masters.node_count - 1:
            return None
        return next((node for node in masters if node.is_silent), None)


def _requester(bay: Bay) -> Requester:
    return Requester(None, bay.project_id, (), context.generate_request_id())


def _tell(session: orm.Session, operation: Operation, nodes: Sequence[Node]) -> int:
    """Tell which nodes an operation replaces, as one that was begun."""
    by_reason = {
        'not heard of': sorted(node.name for node in nodes if node.is_silent),
        'not healthy': sorted(node.name for node in nodes if not node.is_silent),
    }
    told = '; '.join(
        f'{reason} for long, so replaced: {", ".join(names)}'
        for reason, names in by_reason.items() if names
    )
    events.record(session, operation, EVENT, told)
    LOG.info('%s: %s: %s', EVENT, operation.bay_uuid, told)
    return 1


def _may_be_replaced(row: Row) -> bool:
    """Whether a node is a worker, or a master whose place another one can take.

    Others may be silent for months, and each look would lock the bay.
    """
    return row.role == WORKER or are_replaceable(row.masters, row.is_lasting)


def _wants_it(labels: dict[str, str] | None) -> bool:
    return booleans.parse((labels or {}).get(LABEL, '')) is True
