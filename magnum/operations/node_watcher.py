"""Watcher of nodes: events of what they report, and the health of their bays.

Several conductors may look at the same bay: the first to lock it has it. What
the API writes of a report stays marked until it was looked at.
"""

import datetime
import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from oslo_config import cfg
from oslo_log import log as logging
from sqlalchemy import orm

from magnum.db.engine import Database
from magnum.db.models import Bay, Node, Nodegroup, Operation
from magnum.db.repositories import events, locking, node_watch, nodegroups
from magnum.db.repositories.locking import BayGone
from magnum.domain import node_health, reports, turns
from magnum.drivers.contract import MASTER, Driver
from magnum.drivers.registry import Registry
from magnum.operations import apart, bay_conditions, staying
from magnum.operations.building import group_of

LOG = logging.getLogger(__name__)

#: Tells the timeline of a kind of event and of its words.
_Tell = Callable[[str, str], None]

READY: Final = 'bay.node.ready'
FAILED: Final = 'bay.node.failed'
SILENT: Final = 'bay.node.silent'
REPORTING: Final = 'bay.node.reporting'
CONDITION: Final = 'bay.node.condition'


class NodeWatcher:
    """Looks at what nodes have reported, and for those that do not report any more."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, drivers: Registry):
        self._conf = conf.nodes
        self._database = database
        self._drivers = drivers

    def look(self) -> int:
        """Look at what has changed; in how many bays."""
        self._mark_silent()
        with self._database.reading() as session:
            changed = list(node_watch.changed_bays(session))
        # Other conductors have found the same ones.
        random.shuffle(changed)
        for uuid in changed:
            look = functools.partial(self._look_at, bay_uuid=uuid)
            apart.look_at(uuid, self._database.run, look)
        return len(changed)

    def _mark_silent(self) -> None:
        after = datetime.timedelta(seconds=self._conf.silent_after)
        is_full = True
        while is_full:
            with self._database.reading() as session:
                found = node_watch.silent(session, after)
            is_full = len(found) == node_watch.MOST
            if found:
                self._database.run(
                    functools.partial(node_watch.silence, after=after, node_ids=found)
                )

    def _look_at(self, session: orm.Session, bay_uuid: str) -> None:
        try:
            bay = locking.lock_bay(session, bay_uuid)
        except BayGone:
            node_watch.take_changed(session, bay_uuid)
            return
        active = locking.active_operations(session, bay_uuid)
        if not node_watch.take_changed(session, bay_uuid):
            return
        driver = self._drivers.find(bay.driver)
        groups = nodegroups.load_all(session, bay.uuid)
        if driver is not None:
            _let_strangers_go(session, driver, bay, groups)
        nodes = node_watch.reporting(session, bay_uuid)
        for node in nodes:
            noted = _noted(node)
            if noted == node.noted:
                continue
            group = None
            if driver is not None:
                group = group_of(driver, bay, groups, node.role, node.name)
            tell = _teller(session, bay, _concerning(active, group), node)
            for kind, words in _news(node, node.noted or {}, noted):
                tell(kind, words)
            node_watch.note(session, node.id, noted)
            if node.is_silent and node.role == MASTER:
                staying.hand_on(session, node)
        _update_bay(session, bay, nodes)


def _let_strangers_go(
    session: orm.Session, driver: Driver, bay: Bay, groups: Sequence[Nodegroup]
) -> None:
    """Forget the reports of nodes of node groups that are gone."""
    node_watch.let_go(
        session, bay.uuid,
        lambda node: group_of(driver, bay, groups, node.role, node.name) is None,
    )


def _concerning(active: Sequence[Operation], group: Nodegroup | None) -> Operation | None:
    """The active operation that may have led to what a node of the group says."""
    about = None if group is None else group.uuid
    return next((one for one in active if turns.nodegroup_of(one) in (None, about)), None)


def _noted(node: Node) -> dict[str, Any]:
    """What is remembered of a node, so that news are told once."""
    before = set((node.noted or {}).get('failing', ()))
    statuses = {name: said['status'] for name, said in (node.conditions or {}).items()}
    failing = {name for name, status in statuses.items() if status == reports.FALSE}
    # One that is not known is as it was known last.
    failing |= {name for name in before if statuses.get(name) == reports.UNKNOWN}
    return {'state': node.state, 'is_silent': node.is_silent, 'failing': sorted(failing)}


def _news(
    node: Node, before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Kinds and words of the events of one node."""
    if now['is_silent'] and not before.get('is_silent'):
        yield SILENT, f'has not been heard of since {node.heard_at:%Y-%m-%d %H:%M:%S} UTC'
    if not now['is_silent'] and before.get('is_silent'):
        yield REPORTING, 'reports again'
    if now['state'] != before.get('state') and now['state'] in _STATES:
        yield _STATES[now['state']](node)
    said = node.conditions or {}
    for name in now['failing']:
        if name not in before.get('failing', ()):
            yield CONDITION, f'{name} is False: {said[name]["message"] or said[name]["reason"]}'
    for name in before.get('failing', ()):
        # What a node says nothing of any more, another one may say.
        if name not in now['failing'] and name in said:
            yield CONDITION, f'{name} is {reports.TRUE} again'


def _failed(node: Node) -> tuple[str, str]:
    told = ' | '.join(node.lines or [])
    return FAILED, f'failed at the step {node.step}: {told}'


_STATES: Final[Mapping[str, Callable[[Node], tuple[str, str]]]] = {
    reports.READY: lambda node: (READY, 'is ready'),
    reports.FAILED: _failed,
}


def _teller(
    session: orm.Session, bay: Bay, operation: Operation | None, node: Node
) -> _Tell:
    def tell(kind: str, words: str) -> None:
        events.record_of_bay(session, bay, operation, kind, f'node {node.name}: {words}')
        LOG.info('%s: %s of bay %s %s', kind, node.name, bay.uuid, words)

    return tell


def _update_bay(session: orm.Session, bay: Bay, nodes: Sequence[Node]) -> None:
    """Store what the nodes come to, unless it is what is stored."""
    found = node_health.conditions([
        node_health.Node(
            node.name, node.role, node.state or reports.BUILDING, node.conditions or {},
            node.is_silent,
        )
        for node in nodes
    ])
    if found:
        names = set(node_health.CONDITIONS)
        if found[node_health.NODES_REPORTING].status == reports.TRUE:
            names.add(node_health.HEALING_POSSIBLE)     # there is nothing to heal any more
        bay_conditions.update(session, bay, found, names)
