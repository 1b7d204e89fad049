"""Having a caller's request signed by a bay's authority."""

from sqlalchemy import orm

from magnum.api import errors
from magnum.api.http.request import Call
from magnum.certificates.errors import (
    AuthorityExpired,
    AuthorityMissing,
    InvalidCSR,
    SubjectRefused,
)
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
    try:
        issued = certificates.sign_user_csr(
            session, bay_uuid, coe, csr, call.caller.roles, call.caller.user_id or '',
            call.caller.user_name,
        )
    except InvalidCSR as refusal:
        raise errors.APIError(
            errors.INVALID_CSR, str(refusal), source=errors.pointer('csr')
        ) from None
    except SubjectRefused as refusal:
        raise errors.APIError(
            errors.SUBJECT_REFUSED, str(refusal), source=errors.pointer('csr')
        ) from None
    except (AuthorityMissing, AuthorityExpired) as refusal:
        raise errors.APIError(errors.CERTIFICATE_NOT_READY, str(refusal)) from None
    return issued.pem
