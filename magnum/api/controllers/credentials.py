"""The credentials that bays themselves have."""

from typing import Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.calls import Answer, Call
from magnum.api.controllers import finding
from magnum.api.controllers.accepting import accepted, in_progress
from magnum.api.dialects import CLUSTERS
from magnum.api.services import Services
from magnum.db.repositories import bays as repository
from magnum.operations.refusals import BayGone, OperationInProgress

_BAY: Final = (repository.TABLE.c.uuid, repository.TABLE.c.project_id)


class CredentialsController:
    """``/v1/credentials``; bays of the own project only, also for admins."""

    def __init__(self, services: Services):
        self._database = services.database
        self._planner = services.planner
        self._wake_up = services.wake_up

    def rotate(self, call: Call) -> Answer:
        """PATCH: a new password for the bay's own Keystone user; a body is not read."""
        (ident,) = call.arguments

        def work(session: orm.Session) -> Answer:
            row = finding.bay(session, CLUSTERS, _BAY, call.caller.scope(), ident)
            call.caller.check('credential:rotate', {'project_id': row.project_id})
            bay = repository.load(session, row.uuid)
            if bay is None:
                raise BayGone(row.uuid)
            call.precondition.check(bay.generation)
            operation = self._planner.rotate_credential(session, bay, call.caller.requester)
            return accepted(call, bay.uuid, operation)

        try:
            answer = self._database.run(work)
        except BayGone:
            raise finding.not_found(errors.BAY_NOT_FOUND, CLUSTERS, ident) from None
        except OperationInProgress as refusal:
            raise in_progress(CLUSTERS, ident, refusal) from None
        self._wake_up.send()
        return answer
