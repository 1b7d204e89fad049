"""Node groups of bays and clusters."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import NODEGROUPS, Dialect
from magnum.api.http import filtering, json_patch
from magnum.api.http.conditional import etag
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, new_nodegroup, refusals
from magnum.api.requests.accepted import operation_location
from magnum.api.requests.pages import Page
from magnum.api.services import Services
from magnum.api.types import nodegroups as types
from magnum.api.types.fields import Shown
from magnum.api.views import labels as resolved_labels
from magnum.api.views.nodegroups import NodegroupView
from magnum.db import models
from magnum.db.repositories import bays as bay_repository
from magnum.db.repositories import locking
from magnum.db.repositories import nodegroups as repository
from magnum.db.selections import Row
from magnum.domain import nodegroups
from magnum.drivers.plans import bay_plan, nodegroup_plan
from magnum.operations.accept import create_nodegroup, delete_nodegroup

_STORED: Final = tuple(repository.TABLE.c)


class NodegroupsController:
    """``/v1/clusters/{cluster}/nodegroups``, and the same below ``/v1/bays``."""

    def __init__(self, services: Services, dialect: Dialect):
        self._services = services
        self._database = services.database
        self._dialect = dialect
        self._plans = new_nodegroup.NodegroupPlans(services.preflight, services.selection)
        self._list_view = NodegroupView(dialect, Shown.IN_LISTS)
        self._full_view = NodegroupView(dialect, Shown.IN_FULL)

    def list(self, call: Call) -> Answer:
        """GET of a bay's node groups."""
        page = Page(call, NODEGROUPS, repository.SORTABLE, self._services.conf.api.max_limit)
        view = self._list_view
        role = filtering.text(call.query, 'role')
        with self._database.reading() as session:
            bay = self._bay(session, call, 'get_all', 'get_all_all_projects')
            return page.answer(
                f'{self._dialect.collection}/{bay.uuid}/{NODEGROUPS.collection}',
                lambda paging: repository.page(session, view.columns, bay.uuid, role, paging),
                lambda rows: view.documents(session, rows, call.base),
            )

    def get(self, call: Call) -> Answer:
        """GET of one node group."""
        with self._database.reading() as session:
            bay = self._bay(session, call, 'get', 'get_one_all_projects')
            row = lookup.nodegroup(session, self._full_view.columns, bay.uuid, call.arguments[1])
            return self._answer(session, row, call)

    def create(self, call: Call) -> Answer:
        """POST: a further node group, built while the bay goes on."""
        given = {**types.DEFAULTS, **types.TYPE.parse(call.body(NODEGROUPS.argument))}
        with self._database.reading() as session:
            found = self._bay(session, call, 'create')
            bay, baymodel = bay_repository.with_baymodel(session, found.uuid)
            others = repository.load_all(session, bay.uuid)
        if not bay.api_address:
            raise errors.APIError(
                errors.bays.NOT_READY,
                f'{self._dialect.title} API address is not available yet.',
            )
        driver = self._services.selection.of_bay(bay)
        new = self._plans.new_nodegroup(call, given, bay, baymodel, driver)
        self._check_buildable(bay, baymodel, others, new.row())

        def work(session: orm.Session) -> Answer:
            nodegroup = new.row()
            operation = create_nodegroup.accept(
                self._services.conf, session, locking.lock_bay(session, bay.uuid), nodegroup,
                call.caller.requester,
            )
            resolved_labels.tell(session, operation, new.without_effect)
            return call.keep(
                session, self._accepted(session, call, bay.uuid, nodegroup.uuid, operation)
            )

        return self._accept(bay.uuid, work)

    def update(self, call: Call) -> Answer:
        """PATCH of one: its bounds, and what its new nodes are marked with."""
        steps = json_patch.parse(call, types.TYPE, types.TYPE.changeable)

        def work(session: orm.Session) -> Answer:
            bay = locking.lock_bay(session, self._bay(session, call, 'update').uuid)
            row = lookup.nodegroup(session, _STORED, bay.uuid, call.arguments[1])
            call.precondition.check(row.generation)
            changes = json_patch.apply(steps, row._asdict())
            changed = models.Nodegroup(**{**row._asdict(), **changes})
            nodegroups.check_bounds(changed.min_node_count, changed.max_node_count)
            nodegroups.check_scheduling(changed.role, changed.node_labels, changed.node_taints)
            if changes:
                of_bay = bay_repository.with_baymodel(session, bay.uuid)
                self._check_buildable(
                    *of_bay, repository.load_all(session, bay.uuid), changed
                )
                repository.update(session, row.uuid, changes)
            return self._accepted(session, call, bay.uuid, row.uuid, None)

        with refusals.told(bay=self._dialect, ident=call.arguments[0]):
            return self._database.run(work)

    def delete(self, call: Call) -> Answer:
        """DELETE of one, unless it is a default one."""

        def work(session: orm.Session) -> Answer:
            bay = locking.lock_bay(session, self._bay(session, call, 'delete').uuid)
            row = lookup.nodegroup(session, _STORED, bay.uuid, call.arguments[1])
            call.precondition.check(row.generation)
            if row.is_default:
                raise errors.APIError(
                    errors.nodegroups.IS_DEFAULT,
                    'Deleting a default nodegroup is not supported.',
                )
            operation = delete_nodegroup.accept(
                self._services.conf, session, bay, row.uuid, call.caller.requester
            )
            return Answer(status=204, headers=operation_location(call, operation))

        return self._accept(call.arguments[0], work)

    def _check_buildable(
        self,
        bay: models.Bay,
        baymodel: models.Baymodel,
        others: Sequence[models.Nodegroup],
        nodegroup: models.Nodegroup,
    ) -> None:
        """The bay's driver can build the nodes of a group as they are wanted."""
        plan = bay_plan(bay, baymodel, others, self._services.conf)
        selection = self._services.selection
        selection.check_nodegroup(
            plan, nodegroup_plan(bay, nodegroup), selection.of_bay(bay)
        )

    # Parts -------------------------------------------------------------------
    def _accept(self, bay_ident: str, work: Callable[[orm.Session], Answer]) -> Answer:
        """The answer of a transaction that accepts an operation, or why there is none."""
        with refusals.told(bay=self._dialect, ident=bay_ident):
            return self._services.run(work)

    def _bay(
        self, session: orm.Session, call: Call, action: str, all_projects: str | None = None
    ) -> Row:
        """The bay of the path, if the caller may do this to its node groups."""
        return lookup.allowed_bay(
            session, call, self._dialect, NODEGROUPS.policy, action, all_projects
        )

    def _accepted(
        self,
        session: orm.Session,
        call: Call,
        bay_uuid: str,
        uuid: str,
        operation: models.Operation | None,
    ) -> Answer:
        """202 with the whole node group, and where its operation is watched, if any."""
        row = lookup.nodegroup(session, self._full_view.columns, bay_uuid, uuid)
        answer = self._answer(session, row, call)
        headers = dict(answer.headers)
        document = answer.document
        if operation is not None:
            headers |= operation_location(call, operation)
            document = {**document, 'operation_id': operation.uuid}
        return Answer(document, 202, headers)

    def _answer(self, session: orm.Session, row: Row, call: Call) -> Answer:
        (document,) = self._full_view.documents(session, [row], call.base)
        return Answer(document, headers=etag(row.generation))
