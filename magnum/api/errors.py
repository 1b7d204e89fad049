"""Every error that the API answers with, and how its body is written.

Clients branch on the codes. Three rules: a code is never changed, never used
again for something else, and stands in the API reference.
"""

import dataclasses
import http
import json
from collections.abc import Mapping
from typing import Any, Final


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of error: its stable code and its HTTP status."""

    code: str
    status: int


# Requests as such
BAD_REQUEST: Final = Kind('magnum.request.invalid', 400)
INVALID_VALUE: Final = Kind('magnum.request.invalid_value', 400)
INVALID_PATCH: Final = Kind('magnum.request.invalid_patch', 400)
UNKNOWN_ARGUMENT: Final = Kind('magnum.request.unknown_argument', 400)
INVALID_VERSION: Final = Kind('magnum.request.invalid_version', 406)
UNSUPPORTED_VERSION: Final = Kind('magnum.microversion-unsupported', 406)
UNSUPPORTED_MEDIA_TYPE: Final = Kind('magnum.request.unsupported_media_type', 415)
NOT_ACCEPTABLE: Final = Kind('magnum.request.not_acceptable', 406)
VERSION_TOO_LOW: Final = Kind('magnum.request.version_too_low', 406)
PRECONDITION_FAILED: Final = Kind('magnum.request.precondition_failed', 412)
KEY_REUSED: Final = Kind('magnum.request.idempotency_key_reused', 422)
NO_SUCH_PATH: Final = Kind('magnum.request.no_such_path', 404)
METHOD_NOT_ALLOWED: Final = Kind('magnum.request.method_not_allowed', 405)
TOO_LARGE: Final = Kind('magnum.request.too_large', 413)
FORBIDDEN: Final = Kind('magnum.forbidden', 403)
INTERNAL: Final = Kind('magnum.internal', 500)
CLOUD_UNAVAILABLE: Final = Kind('magnum.cloud_unavailable', 503)
CONCURRENT_UPDATE: Final = Kind('magnum.concurrent_update', 409)
MARKER_NOT_FOUND: Final = Kind('magnum.marker.not_found', 404)

# Baymodels
BAYMODEL_NOT_FOUND: Final = Kind('magnum.baymodel.not_found', 404)
BAYMODEL_OF_BAY_NOT_FOUND: Final = Kind('magnum.baymodel.not_found', 400)
BAYMODEL_AMBIGUOUS: Final = Kind('magnum.baymodel.ambiguous', 409)
BAYMODEL_EXISTS: Final = Kind('magnum.baymodel.exists', 409)
BAYMODEL_IN_USE: Final = Kind('magnum.baymodel.in_use', 400)
BAYMODEL_HIDDEN: Final = Kind('magnum.baymodel.hidden', 403)
PUBLISH_REFUSED: Final = Kind('magnum.baymodel.publish_refused', 403)
NO_DRIVER: Final = Kind('magnum.driver.not_supported', 400)

# Bays
BAY_NOT_FOUND: Final = Kind('magnum.bay.not_found', 404)
BAY_OF_CERTIFICATE_NOT_FOUND: Final = Kind('magnum.bay.not_found', 400)
BAY_AMBIGUOUS: Final = Kind('magnum.bay.ambiguous', 409)
BAY_PROPERTY_FIXED: Final = Kind('magnum.bay.property_fixed', 400)
BAY_PLAN_REFUSED: Final = Kind('magnum.bay.plan_refused', 400)
OPERATION_IN_PROGRESS: Final = Kind('magnum.bay.operation_in_progress', 409)
QUOTA_EXCEEDED: Final = Kind('magnum.quota.exceeded', 403)
ZERO_NODES: Final = Kind('magnum.nodegroup.zero_nodes', 400)

# Certificates
CERTIFICATE_NOT_READY: Final = Kind('magnum.certificate.not_ready', 409)
INVALID_CSR: Final = Kind('magnum.certificate.invalid_csr', 400)
SUBJECT_REFUSED: Final = Kind('magnum.certificate.subject_refused', 403)

# What a request names in the cloud
IMAGE_NOT_FOUND: Final = Kind('magnum.image.not_found', 400)
IMAGE_AMBIGUOUS: Final = Kind('magnum.image.ambiguous', 409)
IMAGE_FORBIDDEN: Final = Kind('magnum.image.forbidden', 403)
IMAGE_WITHOUT_DISTRO: Final = Kind('magnum.image.no_os_distro', 400)
FLAVOR_NOT_FOUND: Final = Kind('magnum.flavor.not_found', 400)
FLAVOR_WITHOUT_DISK: Final = Kind('magnum.flavor.no_disk', 400)
KEYPAIR_NOT_FOUND: Final = Kind('magnum.keypair.not_found', 404)
NETWORK_NOT_FOUND: Final = Kind('magnum.network.not_found', 400)
NETWORK_AMBIGUOUS: Final = Kind('magnum.network.ambiguous', 409)
SUBNET_NOT_FOUND: Final = Kind('magnum.subnet.not_found', 400)
SUBNET_AMBIGUOUS: Final = Kind('magnum.subnet.ambiguous', 409)

#: What a fault of our own says to the client; the log has the rest.
INTERNAL_DETAIL: Final = (
    'The service met an unexpected fault. Report the request id to the operator.'
)


class APIError(Exception):
    """Ends a request with an error answer.

    :param kind: one of this module's.
    :param detail: one or two sentences for the user, without secrets.
    :param headers: more headers of the answer.
    :param document: the whole body, where it is not of the common shape.
    :param source: what of the request is at fault; see ``pointer`` and
        ``parameter``.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str = '',
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
        source: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.document = document
        self.source = source


