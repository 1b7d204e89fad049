"""Reports of nodes, and results of what they were asked to do.

They come often: a report is one look-up, and an UPDATE only where it says
something new. That nodes were heard of is written for many at once. Events and
what the reports come to for the bay are a conductor's work; only the failure
of a node that an operation builds ends that operation at once, and the failure
of a directive that no operation waits for is told at once.
"""

import hashlib
import logging
import random
from collections.abc import Sequence
from typing import Any, Final

import orjson
import webob

from magnum.api import errors
from magnum.api.bootstrap import failing
from magnum.api.bootstrap.access import Parts, json_of
from magnum.api.bootstrap.heard import Heard
from magnum.api.bootstrap.signed import SignedRequests
from magnum.db.repositories import bays, directives, operations
from magnum.db.repositories import reports as repository
from magnum.db.selections import Row
from magnum.domain import reports
from magnum.domain.directives import ADMIT
from magnum.domain.reports import Report
from magnum.drivers.contract import MASTER
from magnum.operations import staying

LOG = logging.getLogger(__name__)

#: Seconds between reports while an operation on the bay is active.
_SOON: Final = 5.0
_JITTER: Final = 0.2
#: Of the time after which a node counts as silent: when it is due to be written as
#: heard of with others, and when it waits for them no more.
_DUE: Final = 1 / 3
_OVERDUE: Final = 2 / 3
_REPORT: Final = 'magnum/report'
_RESULT: Final = 'magnum/result/'


class ReportsController:
    """What nodes say while they live."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._conf = parts.conf.nodes
        self._signed = SignedRequests(parts)
        self._heard = Heard()

    def report(self, request: webob.Request, request_id: str, bay: str) -> dict[str, Any]:
        """POST of a registered node: how it is; what it is to do now, and when to come again."""
        node, text = self._signed.by(request, bay, _REPORT)
        said = reports.report(json_of(text))
        self._store(node, said)
        is_late = node.sequence is not None and said.sequence < node.sequence
        if said.state == reports.FAILED and not is_late and _is_built_by_active(node):
            self._fail_operation(node, said, request_id)
        return self._answer(node)

    def result(
        self, request: webob.Request, request_id: str, bay: str, directive: str
    ) -> dict[str, Any]:
        """POST of a registered node: what became of a directive."""
        node, text = self._signed.by(request, bay, _RESULT + directive)
        said = reports.result(json_of(text))
        which = node.bay_uuid, node.role, node.name, directive
        with self._parts.writing() as session:
            given = directives.find(session, *which)
            if given is None:
                raise errors.APIError(
                    errors.bootstrap.UNKNOWN_DIRECTIVE,
                    f'{node.name} was not asked for {directive}.',
                )
            operation = None
            if said.outcome == reports.FAILED and given.verb == ADMIT:
                bays.hold(session, node.bay_uuid)
                operation = operations.load(session, given.operation_uuid)
            is_new = directives.end(session, *which, said.outcome, said.lines)
            if is_new and operation is not None:
                staying.tell_of_failure(session, operation, given, said.lines)
        if is_new:
            LOG.info(
                '%s: directive %s of %s of bay %s: %s',
                request_id, directive, node.name, node.bay_uuid, said.outcome,
            )
            self._parts.wake_up.send()
        return self._answer(node)

    def _store(self, node: Row, said: Report) -> None:
        if node.sequence is not None and said.sequence <= node.sequence:
            return
        values = said.said()
        told = hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()
        changes: dict[str, Any] = {}
        others: Sequence[int] | None = ()
        if told != node.said:
            changes = {**values, 'said': told, 'is_changed': True}
        elif node.is_silent:
            changes = {'is_changed': True}
        else:
            others = self._written_with(node)
        if others is None:
            return
        with self._parts.at_once() as connection:
            repository.store(connection, node.id, said.sequence, changes)
            if others:
                repository.hear(connection, others)

    def _written_with(self, node: Row) -> Sequence[int] | None:
        """The nodes that are written as heard of with one that says nothing new.

        None: it is not written now, because it was not long ago, or will be with others.
        """
        age: float = (node.now - node.heard_at).total_seconds() / self._conf.silent_after
        if age < _DUE:
            return None
        return self._heard.add(node.id) if age < _OVERDUE else ()

    def _fail_operation(self, node: Row, said: Report, request_id: str) -> None:
        with self._parts.writing() as session:
            failing.record_failure(
                session, node.bay_uuid, node.id, node.name, node.operation_uuid, said
            )
        LOG.warning('%s: %s of bay %s failed', request_id, node.name, node.bay_uuid)
        self._parts.wake_up.send()

    def _answer(self, node: Row) -> dict[str, Any]:
        of_masters: dict[str, Any] = {}
        if node.role == MASTER and node.cloud_credential is not None:
            of_masters['cloud_credential'] = node.cloud_credential
        if not node.is_busy:
            interval = self._conf.report_interval
            jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not for secrecy
            return {'next': round(interval * jitter, 1), 'directives': [], **of_masters}
        with self._parts.at_once() as connection:
            due = directives.due(connection, node.bay_uuid, node.role, node.name)
        return {
            'next': _SOON,
            'directives': [
                {'id': one.uuid, 'verb': one.verb, 'parameters': one.parameters} for one in due
            ],
            **of_masters,
        }


def _is_built_by_active(node: Row) -> bool:
    """Whether the operation that builds the node is active, and has not failed yet."""
    return node.active_operation is not None and node.found_failure is None
