"""Configuration of native clients, for a key that the caller keeps."""

from typing import Any, Final

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.dialects import CONFIG, Dialect
from magnum.api.http.request import Answer, Call
from magnum.api.requests import lookup, refusals
from magnum.api.requests.refusals import Refusal
from magnum.api.requests.signing import sign
from magnum.api.services import Services
from magnum.api.types import config as types
from magnum.api.views import config as views
from magnum.db.repositories import bays as repository
from magnum.db.repositories import locking
from magnum.drivers.contract import Access, PlanRefused

#: What its driver makes no files for.
_INCAPABLE: Final[refusals.Table] = {
    PlanRefused: Refusal(errors.drivers.NOT_CAPABLE, '{error.reason}'),
}


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
        found = lookup.bay(session, self._dialect, lookup.OWNER, call.caller.scope(), ident)
        call.caller.check('config:create', {'project_id': found.project_id})
        with refusals.told(bay=self._dialect, ident=ident):
            bay = locking.lock_bay(session, found.uuid)
        if not bay.api_address:
            raise errors.APIError(
                errors.bays.NOT_READY,
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
        with refusals.told(_INCAPABLE):
            files = dict(self._services.selection.of_bay(bay).client_files(access))
        return views.CONFIG.document(
            cluster_uuid=bay.uuid, bay_uuid=bay.uuid, certificate=certificate, ca=authority,
            files=files,
        )
