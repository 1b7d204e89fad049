"""Errors of requests as such: their form, version, conditions and rights."""

from typing import Final

from magnum.api.errors.kinds import Kind

BAD_REQUEST: Final = Kind(
    'magnum.request.invalid', 400,
    'The request cannot be understood: its form, not a value, is wrong.',
    'Correct what the detail names; the API reference has the form of every request.',
)
INVALID_VALUE: Final = Kind(
    'magnum.request.invalid_value', 400,
    "A member's or an argument's value is refused.",
    'Give a value that the detail allows; "source" points at the one at fault.',
)
INVALID_PATCH: Final = Kind(
    'magnum.request.invalid_patch', 400,
    'The JSON patch is malformed, names what cannot be changed, or does not apply.',
    'Read the resource again, and send operations on members that it has and that may change.',
)
UNKNOWN_ARGUMENT: Final = Kind(
    'magnum.request.unknown_argument', 400,
    'The route has no such query argument, or not yet at the microversion asked for.',
    'Leave the argument out, or ask for the microversion that brought it.',
)
INVALID_VERSION: Final = Kind(
    'magnum.request.invalid_version', 406,
    'The version header is malformed, or names another service.',
    'Send "OpenStack-API-Version: container-infra 1.N", or no such header.',
)
UNSUPPORTED_VERSION: Final = Kind(
    'magnum.microversion-unsupported', 406,
    'The microversion is out of the range of this service.',
    'Ask for one between "min_version" and "max_version" of the body.',
)
UNSUPPORTED_MEDIA_TYPE: Final = Kind(
    'magnum.request.unsupported_media_type', 415,
    'The body is of a media type other than JSON.',
    'Send JSON, with "Content-Type: application/json".',
)
NOT_ACCEPTABLE: Final = Kind(
    'magnum.request.not_acceptable', 406,
    'The answer cannot be given in what the client accepts.',
    'Accept "application/json".',
)
VERSION_TOO_LOW: Final = Kind(
    'magnum.request.version_too_low', 406,
    'The route is there, but not at the microversion that the request runs at.',
    'Ask for the microversion that the detail names, or a later one.',
)
PRECONDITION_FAILED: Final = Kind(
    'magnum.request.precondition_failed', 412,
    'The resource is no longer what "If-Match" asks for: somebody changed it.',
    'Read the resource again, decide anew, and send its present ETag.',
)
KEY_REUSED: Final = Kind(
    'magnum.request.idempotency_key_reused', 422,
    'The Idempotency-Key was used for another request.',
    'Make a new key for each new request; send an old key only with the request it was made for.',
)
NO_SUCH_PATH: Final = Kind(
    'magnum.request.no_such_path', 404,
    'There is no such path.',
    'Compare the path with the routes of the API reference.',
)
METHOD_NOT_ALLOWED: Final = Kind(
    'magnum.request.method_not_allowed', 405,
    'The path exists, with other methods.',
    'Use one of the methods in the header "Allow".',
)
TOO_LARGE: Final = Kind(
    'magnum.request.too_large', 413,
    'The body is longer than the service reads.',
    'Send less; the operator sets the limit.',
)
HEADERS_TOO_LARGE: Final = Kind(
    'magnum.request.headers_too_large', 431,
    'The headers of the request are longer than the service reads.',
    'Send shorter ones; the operator sets the limit with "[api]max_header_size".',
)
FORBIDDEN: Final = Kind(
    'magnum.forbidden', 403,
    'The policy does not allow it to the caller, or a service of the cloud does not.',
    'Ask for a role that the rule in the detail wants, or ask the operator to change the rule.',
)
CONCURRENT_UPDATE: Final = Kind(
    'magnum.concurrent_update', 409,
    'Somebody else changed the same thing at the same moment.',
    'Read it again and repeat the request.',
)
MARKER_NOT_FOUND: Final = Kind(
    'magnum.marker.not_found', 404,
    'The marker is no item that the caller sees: it may have been deleted meanwhile.',
    'Begin the list anew, without a marker.',
)