def pointer(field: str) -> dict[str, str]:
    """The source of an error: a field of the resource's document.

    :param field: ``node_count``, or ``labels/<name>`` for what is inside one.
    """
    parts = field.strip('/').split('/', 1)
    escaped = (part.replace('~', '~0').replace('/', '~1') for part in parts)
    return {'pointer': '/' + '/'.join(escaped)}


def parameter(name: str) -> dict[str, str]:
    """The source of an error: a query argument."""
    return {'parameter': name}


def header(name: str) -> dict[str, str]:
    """The source of an error: a header of the request."""
    return {'header': name}


def invalid(
    field: str, value: object, reason: str, source: Mapping[str, str] | None = None
) -> APIError:
    """A field's value is refused; the words are those clients know.

    :param source: of what is no field of a document.
    """
    return APIError(
        INVALID_VALUE,
        f"Invalid input for field/attribute {field}. Value: '{value}'. {reason}",
        source=pointer(field) if source is None else source,
    )


def at_field(kind: Kind, field: str, detail: str) -> APIError:
    """What a field names, or asks for, is refused."""
    return APIError(kind, f'{field}: {detail}', source=pointer(field))


def body(error: APIError, request_id: str, for_old_clients: bool) -> bytes:
    """The JSON body of an error answer.

    :param for_old_clients: also write ``error_message``, a JSON text within
        the JSON, which is all that clients of before microversions read.
    """
    if error.document is not None:
        return json.dumps(error.document).encode()
    status = error.kind.status
    title = error.detail.partition('.')[0] or http.HTTPStatus(status).phrase
    document: dict[str, Any] = {
        'errors': [
            {
                'request_id': request_id,
                'code': error.kind.code,
                'status': status,
                'title': title,
                'detail': error.detail,
                'links': [],
                **({'source': dict(error.source)} if error.source else {}),
            }
        ]
    }
    if for_old_clients:
        document['error_message'] = json.dumps(
            {
                'debuginfo': None,
                'faultcode': 'Client' if status < 500 else 'Server',
                'faultstring': error.detail or title,
            }
        )
    return json.dumps(document).encode()
