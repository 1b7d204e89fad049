"""Bays and clusters: one implementation for both names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.api import errors, versions
from magnum.api.controllers.actions import GROUP, check_master_count, check_resizable
from magnum.api.dialects import Dialect
from magnum.api.http import filtering, json_patch
from magnum.api.http.conditional import etag
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, new_bay, pages, refusals
from magnum.api.requests.accepted import accepted, operation_location
from magnum.api.requests.stack_wait import await_stack
from magnum.api.services import Services
from magnum.api.types import bays as types
from magnum.api.types.fields import ResourceType, Shown
from magnum.api.views import labels as resolved_labels
from magnum.api.views.base import BayView
from magnum.db import models
from magnum.db.repositories import baymodels as baymodel_repository
from magnum.db.repositories import bays as repository
from magnum.db.repositories.visibility import Scope
from magnum.db.selections import Row
from magnum.domain import states
from magnum.domain.nodegroups import DEFAULT_MASTER, MASTER, WORKER
from magnum.operations.accept import create, delete, resize, resize_masters
from magnum.operations.accept.errors import BaymodelGone

T = TypeVar('T')

_OWNER: Final = (repository.TABLE.c.uuid, repository.TABLE.c.project_id, repository.TABLE.c.user_id)
_STORED: Final = tuple(repository.TABLE.c)
_BAYMODEL: Final = tuple(baymodel_repository.TABLE.c)
_GROUP_COUNTS: Final = (
    repository.NODEGROUP.c.role,
    repository.NODEGROUP.c.node_count,
    repository.NODEGROUP.c.is_default,
    repository.NODEGROUP.c.status,
)
_RESOLVED_LABELS: Final = 'resolved_labels'
_LABELLED: Final = (
    repository.TABLE.c.uuid,
    repository.TABLE.c.project_id.label('owner'),
    repository.TABLE.c.driver,
    repository.TABLE.c.labels,
    repository.TABLE.c.presets,
    repository.BAYMODEL_LABELS,
    repository.BAYMODEL_NETWORK_DRIVER,
)
_HEALTH: Final = frozenset({'health_status', 'health_status_reason'})
_DIGITS_OF_AN_ID: Final = 19


class BaysController:
    """``/v1/bays`` or ``/v1/clusters``."""

    def __init__(self, services: Services, dialect: Dialect, baymodel_dialect: Dialect):
        self._services = services
        self._database = services.database
        self._dialect = dialect
        self._baymodel_dialect = baymodel_dialect
        self._plans = new_bay.BayPlans(services.conf, services.preflight, services.selection)
        spoken = tuple(dialect.spoken())
        self._list_views, self._full_views, self._one_views = (
            {one: BayView(types.TYPES[one], shown) for one in spoken}
            for shown in (Shown.IN_LISTS, Shown.IN_FULL, Shown.ALONE)
        )

    def list(self, call: Call) -> Answer:
        """GET of the collection."""
        view = self._list_views[self._dialect.at(call.version)]
        return self._page(call, 'get_all', view)

    def detail(self, call: Call) -> Answer:
        """GET of the collection in detail."""
        view = self._full_views[self._dialect.at(call.version)]
        return self._page(call, 'detail', view)

    def get(self, call: Call) -> Answer:
        """GET of one."""
        view = self._one_views[self._dialect.at(call.version)]
        with self._database.reading() as session:
            row = self._readable(session, call, view.columns)
            (document,) = view.documents(session, [row], call.base)
        further = (_RESOLVED_LABELS,) if call.version >= versions.DRIVERS else ()
        chosen = filtering.members(call.query, (*document, *further))
        # Tables of the members would be too wide with them.
        if chosen is not None and _RESOLVED_LABELS in chosen:
            document[_RESOLVED_LABELS] = self._resolved_labels(row)
        return Answer(filtering.narrow(document, chosen), headers=etag(row.generation))

    def labels(self, call: Call) -> Answer:
        """GET of what the labels of one come to."""
        with self._database.reading() as session:
            row = self._readable(session, call, _LABELLED)
        return Answer({_RESOLVED_LABELS: self._resolved_labels(row)})

    def create(self, call: Call) -> Answer:
        """POST: the promise of a bay; synchronous for bays of old."""
        given = {**types.DEFAULTS, **self._type(call).parse(call.body(self._dialect.argument))}
        call.caller.check(self._rule('create'))
        baymodel = self._baymodel(call, given['baymodel_id'])
        if baymodel.hidden and not call.caller.may('context_is_admin'):
            raise errors.APIError(errors.baymodels.HIDDEN, 'Not authorized.')
        new = self._plans.new_bay(call, self._dialect, given, baymodel)

        if call.flag('dry_run'):
            return self._preview(call, baymodel, new)
        is_asynchronous = self._is_asynchronous(call)

        def work(session: orm.Session) -> tuple[str, Answer]:
            operation = create.accept(
                self._services.conf, session, *new.rows(), call.caller.requester,
                baymodel.generation,
            )
            resolved_labels.tell(session, operation, new.without_effect)
            bay_uuid = operation.bay_uuid
            if is_asynchronous:
                return bay_uuid, call.keep(session, accepted(call, bay_uuid, operation))
            return bay_uuid, call.keep(session, self._document(session, call, bay_uuid, 201))

        bay_uuid, answer = self._accept(call, baymodel, lambda: self._services.run(work))
        if is_asynchronous:
            return answer
        await_stack(self._services, bay_uuid, call.caller.project_id)
        with self._database.reading() as session:
            return self._document(session, call, bay_uuid, 201)

    def update(self, call: Call) -> Answer:
        """PATCH: another number of nodes, or what an agent found of a cluster's health."""
        rollback = call.flag('rollback')
        steps = json_patch.parse(call, self._type(call))
        scope = call.caller.scope(self._rule('update_all_projects'))
        (ident,) = call.arguments
        bay_uuid, changes = self._changes(call, scope, ident, steps)
        operation = None
        if changes:
            with refusals.told(bay=self._dialect, ident=bay_uuid):
                operation = self._database.run(
                    lambda session: self._update(session, call, bay_uuid, changes, rollback)
                )
        if operation is not None:
            self._services.wake_up.send()
        if self._is_asynchronous(call):
            return accepted(call, bay_uuid, operation)
        with self._database.reading() as session:
            return self._document(session, call, bay_uuid, 200)

    def delete(self, call: Call) -> Answer:
        """DELETE: in any status; what else goes on is pre-empted."""
        scope = call.caller.scope(self._rule('delete_all_projects'))
        (ident,) = call.arguments

        def work(session: orm.Session) -> models.Operation:
            row = lookup.bay(session, self._dialect, _OWNER, scope, ident)
            call.caller.check(self._rule('delete'), {'project_id': row.project_id})
            bay = lookup.locked_bay(session, call, row.uuid)
            return delete.accept(
                self._services.conf, session, bay, call.caller.requester
            )

        with refusals.told(bay=self._dialect, ident=ident):
            operation = self._services.run(work)
        return Answer(status=204, headers=operation_location(call, operation))

    def _preview(
        self, call: Call, baymodel: models.Baymodel, new: new_bay.NewBay
    ) -> Answer:
        """What the bay would be; all is checked as for a bay that is made."""

        def work(session: orm.Session) -> None:
            create.accept(
                self._services.conf, session, *new.rows(), call.caller.requester,
                baymodel.generation,
            )

        self._accept(call, baymodel, lambda: self._database.dry_run(work))
        bay, groups = new.rows()
        return self._services.previews.of_bay(call, bay, baymodel, groups, new.driver)

    # Parts of create ---------------------------------------------------------
    def _baymodel(self, call: Call, ident: str) -> models.Baymodel:
        """The baymodel that a new bay names: by uuid, name or number."""
        absent = self._absent_baymodel(call)
        scope = call.caller.scope(f'{self._baymodel_dialect.policy}:get_one_all_projects')
        with self._database.reading() as session:
            row = None
            if ident.isdecimal() and len(ident) < _DIGITS_OF_AN_ID:
                row = baymodel_repository.find_numbered(
                    session, _BAYMODEL, scope, int(ident)
                )
            if row is None:
                row = lookup.baymodel(
                    session, self._baymodel_dialect, _BAYMODEL, scope, ident, absent,
                    self._dialect.member('baymodel_id'),
                )
        return models.Baymodel(**row._asdict())

    def _absent_baymodel(self, call: Call) -> errors.Kind:
        since = self._dialect.unknown_baymodel_404_from
        if since is not None and call.version >= since:
            return errors.baymodels.NOT_FOUND
        return errors.baymodels.OF_BAY_NOT_FOUND

    def _accept(self, call: Call, baymodel: models.Baymodel, accept: Callable[[], T]) -> T:
        gone = refusals.TABLE[BaymodelGone]._replace(kind=self._absent_baymodel(call))
        with refusals.told(
            {BaymodelGone: gone},
            bay=self._dialect, baymodel=self._baymodel_dialect, ident=baymodel.uuid,
        ):
            return accept()

    # Parts of update ---------------------------------------------------------
    def _changes(
        self, call: Call, scope: Scope, ident: str, steps: Sequence[json_patch.Step]
    ) -> tuple[str, dict[str, Any]]:
        """The bay's uuid and what a patch changes of it, if it may."""
        with self._database.reading() as session:
            row = lookup.bay(session, self._dialect, _STORED, scope, ident)
            target = {
                'project_id': row.project_id, 'user_id': row.user_id, 'bay_uuid': row.uuid
            }
            rule = 'update'
            if self._type(call).changeable >= _HEALTH and _is_health_only(steps):
                rule = 'update_health_status'
            call.caller.check(self._rule(rule), target)
            # Also of a patch that changes nothing.
            call.precondition.check(row.generation)
            groups = repository.nodegroups(session, _GROUP_COUNTS, [row.uuid])
        of_role = {group.role: group for group in groups if group.is_default}
        workers = of_role[WORKER]
        current = {
            **row._asdict(),
            'node_count': workers.node_count,
            'master_count': of_role[MASTER].node_count,
        }
        if states.is_failed(row.status) or states.is_failed(workers.status):
            # The count was asked for and not reached: naming it again is a change.
            current['node_count'] = None
        if states.is_failed(of_role[MASTER].status):
            current['master_count'] = None
        changes = json_patch.apply(steps, current)
        fixed = changes.keys() - self._type(call).changeable
        if fixed:
            members = ', '.join(sorted(map(self._dialect.member, fixed)))
            raise errors.APIError(
                errors.bays.PROPERTY_FIXED,
                f'cannot change {self._dialect.singular} property(ies) {members}.',
                source=errors.pointer(min(map(self._dialect.member, fixed))),
            )
        if changes.get('node_count') == 0 and call.version < versions.ZERO_NODES:
            raise new_bay.zero_nodes()
        if changes.keys() & _HEALTH:
            call.caller.check(self._rule('update_health_status'), target)
        return row.uuid, changes

    def _update(
        self,
        session: orm.Session,
        call: Call,
        bay_uuid: str,
        changes: Mapping[str, Any],
        rollback: bool,
    ) -> models.Operation | None:
        bay = lookup.locked_bay(session, call, bay_uuid)
        health = {name: value for name, value in changes.items() if name in _HEALTH}
        if health:
            repository.update_health(session, bay_uuid, health)
        operation = None
        if 'node_count' in changes:
            group = lookup.nodegroup(session, GROUP, bay_uuid, None)
            check_resizable(group, changes['node_count'])
            operation = resize.accept(
                self._services.conf, session, bay, changes['node_count'], call.caller.requester,
                rollback,
            )
        if 'master_count' in changes:
            operation = self._resize_masters(
                session, call, bay, changes['master_count'], rollback
            ) or operation
        return operation

    def _resize_masters(
        self, session: orm.Session, call: Call, bay: models.Bay, count: int, rollback: bool
    ) -> models.Operation | None:
        """Accept another number of masters."""
        if rollback:
            raise errors.APIError(
                errors.requests.INVALID_VALUE,
                'rollback: Heat cannot undo a change of master_count: masters join and leave '
                'their cluster by themselves.',
                source=errors.parameter('rollback'),
            )
        group = lookup.nodegroup(session, GROUP, bay.uuid, DEFAULT_MASTER)
        check_resizable(group, count, 'master_count')
        check_master_count(self._services, session, bay, count, 'master_count')
        return resize_masters.accept(
            self._services.conf, session, bay, count, call.caller.requester
        )

    # Common parts ------------------------------------------------------------
    def _readable(
        self, session: orm.Session, call: Call, columns: tuple[sa.ColumnElement[Any], ...]
    ) -> Row:
        """The bay of the path, if the caller may see it.

        :param columns: with the owner and the uuid among them.
        """
        scope = call.caller.scope(self._rule('get_one_all_projects'))
        (ident,) = call.arguments
        row = lookup.bay(session, self._dialect, columns, scope, ident)
        call.caller.check(self._rule('get'), {'project_id': row.owner, 'bay_uuid': row.uuid})
        return row

    def _resolved_labels(self, row: Row) -> resolved_labels.Document:
        return resolved_labels.of_bay(row, self._services.drivers, self._services.conf)

    def _rule(self, action: str) -> str:
        return f'{self._dialect.policy}:{action}'

    def _type(self, call: Call) -> ResourceType:
        return types.TYPES[self._dialect.at(call.version)]

    def _is_asynchronous(self, call: Call) -> bool:
        return call.version >= self._dialect.asynchronous_from

    def _document(self, session: orm.Session, call: Call, bay_uuid: str, status: int) -> Answer:
        """The full bay; one that is gone meanwhile is a 404."""
        view = self._full_views[self._dialect.at(call.version)]
        row = repository.by_uuid(session, view.columns, bay_uuid)
        if row is None:
            raise lookup.not_found(errors.bays.NOT_FOUND, self._dialect, bay_uuid)
        (document,) = view.documents(session, [row], call.base)
        headers = etag(row.generation)
        if status == 201:
            headers['Location'] = document['links'][0]['href']
        return Answer(document, status, headers)

    def _page(self, call: Call, action: str, view: BayView) -> Answer:
        return pages.of_resource(
            call, self._database, repository.RESOURCE, view, action,
            self._services.conf.api.max_limit,
        )


def _is_health_only(steps: Sequence[json_patch.Step]) -> bool:
    """Whether a patch reports nothing but health, which is under a rule of its own."""
    return bool(steps) and all(step.member in _HEALTH for step in steps)
