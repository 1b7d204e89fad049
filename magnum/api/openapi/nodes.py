"""What nodes ask for, outside of the route table."""

from typing import Any, Final

from magnum.api.bootstrap.handlers import MOUNT_POINT, TOKEN_HEADER
from magnum.api.openapi import failures
from magnum.api.openapi.operations import PEM
from magnum.api.types.schemas import UUID, Schema

TAG: Final = 'bootstrap'
_STRING: Final[Schema] = {'type': 'string'}
_ERRORS: Final = (400, 401, 403, 404, 405, 409, 413, 429, 431, 500, 503)

SECURITY: Final[dict[str, Any]] = {
    TOKEN_HEADER: {
        'type': 'apiKey', 'in': 'header', 'name': TOKEN_HEADER,
        'description': 'The token that a node is built with.',
    },
}


def _parameter(name: str, place: str, words: str, schema: Schema) -> dict[str, Any]:
    return {'name': name, 'in': place, 'required': True, 'schema': schema, 'description': words}


def _operation(
    identity: str, summary: str, *more: dict[str, Any], by_token: bool
) -> dict[str, Any]:
    bay = _parameter('bay', 'path', 'uuid of the bay.', UUID)
    return {
        'operationId': identity,
        'summary': summary,
        'tags': [TAG],
        'security': [{TOKEN_HEADER: []}] if by_token else [],
        'parameters': [bay, *more],
        'responses': {
            '200': {'description': 'OK', 'content': {PEM: {'schema': _STRING}}},
            **{
                str(status): {'$ref': f'#/components/responses/{failures.response_name(status)}'}
                for status in _ERRORS
            },
        },
    }


def _with_csr(operation: dict[str, Any], proof: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {'required': True, 'content': {PEM: {'schema': _STRING}}}
    if proof is not None:
        body['description'] = proof
    return {**operation, 'requestBody': body}


_NODE: Final = _parameter('node', 'query', 'Name of the node.', _STRING)
_PURPOSE: Final = 'What the certificate is for.'
_PROOF: Final = (
    'A signing request made with the key that the node showed first for the purpose: it says '
    'who asks.'
)
_NOTHING_NEW: Final = {'204': {'description': 'The node trusts what the bay trusts.'}}
_TRUST: Final = _operation(
    'bootstrap_trust', 'Say what a living node trusts, and fetch what it is to trust',
    _NODE,
    _parameter('purpose', 'query', _PURPOSE, _STRING),
    _parameter('trusts', 'query', 'SHA-256, hexadecimal, of what the node trusts.', _STRING),
    by_token=False,
)

PATHS: Final[dict[str, Any]] = {
    f'{MOUNT_POINT}/{{bay}}/ca': {
        'post': _operation(
            'bootstrap_ca', "Fetch the certificate of the bay's authority", by_token=True
        ),
    },
    f'{MOUNT_POINT}/{{bay}}/certificates/{{purpose}}': {
        'post': _with_csr(
            _operation(
                'bootstrap_certificate', 'Have a certificate of a node signed',
                _parameter('purpose', 'path', _PURPOSE, _STRING), _NODE, by_token=True,
            )
        ),
    },
    f'{MOUNT_POINT}/{{bay}}/trust': {
        'post': _with_csr(
            {**_TRUST, 'responses': {**_TRUST['responses'], **_NOTHING_NEW}}, _PROOF
        ),
    },
    f'{MOUNT_POINT}/{{bay}}/reissue/{{purpose}}': {
        'post': _with_csr(
            _operation(
                'bootstrap_reissue',
                "Have a living node's certificate signed anew, in a rotation of the authority",
                _parameter('purpose', 'path', _PURPOSE, _STRING), _NODE, by_token=False,
            ),
            _PROOF,
        ),
    },
}
