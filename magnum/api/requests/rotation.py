"""What rotations of a bay's secrets have in common: accepted now, done later."""

from collections.abc import Callable

from sqlalchemy import orm

from magnum.api.dialects import CLUSTERS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, refusals
from magnum.api.requests.accepted import accepted
from magnum.api.services import Services
from magnum.db import models
from magnum.db.selections import Row

#: Finds the bay of the request, if the caller may do this to it.
Find = Callable[[orm.Session], Row]
#: Accepts the rotation of a bay.
Accept = Callable[[orm.Session, models.Bay], models.Operation]


def rotate(services: Services, call: Call, find: Find, accept: Accept) -> Answer:
    """Accept a rotation and answer 202."""
    (ident,) = call.arguments

    def work(session: orm.Session) -> Answer:
        bay = lookup.locked_bay(session, call, find(session).uuid)
        return accepted(call, bay.uuid, accept(session, bay))

    with refusals.told(bay=CLUSTERS, ident=ident):
        return services.run(work)
