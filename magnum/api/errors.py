"""Every error that the API answers with, and how its body is written.

Clients branch on the codes. Three rules: a code is never changed, never used
again for something else, and says here what its page in the API reference says.
"""

import dataclasses
import http
import json
from collections.abc import Mapping
from typing import Any, Final

from magnum.domain import addresses


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of error: its stable code and its HTTP status.

    ``cause`` and ``remedy`` are the documentation: what happened, and what the
    client may do about it. Double quotes in them are names and values.
    """

    code: str
    status: int
    cause: str = ''
    remedy: str = ''


# Requests as such
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
INTERNAL: Final = Kind(
    'magnum.internal', 500,
    'The service met a fault of its own.',
    'Report the request id to the operator, whose log has the rest.',
)
SEAL_BROKEN: Final = Kind(
    'magnum.seal_broken', 500,
    'A secret in the database cannot be opened: the key that it was sealed with is not '
    'configured any more, or the row was changed.',
    'Report the detail to the operator: it names the key and the row. '
    '"magnum-status upgrade check" lists all such rows.',
)
CLOUD_UNAVAILABLE: Final = Kind(
    'magnum.cloud_unavailable', 503,
    'A service of the cloud did not answer a look-up that the request needs.',
    'Send the request again later; tell the operator if it goes on.',
)
OUTCOME_UNKNOWN: Final = Kind(
    'magnum.outcome_unknown', 504,
    'The connection to the database broke while a change was committed, and the database did '
    'not say within seconds whether it was: the change may have been made, or not.',
    'Look whether it was made before the request is sent again. A POST with the same '
    'Idempotency-Key can be sent again at once.',
)
DATABASE_UNAVAILABLE: Final = Kind(
    'magnum.database_unavailable', 503,
    'The database of the service does not answer; nothing was changed.',
    'Send the request again after "Retry-After" seconds; tell the operator if it goes on.',
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

# Baymodels
BAYMODEL_NOT_FOUND: Final = Kind(
    'magnum.baymodel.not_found', 404,
    'There is no baymodel of this name or uuid that the caller sees.',
    'List the baymodels; give the uuid of one of them.',
)
BAYMODEL_OF_BAY_NOT_FOUND: Final = Kind(
    'magnum.baymodel.not_found', 400,
    'The body of a new bay names a baymodel that the caller does not see. For clusters, from '
    'microversion 1.10 on, this is a 404.',
    'List the baymodels; give the uuid of one of them.',
)
BAYMODEL_AMBIGUOUS: Final = Kind(
    'magnum.baymodel.ambiguous', 409,
    'Several baymodels have this name.',
    'Use the uuid.',
)
BAYMODEL_EXISTS: Final = Kind(
    'magnum.baymodel.exists', 409,
    'There is a baymodel with the uuid that the request gives.',
    'Leave the uuid out, and the service makes one.',
)
BAYMODEL_IN_USE: Final = Kind(
    'magnum.baymodel.in_use', 400,
    'Bays refer to the baymodel, which then cannot be deleted, nor changed in what bays are '
    'made of.',
    'Delete the bays first, or make another baymodel.',
)
BAYMODEL_HIDDEN: Final = Kind(
    'magnum.baymodel.hidden', 403,
    'The baymodel is hidden: only administrators make bays of it.',
    'Use another baymodel, or ask the operator to show this one.',
)
PUBLISH_REFUSED: Final = Kind(
    'magnum.baymodel.publish_refused', 403,
    'Only administrators make baymodels public or hidden.',
    'Leave "public" and "hidden" out, or ask the operator.',
)
NO_DRIVER: Final = Kind(
    'magnum.driver.not_supported', 400,
    'No driver builds bays of this COE, server type and image.',
    'Choose a combination that the detail lists as supported.',
)

# Bays
BAY_NOT_FOUND: Final = Kind(
    'magnum.bay.not_found', 404,
    'There is no bay of this name or uuid in the project.',
    'List the bays; a deleted one is gone.',
)
BAY_OF_CERTIFICATE_NOT_FOUND: Final = Kind(
    'magnum.bay.not_found', 400,
    'The body names a bay that is not in the project.',
    'List the bays; give the uuid of one of them.',
)
BAY_AMBIGUOUS: Final = Kind(
    'magnum.bay.ambiguous', 409,
    'Several bays have this name.',
    'Use the uuid.',
)
BAY_PROPERTY_FIXED: Final = Kind(
    'magnum.bay.property_fixed', 400,
    'This member of a bay cannot be changed after its creation.',
    'Make a new bay with the value.',
)
BAY_PLAN_REFUSED: Final = Kind(
    'magnum.bay.plan_refused', 400,
    'The driver cannot build such a bay; the detail begins with the field at fault.',
    'Change the field as the detail says.',
)
OPERATION_IN_PROGRESS: Final = Kind(
    'magnum.bay.operation_in_progress', 409,
    'Another operation on the bay is active; the detail names it.',
    'Wait until it has ended, or delete the bay: a delete is taken at any time.',
)
QUOTA_EXCEEDED: Final = Kind(
    'magnum.quota.exceeded', 403,
    'The project has as many bays as it may.',
    'Delete one, or ask the operator for a larger quota.',
)
OPERATION_NOT_FOUND: Final = Kind(
    'magnum.operation.not_found', 404,
    'There is no operation of this uuid in the project, or it is older than the operator keeps.',
    'List the operations of the project, or of the bay.',
)
DRIVER_NOT_FOUND: Final = Kind(
    'magnum.driver.not_found', 404,
    'There is no driver of this name in the installation.',
    'List the drivers.',
)
TOO_MANY_STREAMS: Final = Kind(
    'magnum.event.too_many_streams', 503,
    'The process serves as many event streams as it may at a time, of all or of the project.',
    'Come back after "Retry-After" seconds, or ask for pages of events.',
)
NOT_CANCELLABLE: Final = Kind(
    'magnum.operation.not_cancellable', 409,
    'The operation has ended, or is one that goes on to its end.',
    'Nothing; of a bay that is not wanted ask for its delete, which stops all else.',
)
NOT_RETRYABLE: Final = Kind(
    'magnum.operation.not_retryable', 409,
    "The operation did not fail, or is not the last one of its bay.",
    'Ask for what the bay is to become now.',
)
QUOTA_NOT_FOUND: Final = Kind(
    'magnum.quota.not_found', 404,
    'The project has no quota of its own; the default of the operator holds.',
    'Make one by POST.',
)
QUOTA_EXISTS: Final = Kind(
    'magnum.quota.exists', 409,
    'The project has a quota of this resource already.',
    'Change it by PATCH.',
)
PROJECT_NOT_FOUND: Final = Kind(
    'magnum.project.not_found', 404,
    'Keystone knows no project of this id.',
    'Give the id of a project; names are not looked up.',
)
BAY_NOT_READY: Final = Kind(
    'magnum.bay.not_ready', 409,
    'The bay is not yet, or no longer, in a state for this: it has no API address.',
    'Wait until its status is one of those that end in COMPLETE.',
)
UPGRADE_REFUSED: Final = Kind(
    'magnum.bay.upgrade_refused', 400,
    'The bay cannot be upgraded to what the request names.',
    'Follow the detail: it says what stands in the way.',
)
UPGRADE_IMPOSSIBLE: Final = Kind(
    'magnum.bay.upgrade_impossible', 409,
    'The bay and the baymodel, or the node group, that the request names do not fit together.',
    'Name a baymodel of the same COE and driver, and upgrade the default node groups first.',
)
NOT_CAPABLE: Final = Kind(
    'magnum.driver.not_capable', 400,
    "The bay's driver cannot do this.",
    "Choose a driver that can; the drivers' capabilities are in the reference.",
)
WITHOUT_TLS: Final = Kind(
    'magnum.certificate.tls_disabled', 400,
    'The bay is built without TLS, and so has no certificates.',
    'Make the bay of a baymodel whose "tls_disabled" is false.',
)

# Node groups
ZERO_NODES: Final = Kind(
    'magnum.nodegroup.zero_nodes', 400,
    'A bay or a node group without nodes was asked for, at a microversion that has none such.',
    'Ask for microversion 1.10 or later, or for one node at least.',
)
NODEGROUP_NOT_FOUND: Final = Kind(
    'magnum.nodegroup.not_found', 404,
    'The bay has no node group of this name or uuid.',
    "List the bay's node groups.",
)
NODEGROUP_EXISTS: Final = Kind(
    'magnum.nodegroup.exists', 409,
    'The bay has a node group of this name.',
    'Choose another name.',
)
NODEGROUP_INVALID: Final = Kind(
    'magnum.nodegroup.invalid', 409,
    'The node group contradicts itself: in its counts, labels or taints.',
    'Change the field that the detail begins with.',
)
NODEGROUP_OUT_OF_RANGE: Final = Kind(
    'magnum.nodegroup.out_of_range', 400,
    'The number of nodes is outside of what the node group allows.',
    'Stay within "min_node_count" and "max_node_count", or change these first.',
)
NODE_UNKNOWN: Final = Kind(
    'magnum.nodegroup.node_unknown', 400,
    'A node to remove is not of the node group.',
    'Name servers of the group by their id, or nodes by their index in the group.',
)
NODEGROUP_IS_DEFAULT: Final = Kind(
    'magnum.nodegroup.is_default', 400,
    'The two node groups that a bay begins with stay as long as the bay does.',
    'Resize the default worker group, or delete the bay.',
)
NODEGROUP_OF_MASTERS: Final = Kind(
    'magnum.nodegroup.of_masters', 400,
    'This cannot be done to a node group of masters.',
    'Name a node group of workers.',
)

# Certificates
CERTIFICATE_NOT_READY: Final = Kind(
    'magnum.certificate.not_ready', 409,
    "The bay's certificate authority is not made yet, or has expired.",
    'Try again when the bay is built; rotate the authority of an old bay.',
)
INVALID_CSR: Final = Kind(
    'magnum.certificate.invalid_csr', 400,
    'The signing request is malformed, or asks for what nobody may have.',
    'Make a PKCS #10 request in PEM, with extensions that the detail does not refuse.',
)
SUBJECT_REFUSED: Final = Kind(
    'magnum.certificate.subject_refused', 403,
    "The caller's roles do not allow this subject; the detail has the rules that were tried.",
    'Ask for a subject that a rule allows, or ask the operator for a role.',
)

# What a request names in the cloud
IMAGE_NOT_FOUND: Final = Kind(
    'magnum.image.not_found', 400,
    'Glance has no such image for the caller.',
    'List the images; give the id of one.',
)
IMAGE_AMBIGUOUS: Final = Kind(
    'magnum.image.ambiguous', 409,
    'Several images have this name.',
    'Use the id.',
)
IMAGE_FORBIDDEN: Final = Kind(
    'magnum.image.forbidden', 403,
    'Glance does not show the image to the caller.',
    'Ask the owner of the image to share it.',
)
IMAGE_WITHOUT_DISTRO: Final = Kind(
    'magnum.image.no_os_distro', 400,
    'The image has no property "os_distro", which decides the driver.',
    'Set the property on the image, or use one that has it.',
)
FLAVOR_NOT_FOUND: Final = Kind(
    'magnum.flavor.not_found', 400,
    'Nova has no such flavor for the caller.',
    'List the flavors; give the name or id of one.',
)
ZONE_NOT_FOUND: Final = Kind(
    'magnum.zone.not_found', 400,
    'Nova or Cinder has no such availability zone, or none that is available.',
    'The message names the zones that there are; give one of them, or none.',
)
FLAVOR_WITHOUT_DISK: Final = Kind(
    'magnum.flavor.no_disk', 400,
    'The flavor has no disk, and the nodes would boot from it.',
    'Choose a flavor with a disk, or set the label "boot_volume_size".',
)
KEYPAIR_NOT_FOUND: Final = Kind(
    'magnum.keypair.not_found', 404,
    'The caller has no such key pair; key pairs belong to users, not to projects.',
    'List the key pairs with the same user, or make one.',
)
NETWORK_NOT_FOUND: Final = Kind(
    'magnum.network.not_found', 400,
    'Neutron has no such network for the caller.',
    'List the networks; for an external one it must be marked so.',
)
NETWORK_AMBIGUOUS: Final = Kind(
    'magnum.network.ambiguous', 409,
    'Several networks have this name.',
    'Use the id.',
)
SUBNET_NOT_FOUND: Final = Kind(
    'magnum.subnet.not_found', 400,
    'Neutron has no such subnet for the caller.',
    'List the subnets; give the id of one.',
)
SUBNET_AMBIGUOUS: Final = Kind(
    'magnum.subnet.ambiguous', 409,
    'Several subnets have this name.',
    'Use the id.',
)

# Nodes that are being built
BOOTSTRAP_REFUSED: Final = Kind(
    'magnum.bootstrap.refused', 401,
    'The bootstrap token, or the key, opens nothing here; what is wrong is not told.',
    'Nothing to be done from the node: a token lives as long as its node is being built, and a '
    'key opens the trust of its bay, and its own certificates while the authority is rotated.',
)
BOOTSTRAP_TOO_MANY: Final = Kind(
    'magnum.bootstrap.too_many_requests', 429,
    'The address, or the nodes of the bay, asked too often.',
    'Come again after the seconds in "Retry-After".',
)
BOOTSTRAP_INVALID_NODE: Final = Kind(
    'magnum.bootstrap.invalid_node', 400,
    "The node's name is malformed.",
    'Send the name of the server, in lower case.',
)
BOOTSTRAP_NODE_REFUSED: Final = Kind(
    'magnum.bootstrap.node_refused', 403,
    'The token is good, but not for a node of this name: the operation builds no such node, or '
    "the cloud has no server of this name that the bay's own user made.",
    'Send the name of the server that asks. A node of another operation keeps the certificates '
    'that it has.',
)
BOOTSTRAP_IDENTITY_CONFLICT: Final = Kind(
    'magnum.bootstrap.identity_conflict', 409,
    'Another key was shown for this node before. The operation that builds it fails.',
    'Nothing to be done from the node. The reason of the failed operation says what the '
    'operator does.',
)
BOOTSTRAP_UNKNOWN_PURPOSE: Final = Kind(
    'magnum.bootstrap.unknown_purpose', 400,
    'No node has a certificate of this purpose.',
    "Ask for a purpose that the bay's driver names.",
)
BOOTSTRAP_PURPOSE_REFUSED: Final = Kind(
    'magnum.bootstrap.purpose_refused', 403,
    'Nodes of this role may not have this certificate.',
    "Ask only for the certificates of the node's own role.",
)

#: What a fault of our own says to the client; the log has the rest.
INTERNAL_DETAIL: Final = (
    'The service met an unexpected fault. Report the request id to the operator.'
)


#: Characters of a refused value, and of any detail, that an answer has at most: the
#: answer to a large body is not several times as large.
_SHOWN_OF_VALUE: Final = 500
_SHOWN_OF_DETAIL: Final = 4000


def kinds() -> tuple[Kind, ...]:
    """The whole table, in its order."""
    return tuple(value for value in globals().values() if isinstance(value, Kind))


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
        self.detail = _cut(detail, _SHOWN_OF_DETAIL)
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
    text = str(value)
    if '//' in text or field.endswith('proxy'):
        # Before it is cut, lest a part of a password stays.
        text = addresses.without_credentials(text)
    shown = _cut(text, _SHOWN_OF_VALUE)
    return APIError(
        INVALID_VALUE,
        f"Invalid input for field/attribute {field}. Value: '{shown}'. {reason}",
        source=pointer(field) if source is None else source,
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[:length]}...'


def _cut_source(source: Mapping[str, str]) -> dict[str, str]:
    return {kind: _cut(name, _SHOWN_OF_VALUE) for kind, name in source.items()}


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
    # Whole, as the command line clients of since 2016 print nothing else.
    title = error.detail.removesuffix('.') or http.HTTPStatus(status).phrase
    document: dict[str, Any] = {
        'errors': [
            {
                'request_id': request_id,
                'code': error.kind.code,
                'status': status,
                'title': title,
                'detail': error.detail,
                'links': [],
                **({'source': _cut_source(error.source)} if error.source else {}),
            }
        ]
    }
    if for_old_clients:
        document |= old_words(status, error.detail or title)
    return json.dumps(document).encode()


def old_words(status: int, text: str) -> dict[str, str]:
    """What clients of before microversions read of an error body."""
    told = {
        'debuginfo': None,
        'faultcode': 'Client' if status < 500 else 'Server',
        'faultstring': text,
    }
    return {'error_message': json.dumps(told)}
