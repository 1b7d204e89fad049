"""Healer: replaces workers that have not been heard of for long.

A bay asks for it by the label ``auto_healing_enabled``. A resize to the same
count, which names the lost nodes, replaces them. Nothing is done while anything
goes on or waits that excludes it, after a failure, or when so many nodes are
silent that the network is the more likely reason.
"""

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
from magnum.db.models import Bay, Node, Nodegroup
from magnum.db.repositories import events, locking, node_watch, nodegroups, operations
from magnum.db.repositories.locking import BayGone
from magnum.db.statements import database_now
from magnum.domain import booleans, states
from magnum.domain.nodegroups import WORKER
from magnum.domain.parameters import Resize
from magnum.drivers.registry import Registry
from magnum.operations.accept import resize
from magnum.operations.accept.errors import MastersUnfinished
from magnum.operations.accept.insertion import Line
from magnum.operations.accept.requester import Requester
from magnum.operations.building import group_of, stack_of

LOG = logging.getLogger(__name__)

#: Seconds between two looks.
INTERVAL: Final = 30.0
LABEL: Final = 'auto_healing_enabled'
EVENT: Final = 'bay.node.replaced'


class Healer:
    """Has lost workers replaced, of bays that want it."""

    def __init__(
        self, conf: cfg.ConfigOpts, database: Database, drivers: Registry,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._conf = conf
        self._database = database
        self._drivers = drivers
        self._clock = clock
        #: When each silent worker, by the id of its row, was first seen beside nodes that
        #: report. Where the service itself was away, all nodes are silent at first.
        self._seen: dict[int, float] = {}

    def look(self) -> int:
        """Look for lost workers; at how many bays a resize was begun."""
        after = self._conf.nodes.heal_after
        if not after:
            return 0
        with self._database.reading() as session:
            found = [row for row in node_watch.silent_workers(session) if _wants_it(row.labels)]
        now = self._clock()
        self._seen = {row.id: self._seen.get(row.id, now) for row in found}
        lost = {row.id for row in found if now - self._seen[row.id] >= after}
        bays = list({row.bay_uuid for row in found if row.id in lost})
        random.shuffle(bays)        # other conductors have found the same ones
        return sum(
            self._database.run(functools.partial(self._heal, bay_uuid=uuid, lost=lost))
            for uuid in bays
        )

    def _heal(self, session: orm.Session, bay_uuid: str, lost: Collection[int]) -> int:
        try:
            bay = locking.lock_bay(session, bay_uuid)
        except BayGone:
            return 0
        if not self._may_be_changed(session, bay):
            return 0
        line = Line.of(session, bay.uuid)
        for group, nodes in self._lost(session, bay, lost):
            if not self._may_be_healed(line, group):
                continue
            driver = self._drivers.by_name(bay.driver or '')
            stack = stack_of(bay, group)
            try:
                operation = resize.accept(
                    self._conf, session, bay, group.node_count,
                    Requester(None, bay.project_id, (), context.generate_request_id()),
                    nodegroup_uuid=group.uuid,
                    nodes_to_remove=tuple(
                        str(driver.node_index(WORKER, stack, node.name)) for node in nodes
                    ),
                )
            except MastersUnfinished:
                continue
            if operation is None:       # it names nodes: never
                continue
            names = ', '.join(sorted(node.name for node in nodes))
            events.record(
                session, operation, EVENT,
                f'not heard of for long, so replaced: {names}',
            )
            LOG.info('Nodes of bay %s are replaced: %s', bay.uuid, names)
            return 1
        return 0

    def _may_be_changed(self, session: orm.Session, bay: Bay) -> bool:
        """Whether nothing speaks against an operation of the service's own."""
        if not _wants_it(bay.labels) or states.is_failed(bay.status) or bay.status_reason:
            return False
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

    def _lost(
        self, session: orm.Session, bay: Bay, lost: Collection[int]
    ) -> Iterator[tuple[Nodegroup, Sequence[Node]]]:
        """Node groups with the lost workers of each, if they are few enough."""
        driver = self._drivers.find(bay.driver)
        nodes = node_watch.reporting(session, bay.uuid)
        if driver is None or all(node.is_silent for node in nodes):
            return
        groups = nodegroups.load_all(session, bay.uuid)
        for group in groups:
            silent = [
                node for node in nodes
                if node.role == WORKER and node.is_silent
                and group_of(driver, bay, groups, node.role, node.name) is group
            ]
            most = max(1, group.node_count * self._conf.nodes.heal_at_most // 100)
            gone = [node for node in silent if node.id in lost]
            if gone and len(silent) <= most:
                yield group, gone


def _wants_it(labels: dict[str, str] | None) -> bool:
    return booleans.parse((labels or {}).get(LABEL, '')) is True
