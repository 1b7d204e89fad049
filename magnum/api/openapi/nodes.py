"""What nodes ask for: the routes that their own tokens and keys open."""

import re
from collections.abc import Mapping
from typing import Any, Final

from magnum.api.bootstrap import signatures
from magnum.api.bootstrap.access import TOKEN_HEADER
from magnum.api.bootstrap.registration import MOST_REQUESTS
from magnum.api.http.routing import Auth, Route
from magnum.api.openapi import failures
from magnum.api.openapi.bodies import ref
from magnum.api.openapi.operations import PEM
from magnum.api.types.schemas import STRINGS, UUID, Schema, closed, nullable
from magnum.domain import reports

TAG: Final = 'bootstrap'
_STRING: Final[Schema] = {'type': 'string'}
_JSON: Final = 'application/json'
_ERRORS: Final = (400, 401, 403, 404, 405, 409, 413, 425, 429, 431, 500, 503)


def _like(pattern: str) -> Schema:
    return {'type': 'string', 'pattern': f'^{pattern}$'}


def _integer(highest: int) -> Schema:
    return {'type': 'integer', 'minimum': 0, 'maximum': highest}


def _named(pattern: str, schema: Schema) -> Schema:
    return {
        'type': 'object', 'maxProperties': reports.MOST_NAMES,
        'propertyNames': {'pattern': f'^{pattern}$'}, 'additionalProperties': schema,
    }


