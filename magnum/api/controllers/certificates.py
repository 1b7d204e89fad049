"""Certificates of bays: the CA's own, and those it signs."""

from typing import Any, Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import CERTIFICATES, CLUSTERS
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, rotation
from magnum.api.requests.signing import sign
from magnum.api.services import Services
from magnum.api.types import certificates as types
from magnum.api.views import base
from magnum.api.views import certificates as views
from magnum.db import models
from magnum.db.repositories import bays as repository
from magnum.db.repositories import nodegroups
from magnum.domain import states
from magnum.domain.nodegroups import kind_of
from magnum.operations.accept import rotate_ca
from magnum.operations.building import is_made

_BAY: Final = (
    repository.TABLE.c.uuid,
    repository.TABLE.c.project_id,
    repository.TABLE.c.user_id,
    repository.COE,
)


class CertificatesController:
    """``/v1/certificates``; rows of the own project only, also for admins."""

    def __init__(self, services: Services):
        self._services = services
        self._database = services.database
        self._certificates = services.certificates

    def get(self, call: Call) -> Answer:
        """GET: the CA certificate; a bay has one CA, whatever type is asked for.

        While the CA is rotated there are two, the one that signs first.
        """
        ident = call.arguments[0]
        with self._database.reading() as session:
            row = self._bay(session, call, 'get', ident, errors.bays.NOT_FOUND)
            pem = self._certificates.trusted(session, row.uuid)
        if pem is None:
            raise _not_ready(row.uuid)
        return Answer(views.AUTHORITY.document(**_of_bay(call, row.uuid), pem=pem))

    def create(self, call: Call) -> Answer:
        """POST: have a request signed."""
        given = types.TYPE.parse(call.body(CERTIFICATES.argument))
        if 'bay' not in given:
            raise errors.invalid('cluster_uuid', None, 'Mandatory field missing.')
        return self._database.run(
            lambda session: call.keep(session, Answer(self._signed(session, call, given), 201))
        )

    def rotate(self, call: Call) -> Answer:
        """PATCH: a new CA, which the living nodes take over; no body is read."""
        (ident,) = call.arguments

        def find(session: orm.Session) -> Any:
            return self._bay(session, call, 'rotate', ident, errors.bays.NOT_FOUND)

        def accept(session: orm.Session, bay: models.Bay) -> models.Operation:
            self._check_rotatable(session, bay)
            return rotate_ca.accept(self._services.conf, session, bay, call.caller.requester)

        return rotation.rotate(self._services, call, find, accept)

    def _check_rotatable(self, session: orm.Session, bay: models.Bay) -> None:
        """Every node of the bay will follow.

        :raises APIError: 400 for a bay of which that is not so, 409 for one
            that was never built.
        """
        _, baymodel = repository.with_baymodel(session, bay.uuid)
        if baymodel.tls_disabled:
            raise errors.APIError(
                errors.certificates.TLS_DISABLED,
                'Rotating the CA certificate on a non-TLS cluster is not supported',
            )
        if bay.status == states.status(states.CREATE, states.FAILED):
            raise errors.APIError(
                errors.bays.NOT_READY, f'Bay {bay.uuid} was not built: its status is {bay.status}.'
            )
        driver = self._services.selection.of_bay(bay)
        for group in nodegroups.load_all(session, bay.uuid):
            role, version = kind_of(group.role), group.template_version or ''
            if is_made(group) and not driver.takes_over_trust(role, version):
                raise errors.APIError(
                    errors.drivers.NOT_CAPABLE,
                    f'The nodes of {group.name} cannot be given another CA certificate while '
                    f'they live: they were made by an older release, or by a driver '
                    f'({driver.name}) that cannot do it.',
                )

    def _signed(self, session: orm.Session, call: Call, given: dict[str, Any]) -> dict[str, Any]:
        row = self._bay(session, call, 'create', given['bay'], errors.bays.OF_CERTIFICATE_NOT_FOUND)
        pem = sign(self._certificates, session, call, row.uuid, row.coe, given['csr'])
        return views.CERTIFICATE.document(**given, **_of_bay(call, row.uuid), pem=pem)

    def _bay(
        self, session: orm.Session, call: Call, action: str, ident: str, absent: errors.Kind
    ) -> Any:
        field = 'cluster_uuid' if action == 'create' else None
        row = lookup.bay(session, CLUSTERS, _BAY, call.caller.scope(), ident, absent, field)
        owner = {'project_id': row.project_id, 'user_id': row.user_id, 'bay_uuid': row.uuid}
        call.caller.check(f'{CERTIFICATES.policy}:{action}', owner)
        return row


def _of_bay(call: Call, bay_uuid: str) -> dict[str, Any]:
    links = base.links(call.base, CERTIFICATES, bay_uuid)
    return {'cluster_uuid': bay_uuid, 'bay_uuid': bay_uuid, 'links': links}


def _not_ready(bay_uuid: str) -> errors.APIError:
    return errors.APIError(
        errors.certificates.NOT_READY,
        f'The certificate authority of {bay_uuid} is not made yet. Try again later.',
    )
