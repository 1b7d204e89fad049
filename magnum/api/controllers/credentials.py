"""The credentials that bays themselves have."""

from sqlalchemy import orm

from magnum.api.dialects import CLUSTERS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.requests.rotation import rotate
from magnum.api.services import Services
from magnum.db import models
from magnum.db.selections import Row
from magnum.operations.accept import rotate_credential


class CredentialsController:
    """``/v1/credentials``; bays of the own project only, also for admins."""

    def __init__(self, services: Services):
        self._services = services

    def rotate(self, call: Call) -> Answer:
        """PATCH: a new password for the bay's own Keystone user; a body is not read."""

        def find(session: orm.Session) -> Row:
            row = lookup.bay(
                session, CLUSTERS, lookup.OWNER, call.caller.scope(), call.arguments[0]
            )
            call.caller.check('credential:rotate', {'project_id': row.project_id})
            return row

        def accept(session: orm.Session, bay: models.Bay) -> models.Operation:
            return rotate_credential.accept(
                self._services.conf, session, bay, call.caller.requester
            )

        return rotate(self._services, call, find, accept)