SECURITY: Final[dict[str, Any]] = {
    TOKEN_HEADER: {
        'type': 'apiKey', 'in': 'header', 'name': TOKEN_HEADER,
        'description': 'The token that a node is built with.',
    },
}
#: By the name of the handler: the name of the operation, and what it is.
OPERATIONS: Final[Mapping[str, tuple[str, str]]] = {
    'bootstrap.authority': ('bootstrap_ca', "Fetch the certificate of the bay's authority"),
    'bootstrap.certificate': ('bootstrap_certificate', 'Have a certificate of a node signed'),
    'following.authorities': (
        'bootstrap_authorities', 'Say what a living node trusts, and fetch what it is to trust',
    ),
    'following.certificates': (
        'bootstrap_certificates',
        "Have a living node's certificates signed anew, in a rotation or before they end",
    ),
    'following.trust': (
        'bootstrap_trust',
        'Say what a node of an earlier release trusts, and fetch what it is to trust',
    ),
    'following.reissue': (
        'bootstrap_reissue',
        "Have a certificate of an earlier release's node signed anew",
    ),
    'files.archive': ('bootstrap_files', 'Fetch the files of a node that boots'),
    'registration.register': (
        'bootstrap_register', 'Register the key of a node, and have its certificates signed',
    ),
    'registration.failure': (
        'bootstrap_failure', 'Say why the boot of a node ended before it was registered',
    ),
    'reports.report': ('bootstrap_report', 'Say how a node is'),
    'reports.result': ('bootstrap_result', 'Say what became of a directive'),
    'cloud.configuration': (
        'bootstrap_cloud', 'Fetch what a master uses the cloud with, its credential included',
    ),
    'logins.review': ('bootstrap_login', 'Ask whose a token is that a user shows a master'),
    'encryption.keys': ('bootstrap_encryption', 'Fetch the keys that a master encrypts with'),
}
#: By the name of the handler: the schemas of body and answer that are JSON.
_DOCUMENTS: Final[Mapping[str, tuple[str | None, str]]] = {
    'files.archive': (None, 'NodeFiles'),
    'registration.register': ('NodeRegistration', 'NodeRegistered'),
    'registration.failure': ('NodeFailure', 'NodeFailureTaken'),
    'following.authorities': ('NodeTrust', 'NodeTrusted'),
    'following.certificates': ('NodeRequests', 'NodeCertificates'),
    'reports.report': ('NodeReport', 'NodeAnswer'),
    'reports.result': ('NodeResult', 'NodeAnswer'),
    'cloud.configuration': ('NodeCloudAsked', 'NodeCloud'),
    'logins.review': ('NodeLoginAsked', 'NodeLogin'),
    'encryption.keys': ('NodeEncryptionAsked', 'NodeEncryption'),
}
_LINES: Final[Schema] = {
    'type': 'array', 'maxItems': reports.MOST_LINES,
    'items': {'type': 'string', 'maxLength': reports.MOST_CHARACTERS},
}
_OF_STEPS: Final[Mapping[str, Schema]] = {
    'step': nullable(_like(reports.STEP)),
    'position': nullable(_integer(reports.MOST_STEPS)),
    'steps': nullable(_integer(reports.MOST_STEPS)),
    'lines': _LINES,
}
_ENCRYPTION_KEY: Final[Schema] = {
    'type': ['string', 'null'],
    'description': 'Base64 of 32 bytes, the same for all masters of a bay: what they '
    'encrypt with. After a rotation lines of names and keys, the one that writes first. '
    'null in bays that were made without; workers and bays of other kinds hear nothing of it.',
}
_REQUESTS: Final[Schema] = {
    'type': 'object', 'description': 'Signing requests (PEM) by purpose.',
    'maxProperties': MOST_REQUESTS, 'additionalProperties': _STRING,
}
COMPONENTS: Final[Mapping[str, Schema]] = {
    'NodeRegistration': closed({
        'public_key': {
            'type': 'string', 'description': 'PEM of a P-256 key, which reports are signed with.',
        },
        'requests': _REQUESTS,
    }),
    'NodeRegistered': closed(
        {
            'authorities': nullable(_STRING), 'certificates': STRINGS, 'next': {'type': 'number'},
            'encryption_key': _ENCRYPTION_KEY,
        },
        optional=('encryption_key',),
    ),
    'NodeFailure': closed(_OF_STEPS, optional=tuple(_OF_STEPS)),
    'NodeFailureTaken': closed({}),
    'NodeTrust': closed({
        'trusts': {
            **_like(reports.FINGERPRINT), 'description': 'SHA-256 of what the node trusts.',
        },
    }),
    'NodeTrusted': closed({
        'authorities': {
            **nullable(_STRING), 'description': 'PEM; null: the node trusts what the bay trusts.',
        },
    }),
    'NodeRequests': closed({'requests': {**_REQUESTS, 'minProperties': 1}}),
    'NodeCertificates': closed({'certificates': STRINGS}),
    'NodeReport': closed(
        {
            'sequence': _integer(reports.HIGHEST_SEQUENCE),
            'state': {'enum': list(reports.STATES)},
            **_OF_STEPS,
            'conditions': _named(reports.CONDITION, closed({
                'status': {'enum': list(reports.STATUSES)},
                'reason': _like(reports.REASON),
                'message': {'type': 'string', 'maxLength': reports.LONGEST_MESSAGE},
            })),
            'versions': _named(
                reports.PROGRAM, {'type': 'string', 'maxLength': reports.LONGEST_VERSION}
            ),
            'trusts': nullable(_like(reports.FINGERPRINT)),
        },
        optional=(*_OF_STEPS, 'conditions', 'versions', 'trusts'),
    ),
    'NodeResult': closed(
        {'outcome': {'enum': list(reports.OUTCOMES)}, 'lines': _LINES}, optional=('lines',)
    ),
    'NodeAnswer': closed(
        {
            'next': {'type': 'number', 'description': 'Seconds until the next report.'},
            'directives': {
                'type': 'array',
                'items': closed({'id': UUID, 'verb': _STRING, 'parameters': {'type': 'object'}}),
            },
            'cloud_credential': {
                'type': 'integer', 'minimum': 1,
                'description': "Generation of the credential of the cloud, for masters of bays "
                'that have one; a master that has another one fetches it.',
            },
        },
        optional=('cloud_credential',),
    ),
    'NodeCloudAsked': closed({}),
    'NodeEncryptionAsked': closed({}),
    'NodeEncryption': closed({'encryption_key': _ENCRYPTION_KEY}),
    'NodeFiles': closed({
        'archive': {
            'type': 'string', 'contentEncoding': 'base64',
            'description': 'tar, compressed by xz.',
        },
    }),
    'NodeCloud': closed({
        'generation': {'type': 'integer', 'minimum': 1},
        'configuration': {
            'type': 'string',
            'description': "The text of the file that the cloud's controllers read.",
        },
        'configurations': {
            'type': 'object',
            'additionalProperties': _STRING,
            'description': 'The same for purposes that have a credential of their own, by their '
            'names.',
        },
    }),
    'NodeLoginAsked': closed({
        'token': {
            'type': 'string', 'minLength': 1, 'description': 'A token of Keystone, as shown.',
        },
    }),
    'NodeLogin': closed({
        'user': {
            **nullable(closed({
                'name': {'type': 'string', 'description': 'keystone:<id of the domain>/<name>.'},
                'uid': {'type': 'string', 'description': 'Id of the user in Keystone.'},
                'groups': {
                    'type': 'array', 'items': _STRING,
                    'description': 'Those that the roles allow, and keystone:<role> of each role.',
                },
            })),
            'description': "null: it is not valid, or not of the bay's project.",
        },
    }),
}
_WITHOUT_BODY: Final = frozenset({'bootstrap.authority'})
_WITH_NOTHING_NEW: Final = frozenset({'following.trust'})
#: Arguments of paths and queries, with their schemas.
_ARGUMENTS: Final[Mapping[str, tuple[str, Schema]]] = {
    'bay': ('uuid of the bay.', UUID),
    'node': ('Name of the node.', _STRING),
    'purpose': ('What the certificate is for.', _STRING),
    'digest': ('SHA-256, hexadecimal, that the user data has.', _STRING),
    'directive': ('Id of the directive.', UUID),
    'trusts': ('SHA-256, hexadecimal, of what the node trusts.', _STRING),
    'renews': ('The node asks for another certificate before this one ends.', {'const': 'true'}),
    'signs': ('The node signs all that it asks for later.', {'const': 'true'}),
    'turns': ('A master that says so waits until others have followed.', {'const': 'true'}),
}
_OPTIONAL: Final = frozenset({'turns', 'renews', 'signs'})
_SIGNATURE: Final = (
    'RFC 9421: a signature by the registered key, labelled "magnum", over "@method" and '
    '"content-digest" with "created", "nonce", "keyid" (<bay>/<role>/<node>), "alg" '
    '(ecdsa-p256-sha256) and "tag" (magnum/report, magnum/result/<directive>, '
    'magnum/authorities, magnum/certificates, magnum/cloud, magnum/login or '
    'magnum/encryption), in this order.'
)
_PROOF: Final = (
    'A signing request made with the key that the node showed first for the purpose: it says '
    'who asks. Refused to a node that has signed once, or registered with "signs".'
)


