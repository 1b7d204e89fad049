"""Error answers: one component per status, with the codes that it may have."""

import http
from collections.abc import Iterator, Mapping
from typing import Any, Final

from magnum.api import errors
from magnum.api.http.routing import Route
from magnum.api.openapi.bodies import ref
from magnum.api.openapi.operations import JSON, Operation
from magnum.api.types.schemas import LINKS, Schema, closed

_STRING: Final[Schema] = {'type': 'string'}
_EVERY: Final = frozenset({400, 406, 413, 431, 500})
_GUARDED: Final = frozenset({401, 403, 503})
_PAGED: Final = frozenset({404})
_OF_A_THING: Final = frozenset({404, 409})
_WITH_BODY: Final = frozenset({404, 409, 415})
_CONDITIONAL: Final = frozenset({412})
_OF_KEYS: Final = frozenset({409, 422})
_OF_CHANGES: Final = frozenset({504})
_CHANGES: Final = frozenset({'POST', 'PATCH', 'PUT', 'DELETE'})

#: Before handlers, middleware may answer in its own words.
_OF_MIDDLEWARE: Final[Mapping[int, Mapping[str, Any]]] = {
    401: {
        JSON: {
            'schema': closed(
                {
                    'error': closed(
                        {'code': {'const': 401}, 'title': _STRING, 'message': _STRING}
                    )
                }
            )
        }
    },
}


def statuses(route: Route, operation: Operation, public: bool) -> frozenset[int]:
    """Statuses of the errors that a route may answer with."""
    found = _EVERY if public else _EVERY | _GUARDED
    if 'marker' in route.query:
        found |= _PAGED
    if '{' in route.path:
        found |= _OF_A_THING
    if operation.body:
        found |= _WITH_BODY
    if operation.tagged and route.method in _CHANGES:
        found |= _CONDITIONAL
    if route.method in _CHANGES:
        found |= _OF_CHANGES
    if route.method == 'POST':
        found |= _OF_KEYS
    return found


def response_name(status: int) -> str:
    """The response component of a status."""
    return f'Error{status}'


def components() -> Iterator[tuple[str, Schema]]:
    """A schema for each status that the table of errors has."""
    for status in _table_statuses():
        yield response_name(status), _body(status)
    yield 'UnsupportedVersion', _unsupported_version()


def responses() -> dict[str, Any]:
    """A response for each status."""
    return {
        response_name(status): _response(status)
        for status in sorted({*_table_statuses(), *_OF_MIDDLEWARE})
    }


def _table_statuses() -> list[int]:
    return sorted({kind.status for kind in errors.KINDS})


def _codes(status: int) -> list[str]:
    return sorted(
        kind.code
        for kind in errors.KINDS
        if kind.status == status and kind is not errors.requests.UNSUPPORTED_VERSION
    )


def _body(status: int) -> Schema:
    source = {
        'type': 'object',
        'description': 'What of the request is at fault: a JSON pointer into its document, '
        'a query argument or a header.',
        'properties': {'pointer': _STRING, 'parameter': _STRING, 'header': _STRING},
        'minProperties': 1,
        'maxProperties': 1,
        'additionalProperties': False,
    }
    error = closed(
        {
            'request_id': _STRING,
            'code': {'enum': _codes(status)},
            'status': {'const': status},
            'title': _STRING,
            'detail': _STRING,
            'links': LINKS,
            'source': source,
        },
        optional=['source'],
    )
    return _of_errors(error)


def _of_errors(error: Schema) -> Schema:
    for_old_clients = {
        'type': 'string',
        'description': 'JSON in a string, for clients that name no version, or one of old.',
    }
    return closed(
        {
            'errors': {'type': 'array', 'items': error, 'minItems': 1, 'maxItems': 1},
            'error_message': for_old_clients,
        },
        optional=['error_message'],
    )


def _unsupported_version() -> Schema:
    kind = errors.requests.UNSUPPORTED_VERSION
    error = closed(
        {
            'code': {'const': kind.code},
            'status': {'const': kind.status},
            'title': _STRING,
            'description': _STRING,
            'max_version': _STRING,
            'min_version': _STRING,
            'links': LINKS,
        }
    )
    return _of_errors(error)


def _response(status: int) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if _codes(status):
        content[JSON] = {'schema': ref(response_name(status))}
    if status == errors.requests.UNSUPPORTED_VERSION.status:
        content[JSON] = {
            'schema': {'anyOf': [ref(response_name(status)), ref('UnsupportedVersion')]}
        }
    for media_type, body in _OF_MIDDLEWARE.get(status, {}).items():
        if media_type in content:
            body = {'schema': {'anyOf': [content[media_type]['schema'], body['schema']]}}
        content[media_type] = body
    return {'description': http.HTTPStatus(status).phrase, 'content': content}
