"""What nodes ask for: the routes that their own tokens and keys open."""

import re
from collections.abc import Mapping
from typing import Any, Final

from magnum.api.bootstrap.access import TOKEN_HEADER
from magnum.api.http.routing import Auth, Route
from magnum.api.openapi import failures
from magnum.api.openapi.operations import PEM
from magnum.api.types.schemas import UUID, Schema

TAG: Final = 'bootstrap'
_STRING: Final[Schema] = {'type': 'string'}
_ERRORS: Final = (400, 401, 403, 404, 405, 409, 413, 425, 429, 431, 500, 503)

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
    'bootstrap.trust': (
        'bootstrap_trust', 'Say what a living node trusts, and fetch what it is to trust',
    ),
    'bootstrap.reissue': (
        'bootstrap_reissue',
        "Have a living node's certificate signed anew, in a rotation or before it ends",
    ),
}
_WITHOUT_BODY: Final = frozenset({'bootstrap.authority'})
_WITH_NOTHING_NEW: Final = frozenset({'bootstrap.trust'})
#: Arguments of paths and queries, with their schemas.
_ARGUMENTS: Final[Mapping[str, tuple[str, Schema]]] = {
    'bay': ('uuid of the bay.', UUID),
    'node': ('Name of the node.', _STRING),
    'purpose': ('What the certificate is for.', _STRING),
    'trusts': ('SHA-256, hexadecimal, of what the node trusts.', _STRING),
    'renews': ('The node asks for another certificate before this one ends.', {'const': 'true'}),
    'turns': ('A master that says so waits until others have followed.', {'const': 'true'}),
}
_OPTIONAL: Final = frozenset({'turns', 'renews'})
_PROOF: Final = (
    'A signing request made with the key that the node showed first for the purpose: it says '
    'who asks.'
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
                str(status): {'$ref': f'#/components/responses/{failures.response_name(status)}'}
                for status in _ERRORS
            },
        },
    }
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
