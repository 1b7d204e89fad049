"""The whole document, put together once per process."""

import functools
import hashlib
from collections.abc import Iterable
from typing import Any, Final

import orjson

from magnum import policies
from magnum.api import routes, versions
from magnum.api.http.routing import Auth, Route
from magnum.api.openapi import failures, nodes, parameters
from magnum.api.openapi.bodies import ref
from magnum.api.openapi.operations import Operation, Reply
from magnum.api.openapi.resources import COMPONENTS, OPERATIONS

_VERSION: Final = '3.1.0'
_TOKEN: Final = 'X-Auth-Token'  # noqa: S105 - a name, not a token
_DESCRIPTION: Final = (
    'Bays of Kubernetes, Swarm and Mesos, built from plain OpenStack parts. The member '
    '"x-openstack" says at which microversions ("min-ver", "max-ver") a route, an argument or '
    'a form of an answer is there, or with which query argument ("query"); '
    '"x-openstack-policy" which rules are asked.'
)
_HERE: Final[list[Any]] = [{'url': '/'}]
_SERVERS: Final = orjson.dumps({'servers': _HERE})[1:-1]
_ANSWERS_UNASKED: Final = 'also answers a request that names no version'


@functools.cache
def text() -> bytes:
    """The document as JSON, as it is everywhere."""
    return orjson.dumps(document())


def text_at(base: str) -> bytes:
    """The document of a service that is reached by this URL."""
    return text().replace(_SERVERS, orjson.dumps({'servers': [{'url': base}]})[1:-1], 1)


@functools.cache
def etag() -> str:
    """What tells one document from another."""
    return f'"{hashlib.sha256(text()).hexdigest()[:32]}"'


def document() -> dict[str, Any]:
    """The document; every route is in it."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes.ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _described(route)
    return {
        'openapi': _VERSION,
        'info': {
            'title': 'Magnum',
            'version': versions.text(versions.MAXIMUM),
            'description': _DESCRIPTION,
            'license': {'name': 'Apache-2.0', 'identifier': 'Apache-2.0'},
            'x-openstack': {
                'min-ver': versions.text(versions.MINIMUM),
                'max-ver': versions.text(versions.MAXIMUM),
                'versions': {
                    versions.text(number): reason
                    for number, reason in versions.VERSIONS.items()
                },
            },
        },
        'servers': _HERE,
        'tags': [{'name': tag} for tag in dict.fromkeys(_tags())],
        'security': [{_TOKEN: []}],
        'paths': paths,
        'components': {
            'schemas': {**COMPONENTS, **nodes.COMPONENTS, **dict(failures.components())},
            'responses': failures.responses(),
            'parameters': parameters.components(),
            'headers': parameters.header_components(),
            'securitySchemes': {
                _TOKEN: {
                    'type': 'apiKey', 'in': 'header', 'name': _TOKEN,
                    'description': "A token of Keystone's.",
                },
                **nodes.SECURITY,
            },
        },
    }


def _tags() -> Iterable[str]:
    for route in routes.ROUTES:
        yield from _described(route)['tags']


def _described(route: Route) -> dict[str, Any]:
    if routes.are_of_nodes(route.path):
        return nodes.operation(route)
    return _operation(route, OPERATIONS[route.handler.name])


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    public = route.auth is Auth.NONE
    described: dict[str, Any] = {
        'operationId': _identity(route),
        'summary': operation.summary,
        'tags': [operation.tag],
        'parameters': parameters.of(route, operation),
        'responses': {
            **_successes(route, operation),
            **{
                str(status): {'$ref': f'#/components/responses/{failures.response_name(status)}'}
                for status in sorted(failures.statuses(route, operation, public))
            },
        },
    }
    if operation.body:
        described['requestBody'] = {
            # A patch that changes nothing may be left out.
            'required': not operation.body.endswith('Patch'),
            'content': {'application/json': {'schema': ref(operation.body)}},
        }
    if public:
        described['security'] = []
    if route.since > versions.MINIMUM:
        described['x-openstack'] = {'min-ver': versions.text(route.since)}
        if route.answers_unasked:
            described['x-openstack']['note'] = _ANSWERS_UNASKED
    rules = policies.rules_by_operation().get((route.method, route.path))
    if rules:
        described['x-openstack-policy'] = rules
    return described


def _identity(route: Route) -> str:
    words = [part.strip('{}').replace('.', '_') for part in route.segments[1:]]
    return '_'.join([route.method.lower(), *words]) if words else f'get_versions{route.path[1:]}'


def _successes(route: Route, operation: Operation) -> dict[str, Any]:
    by_status: dict[int, list[Reply]] = {}
    for reply in operation.replies:
        by_status.setdefault(reply.status, []).append(reply)
    found = {
        str(status): _response(route, replies) for status, replies in sorted(by_status.items())
    }
    if operation.tagged and route.method == 'GET':
        found['304'] = {
            'description': 'Not Modified', 'headers': parameters.reply_headers(route, ('ETag',)),
        }
    return found


def _response(route: Route, replies: list[Reply]) -> dict[str, Any]:
    first = replies[0]
    response: dict[str, Any] = {
        'description': _phrase(first.status),
        'headers': parameters.reply_headers(route, first.headers),
    }
    by_type: dict[str, list[dict[str, Any]]] = {}
    for reply in replies:
        for form in _forms(route, reply):
            by_type.setdefault(reply.media_type, []).append(form)
    if by_type:
        response['content'] = {
            media_type: {'schema': forms[0] if len(forms) == 1 else {'anyOf': forms}}
            for media_type, forms in by_type.items()
        }
    return response


def _forms(route: Route, reply: Reply) -> Iterable[dict[str, Any]]:
    """The schemas of a reply's body: whole, and by the members that a request chose."""
    if not reply.schema:
        return
    limits = {}
    if reply.since > versions.MINIMUM:
        limits['min-ver'] = versions.text(reply.since)
    if reply.until < versions.MAXIMUM:
        limits['max-ver'] = versions.text(reply.until)
    yield {**ref(reply.schema), **({'x-openstack': limits} if limits else {})}
    chosen = f'{reply.schema}Narrowed'
    if chosen in COMPONENTS and 'fields' in route.query:
        since = versions.text(route.query['fields'])
        yield {**ref(chosen), 'x-openstack': {'min-ver': since, 'query': 'fields'}}


def _phrase(status: int) -> str:
    return {200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content'}[status]
