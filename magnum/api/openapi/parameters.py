"""Arguments of paths and queries, and headers of either side."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from magnum.api import versions
from magnum.api.http import idempotency
from magnum.api.http.routing import Route
from magnum.api.openapi.operations import Operation
from magnum.api.types.bays import STATUSES
from magnum.api.types.scalars import Boolean
from magnum.api.types.schemas import Schema
from magnum.domain import baymodels, states

_TEXT: Final[Schema] = {'type': 'string', 'minLength': 1}
_BOOLEAN: Final[Schema] = Boolean().request_schema(mandatory=True)
_WORDS: Final[Schema] = {'type': 'string', 'pattern': r'^[^,]+(,[^,]+)*$'}

#: Argument of a query -> what it may be, and what it means.
QUERY: Final[Mapping[str, tuple[Schema, str]]] = {
    'marker': (_TEXT, 'uuid, or id of a quota, of the last item seen: the page begins after it.'),
    'limit': (
        {'type': 'integer', 'minimum': 0},
        'Items of a page; 0, or none, for as many as the operator allows.',
    ),
    'sort_key': (_TEXT, 'The member to sort by; "id" for the order of creation.'),
    'sort_dir': ({'enum': ['asc', 'desc']}, 'The direction to sort in.'),
    'name': (_TEXT, 'Only items of this name.'),
    'coe': (
        {'enum': [*baymodels.COES, *baymodels.COE_SYNONYMS]}, 'Only items of this COE.'
    ),
    'status': ({'enum': list(STATUSES)}, 'Only items in this status.'),
    'baymodel': (_TEXT, 'Only bays of this baymodel, by uuid or name.'),
    'label': (_TEXT, 'Only items with this label: "<key>", or "<key>=<value>".'),
    'changed_since': (
        {'type': 'string', 'format': 'date-time'}, 'Only items made or changed since then.'
    ),
    'fields': (_WORDS, 'Only these members, separated by commas.'),
    'state': ({'enum': list(states.STATES)}, 'Only operations in this state.'),
    'verb': ({'enum': list(states.VERBS)}, 'Only operations that promise this.'),
    'role': (_TEXT, 'Only node groups of this role.'),
    'after': (_TEXT, 'The cursor of the last event seen; only events after it.'),
    'all_tenants': (_BOOLEAN, 'Whether to list the quotas of all projects.'),
    'project_id': (_TEXT, 'Only what belongs to this project.'),
    'type': ({'enum': ['cluster']}, 'What to count.'),
    'rollback': (
        _BOOLEAN,
        'Whether Heat is to undo the change when it fails before the servers are there.',
    ),
    'dry_run': (_BOOLEAN, 'Whether to check everything and write nothing.'),
    'ca_cert_type': (_TEXT, 'Taken for compatibility: a bay has one authority.'),
}

#: What stands in braces in a path -> what it means.
PATH: Final[Mapping[str, str]] = {
    'ident': 'uuid or name.',
    'bay': 'uuid or name of a bay.',
    'operation': 'uuid of an operation.',
    'driver': 'Name of a driver.',
    'nodegroup': 'uuid or name of a node group of the bay.',
    'project_id': 'id of a project.',
    'resource': 'What is limited: "Cluster".',
    'ca_cert_type': 'Taken for compatibility: a bay has one authority.',
}

_VERSION_VALUE: Final = (
    rf'^({"|".join(sorted(versions.SERVICE_TYPES))}) (latest|1\.[0-9]+)$'
)

#: Header of a request -> what it may be, and what it means.
REQUEST_HEADERS: Final[Mapping[str, tuple[Schema, str]]] = {
    versions.HEADER: (
        {'type': 'string', 'pattern': _VERSION_VALUE},
        'The microversion that the request runs at; 1.1 without the header.',
    ),
    idempotency.HEADER: (
        {'type': 'string', 'minLength': 1, 'maxLength': 255},
        'A request that comes again with its key is answered as before, and done once.',
    ),
    'If-Match': (_TEXT, 'ETags; when none is the present one, nothing is done: 412.'),
    'Last-Event-ID': (_TEXT, 'The cursor of the last event seen, of a stream that resumes.'),
    'If-None-Match': (_TEXT, 'ETags; when one is the present one, there is no body: 304.'),
}

#: Never always there.
_REPLAYED: Final = 'Idempotency-Replayed'

#: Header of an answer -> what it means.
REPLY_HEADERS: Final[Mapping[str, str]] = {
    versions.HEADER: 'The microversion that the request ran at.',
    versions.MINIMUM_HEADER: 'The lowest microversion.',
    versions.MAXIMUM_HEADER: 'The highest microversion.',
    'Vary': 'What an answer depends on.',
    'X-Openstack-Request-Id': 'Names the request in the log.',
    'ETag': 'The present state, for "If-Match" and "If-None-Match".',
    'Location': 'The new thing.',
    'Operation-Location': 'The operation that goes on after the answer.',
    _REPLAYED: 'The key was used before; nothing was done now.',
}
_OF_EVERY_REPLY: Final = ('X-Openstack-Request-Id',)
_OF_VERSIONS: Final = (
    versions.HEADER, versions.MINIMUM_HEADER, versions.MAXIMUM_HEADER, 'Vary',
)
_CHANGES: Final = frozenset({'PATCH', 'PUT', 'DELETE', 'POST'})


def of(route: Route, operation: Operation) -> list[dict[str, Any]]:
    """The parameters of a route."""
    return [
        *(_path(name) for name in _braces(route)),
        *(_query(name, since) for name, since in route.query.items()),
        *({'$ref': f'#/components/parameters/{name}'} for name in _headers(route, operation)),
    ]


def components() -> dict[str, Any]:
    """Headers of requests, which many routes have in common."""
    return {
        name: {
            'name': name, 'in': 'header', 'required': False, 'schema': schema,
            'description': words,
        }
        for name, (schema, words) in REQUEST_HEADERS.items()
    }


def header_components() -> dict[str, Any]:
    """Headers of answers, as they are where they are always there."""
    return {name: _header(name, required=True) for name in REPLY_HEADERS if name != _REPLAYED}


def reply_headers(route: Route, names: tuple[str, ...]) -> dict[str, Any]:
    """The headers of an answer; those that end in ? are not always there."""
    general = _OF_EVERY_REPLY if route.path == '/' else (*_OF_EVERY_REPLY, *_OF_VERSIONS)
    always = {
        name: {'$ref': f'#/components/headers/{name}'}
        for name in (*general, *names) if not name.endswith('?')
    }
    sometimes = [name.removesuffix('?') for name in names if name.endswith('?')]
    return always | {name: _header(name, required=False) for name in sometimes}


def _header(name: str, required: bool) -> dict[str, Any]:
    return {
        'description': REPLY_HEADERS[name], 'required': required, 'schema': {'type': 'string'},
    }


def _braces(route: Route) -> list[str]:
    return [part[1:-1] for part in route.segments if part.startswith('{')]


def _path(name: str) -> dict[str, Any]:
    return {
        'name': name, 'in': 'path', 'required': True, 'schema': _TEXT, 'description': PATH[name],
    }


def _query(name: str, since: int) -> dict[str, Any]:
    schema, words = QUERY[name]
    parameter = {
        'name': name, 'in': 'query', 'required': False, 'schema': schema, 'description': words,
    }
    if since > versions.MINIMUM:
        parameter['x-openstack'] = {'min-ver': versions.text(since)}
    return parameter


def _headers(route: Route, operation: Operation) -> Iterator[str]:
    if route.path != '/':
        yield versions.HEADER
    if route.method == 'POST':
        yield idempotency.HEADER
    if route.streams:
        yield 'Last-Event-ID'
    if operation.tagged:
        yield 'If-Match' if route.method in _CHANGES else 'If-None-Match'
