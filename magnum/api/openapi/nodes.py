"""What nodes that are being built ask for, outside of the route table."""

from typing import Any, Final

from magnum.api.controllers.bootstrap import MOUNT_POINT, TOKEN_HEADER
from magnum.api.openapi import failures
from magnum.api.openapi.operations import PEM
from magnum.api.openapi.scalars import UUID, Schema

TAG: Final = 'bootstrap'
_STRING: Final[Schema] = {'type': 'string'}
_ERRORS: Final = (400, 401, 403, 404, 405, 409, 413, 429, 500)

SECURITY: Final[dict[str, Any]] = {
    TOKEN_HEADER: {
        'type': 'apiKey', 'in': 'header', 'name': TOKEN_HEADER,
        'description': 'The token that a node is built with.',
    },
}


def _parameter(name: str, place: str, words: str, schema: Schema) -> dict[str, Any]:
    return {'name': name, 'in': place, 'required': True, 'schema': schema, 'description': words}


def _operation(identity: str, summary: str, *more: dict[str, Any]) -> dict[str, Any]:
    bay = _parameter('bay', 'path', 'uuid of the bay.', {'type': 'string', 'pattern': UUID})
    return {
        'operationId': identity,
        'summary': summary,
        'tags': [TAG],
        'security': [{TOKEN_HEADER: []}],
        'parameters': [bay, *more],
        'responses': {
            '200': {'description': 'OK', 'content': {PEM: {'schema': _STRING}}},
            **{
                str(status): {'$ref': f'#/components/responses/{failures.response_name(status)}'}
                for status in _ERRORS
            },
        },
    }


PATHS: Final[dict[str, Any]] = {
    f'{MOUNT_POINT}/{{bay}}/ca': {
        'post': _operation('bootstrap_ca', "Fetch the certificate of the bay's authority"),
    },
    f'{MOUNT_POINT}/{{bay}}/certificates/{{purpose}}': {
        'post': {
            **_operation(
                'bootstrap_certificate', 'Have a certificate of a node signed',
                _parameter('purpose', 'path', 'What the certificate is for.', _STRING),
                _parameter('node', 'query', 'Name of the node.', _STRING),
            ),
            'requestBody': {'required': True, 'content': {PEM: {'schema': _STRING}}},
        },
    },
}
