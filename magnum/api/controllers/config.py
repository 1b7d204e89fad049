"""Configuration of native clients, for a key that the caller keeps."""

from typing import Any, Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import CONFIG, Dialect
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup
from magnum.api.requests.signing import sign
from magnum.api.services import Services
from magnum.api.types import config as types
from magnum.db import models
from magnum.db.repositories import bays as repository
from magnum.drivers.contract import Access, PlanRefused

_BAY: Final = (repository.TABLE.c.uuid, repository.TABLE.c.project_id)


class ConfigController:
    """``/v1/bays/{bay}/config``, and the same of clusters; of the own project only."""

    def __init__(self, services: Services, dialect: Dialect):
        self._services = services
        self._database = services.database
        self._dialect = dialect

    def create(self, call: Call) -> Answer:
        """POST: what the COE's own client needs beside the key that only the caller has."""
        csr = types.TYPE.parse(call.body(CONFIG.argument)).get('csr')
        return self._database.run(
            lambda session: call.keep(session, Answer(self._document(session, call, csr), 201))
        )

    def _document(self, session: orm.Session, call: Call, csr: str | None) -> dict[str, Any]:
        (ident,) = call.arguments
        found = lookup.bay(session, self._dialect, _BAY, call.caller.scope(), ident)
        call.caller.check('config:create', {'project_id': found.project_id})
        bay = repository.load(session, found.uuid)
        if bay is None:
            raise lookup.not_found(errors.BAY_NOT_FOUND, self._dialect, ident)
        if not bay.api_address:
            raise errors.APIError(
                errors.BAY_NOT_READY,
                f'{self._dialect.title} API address is not available yet.',
            )
        _, baymodel = repository.with_baymodel(session, bay.uuid)
        certificate = authority = None
        if not baymodel.tls_disabled:
            if csr is None:
                raise errors.invalid('csr', None, 'Mandatory field missing.')
            certificate = sign(
                self._services.certificates, session, call, bay.uuid, baymodel.coe, csr
            )
            authority = self._services.certificates.trusted(session, bay.uuid)
        access = Access(bay.name, bay.api_address, authority, certificate)
        return {
            'cluster_uuid': bay.uuid,
            'bay_uuid': bay.uuid,
            'certificate': certificate,
            'ca': authority,
            'files': self._files(bay, access),
        }

    def _files(self, bay: models.Bay, access: Access) -> dict[str, str]:
        driver = self._services.selection.of_bay(bay)
        try:
            return dict(driver.client_files(access))
        except PlanRefused as refusal:
            raise errors.APIError(errors.NOT_CAPABLE, refusal.reason) from None