def operation(route: Route) -> dict[str, Any]:
    """What the document says of a route."""
    name = route.handler.name
    identity, summary = OPERATIONS[name]
    described: dict[str, Any] = {
        'operationId': identity,
        'summary': summary,
        'tags': [TAG],
        'security': [{TOKEN_HEADER: []}] if route.auth is Auth.NODE_TOKEN else [],
        'parameters': [
            *(_parameter(argument, 'path') for argument in re.findall(r'{(\w+)}', route.path)),
            *(_parameter(argument, 'query') for argument in route.query),
        ],
        'responses': {
            '200': {'description': 'OK', 'content': {PEM: {'schema': _STRING}}},
            **{
                str(status): _failure(status) for status in _ERRORS
            },
        },
    }
    if route.auth is Auth.NODE_SIGNATURE:
        described['parameters'] += [_header(header) for header in signatures.HEADERS]
        described['responses']['410'] = _failure(410)
    if name in _DOCUMENTS:
        asked, answered = _DOCUMENTS[name]
        if asked is not None:
            described['requestBody'] = {
                'required': True, 'content': {_JSON: {'schema': ref(asked)}},
            }
        described['responses']['200']['content'] = {_JSON: {'schema': ref(answered)}}
        return described
    if name in _WITH_NOTHING_NEW:
        described['responses']['204'] = {
            'description': 'The node trusts what the bay trusts.',
        }
    if name not in _WITHOUT_BODY:
        body: dict[str, Any] = {'required': True, 'content': {PEM: {'schema': _STRING}}}
        if route.auth is Auth.NODE_KEY:
            body['description'] = _PROOF
        described['requestBody'] = body
    return described


def _parameter(name: str, place: str) -> dict[str, Any]:
    words, schema = _ARGUMENTS[name]
    return {
        'name': name, 'in': place, 'required': name not in _OPTIONAL, 'schema': schema,
        'description': words,
    }


def _header(name: str) -> dict[str, Any]:
    return {
        'name': name, 'in': 'header', 'required': True, 'schema': _STRING,
        'description': _SIGNATURE,
    }


def _failure(status: int) -> dict[str, Any]:
    return {'$ref': f'#/components/responses/{failures.response_name(status)}'}
