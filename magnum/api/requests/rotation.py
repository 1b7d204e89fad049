"""What rotations of a bay's secrets have in common: accepted now, done later."""

from collections.abc import Callable

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import CLUSTERS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.requests.accepted import accepted, in_progress
from magnum.api.services import Services
from magnum.db import models
from magnum.db.repositories import bays as repository
from magnum.db.repositories.visibility import Row
from magnum.operations.errors import BayGone, OperationInProgress

#: Finds the bay of the request, if the caller may do this to it.
Find = Callable[[orm.Session], Row]
#: Plans the rotation of a bay.
Plan = Callable[[orm.Session, models.Bay], models.Operation]


def rotate(services: Services, call: Call, find: Find, plan: Plan) -> Answer:
    """Plan a rotation and answer 202."""
    (ident,) = call.arguments

    def work(session: orm.Session) -> Answer:
        row = find(session)
        bay = repository.load(session, row.uuid)
        if bay is None:
            raise BayGone(row.uuid)
        call.precondition.check(bay.generation)
        return accepted(call, bay.uuid, plan(session, bay))

    try:
        answer = services.database.run(work)
    except BayGone:
        raise lookup.not_found(errors.BAY_NOT_FOUND, CLUSTERS, ident) from None
    except OperationInProgress as refusal:
        raise in_progress(CLUSTERS, ident, refusal) from None
    services.wake_up.send()
    return answer
