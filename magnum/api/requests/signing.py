"""Signing of a caller's CSR by a bay's authority."""

from sqlalchemy import orm

from magnum.api.http.request import Call
from magnum.api.requests import refusals
from magnum.certificates.service import CertificateService


def sign(
    certificates: CertificateService,
    session: orm.Session,
    call: Call,
    bay_uuid: str,
    coe: str,
    csr: str,
) -> str:
    """The certificate, PEM.

    :raises APIError: 400 for a bad request, 403 for a subject that the
        caller's roles do not allow, 409 while the authority is not ready.
    """
    with refusals.told():
        issued = certificates.sign_user_csr(
            session, bay_uuid, coe, csr, call.caller.roles, call.caller.user_id or '',
            call.caller.user_name,
        )
    return issued.pem
