"""Actions on bays and clusters: resize and upgrade."""

from typing import Any, Final

from sqlalchemy import orm

from magnum.api import bay_plans, errors, versions
from magnum.api.calls import Answer, Call
from magnum.api.controllers import finding
from magnum.api.controllers.accepting import accepted, in_progress
from magnum.api.dialects import Dialect
from magnum.api.services import Services
from magnum.api.types import actions as types
from magnum.db import models
from magnum.db.repositories import bays as bay_repository
from magnum.db.repositories import nodegroups as repository
from magnum.db.repositories.scopes import Row
from magnum.domain.nodegroups import MASTER
from magnum.operations.refusals import BayGone, NodegroupGone, OperationInProgress

_BAY: Final = (bay_repository.TABLE.c.uuid, bay_repository.TABLE.c.project_id)
#: What a resize has to know of its node group.
GROUP: Final = tuple(
    repository.TABLE.c[name]
    for name in ('uuid', 'name', 'role', 'is_default', 'min_node_count', 'max_node_count')
)


class ActionsController:
    """``/v1/clusters/{cluster}/actions``, and the same below ``/v1/bays``."""

    def __init__(self, services: Services, dialect: Dialect):
        self._services = services
        self._database = services.database
        self._dialect = dialect

    def resize(self, call: Call) -> Answer:
        """POST: another number of nodes in a node group, and which of them go first."""
        given = {
            **types.RESIZE_DEFAULTS, **types.RESIZE_TYPE.parse(call.body('resize'))
        }
        if given['node_count'] == 0 and call.version < versions.ZERO_NODES:
            raise bay_plans.zero_nodes()

        def work(session: orm.Session) -> Answer:
            bay = self._bay(session, call, 'resize')
            call.precondition.check(bay.generation)
            group = finding.nodegroup(session, GROUP, bay.uuid, given['nodegroup'])
            check_resizable(group, given['node_count'])
            operation = self._services.planner.resize_bay(
                session,
                bay,
                given['node_count'],
                call.caller.requester,
                nodegroup_uuid=group.uuid,
                nodes_to_remove=tuple(given['nodes_to_remove']),
            )
            return call.keep(session, accepted(call, bay.uuid, operation))

        return self._planned(work, call)

    def _planned(self, work: Any, call: Call) -> Answer:
        ident = call.arguments[0]
        try:
            answer: Answer = self._database.run(work)
        except NodegroupGone:
            raise errors.APIError(
                errors.NODEGROUP_NOT_FOUND, 'The nodegroup could not be found.'
            ) from None
        except BayGone:
            raise finding.not_found(errors.BAY_NOT_FOUND, self._dialect, ident) from None
        except OperationInProgress as refusal:
            raise in_progress(self._dialect, ident, refusal) from None
        self._services.wake_up.send()
        return answer

    def _bay(
        self, session: orm.Session, call: Call, action: str, all_projects: str | None = None
    ) -> models.Bay:
        """The bay of the path, locked, if the caller may do this to it."""
        rule = f'{self._dialect.policy}:{all_projects}' if all_projects else None
        scope = call.caller.scope(rule)
        ident = call.arguments[0]
        row = finding.bay(session, self._dialect, _BAY, scope, ident)
        call.caller.check(f'{self._dialect.policy}:{action}', {'project_id': row.project_id})
        bay = bay_repository.load(session, row.uuid)
        if bay is None:
            raise finding.not_found(errors.BAY_NOT_FOUND, self._dialect, ident)
        return bay


def check_resizable(group: Row, node_count: int) -> None:
    """The group may have that many nodes.

    :raises APIError: 400.
    """
    if group.role == MASTER:
        raise errors.at_field(
            errors.NODEGROUP_OF_MASTERS, 'nodegroup',
            'Resizing the master nodegroup is not supported by this driver.',
        )
    lowest, highest = group.min_node_count, group.max_node_count
    if node_count < lowest or (highest is not None and node_count > highest):
        raise errors.APIError(
            errors.NODEGROUP_OUT_OF_RANGE,
            f'Resizing {group.name} outside the allowed range: min_node_count = {lowest}, '
            f'max_node_count = {highest}',
            source=errors.pointer('node_count'),
        )
