"""Nodes of bays and clusters, as they report themselves."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.api.http import cursors, pagination
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.services import Services
from magnum.api.views.nodes import NODE
from magnum.db import models
from magnum.db.repositories import bays, nodegroups
from magnum.db.repositories import nodes as repository
from magnum.operations.building import group_of

_Names = list[str | None]


class NodesController:
    """``/v1/bays/{bay}/nodes``, and the same of clusters."""

    def __init__(self, services: Services, dialect: Dialect):
        self._database = services.database
        self._drivers = services.drivers
        self._max_limit = services.conf.api.max_limit
        self._dialect = dialect

    def list(self, call: Call) -> Answer:
        """GET of a bay's nodes that report, and of what the reports come to."""
        after = cursors.position(call.query)
        limit = pagination.limit(call.query, self._max_limit)
        scope = call.caller.scope('node:get_all_all_projects')
        with self._database.reading() as session:
            found = lookup.bay(session, self._dialect, lookup.OWNER, scope, call.arguments[0])
            call.caller.check('node:get_all', {'project_id': found.project_id})
            bay = bays.load(session, found.uuid)
            if bay is None:     # it was deleted this very moment
                raise lookup.not_found(errors.bays.NOT_FOUND, self._dialect, call.arguments[0])
            rows = repository.registered(session, bay.uuid, after, limit + 1)
            shown = rows[:limit]
            nodes = [
                NODE.document(row, nodegroup=name)
                for row, name in zip(shown, self._groups(session, bay, shown), strict=True)
            ]
        document: dict[str, Any] = {'nodes': nodes, 'conditions': bay.conditions or {}}
        if len(rows) > len(shown):
            url = f'{call.base}/v1/{self._dialect.collection}/{bay.uuid}/nodes'
            document['next'] = cursors.next_page(url, limit, shown[-1].id)
        return Answer(document)

    def _groups(
        self, session: orm.Session, bay: models.Bay, rows: Sequence[models.Node]
    ) -> _Names:
        """The name of the node group of each node."""
        driver = self._drivers.find(bay.driver)
        if driver is None:
            return [None] * len(rows)
        groups = nodegroups.load_all(session, bay.uuid)
        found = [group_of(driver, bay, groups, row.role, row.name) for row in rows]
        return [None if group is None else group.name for group in found]
