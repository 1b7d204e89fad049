"""Every route of the API, and how a path finds its one.

A path whose first segment is not ``v1`` is served as if it were; a trailing
slash makes no difference but where a route says so. What is not here is a
404; what is here with other methods only is a 405.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from magnum.api import versions

#: Query argument -> microversion from which it is known.
Query = Mapping[str, int]

NO_QUERY: Final[Query] = {}
PAGING: Final[Query] = dict.fromkeys(('marker', 'limit', 'sort_key', 'sort_dir'), 1)
FILTERS: Final[Query] = dict.fromkeys(
    ('name', 'coe', 'label', 'changed_since', 'fields'), versions.FILTERS
)
BAYMODELS: Final[Query] = {**PAGING, **FILTERS}
BAYS: Final[Query] = {**BAYMODELS, 'status': versions.FILTERS, 'baymodel': versions.FILTERS}
FIELDS: Final[Query] = {'fields': versions.FILTERS}
NODEGROUPS: Final[Query] = {**PAGING, 'role': 1}
ROLLBACK: Final[Query] = {'rollback': versions.ROLLBACK}
DRY_RUN: Final[Query] = {'dry_run': versions.PREVIEW}
CA_TYPE: Final[Query] = {'ca_cert_type': 1}
EVENTS: Final[Query] = {'after': 1, 'limit': 1}
OPERATIONS: Final[Query] = {**PAGING, 'state': 1, 'verb': 1}
QUOTAS: Final[Query] = {**PAGING, 'all_tenants': 1}
STATS: Final[Query] = {'project_id': 1, 'type': 1}


class Auth(enum.Enum):
    """What a request has to show before its route answers."""

    NONE = 'nothing'
    KEYSTONE = "a token of Keystone's"


@dataclasses.dataclass(frozen=True, eq=False)
class Route:
    """``handler`` is ``<controller>.<method>``; ``query`` what may follow the ``?``.

    ``since`` is the microversion from which the route answers; one that
    ``answers_unasked`` also answers a request that names no version at all.
    One that ``streams`` does so for clients that accept ``text/event-stream``.
    ``rules`` are policy rules; whoever has none of them, whatever it is about,
    is refused before the request's body and arguments are looked at.
    """

    method: str
    path: str
    handler: str
    query: Query = dataclasses.field(default_factory=dict)
    trailing_slash: bool = True
    since: int = versions.MINIMUM
    answers_unasked: bool = False
    streams: bool = False
    rules: tuple[str, ...] = ()
    auth: Auth = Auth.KEYSTONE

    def answers(self, negotiated: versions.Negotiated) -> bool:
        """Whether the route is there at the version of a request."""
        if negotiated.number >= self.since:
            return True
        return self.answers_unasked and not negotiated.asked

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments; those in braces match anything."""
        return tuple(part for part in self.path.split('/') if part)


def _of_baymodels(name: str, policy: str) -> tuple[Route, ...]:
    return (
        Route('GET', f'/v1/{name}', f'{name}.list', BAYMODELS),
        Route('GET', f'/v1/{name}/detail', f'{name}.detail', BAYMODELS, trailing_slash=False),
        Route('POST', f'/v1/{name}', f'{name}.create', DRY_RUN,
              rules=(f'{policy}:create',)),
        Route('GET', f'/v1/{name}/{{ident}}', f'{name}.get', FIELDS),
        Route('PATCH', f'/v1/{name}/{{ident}}', f'{name}.update', rules=(f'{policy}:update',)),
        Route('DELETE', f'/v1/{name}/{{ident}}', f'{name}.delete', rules=(f'{policy}:delete',)),
    )


def _of_bays(name: str, policy: str) -> tuple[Route, ...]:
    return (
        Route('GET', f'/v1/{name}', f'{name}.list', BAYS),
        Route('GET', f'/v1/{name}/detail', f'{name}.detail', BAYS, trailing_slash=False),
        Route('POST', f'/v1/{name}', f'{name}.create', DRY_RUN,
              rules=(f'{policy}:create',)),
        Route('GET', f'/v1/{name}/{{ident}}', f'{name}.get', FIELDS),
        Route('GET', f'/v1/{name}/{{ident}}/resolved_labels', f'{name}.labels',
              since=versions.RESOLVED_LABELS, answers_unasked=True),
        Route('PATCH', f'/v1/{name}/{{ident}}', f'{name}.update', ROLLBACK,
              rules=(f'{policy}:update', f'{policy}:update_health_status')),
        Route('DELETE', f'/v1/{name}/{{ident}}', f'{name}.delete', rules=(f'{policy}:delete',)),
        Route('POST', f'/v1/{name}/{{ident}}/actions/resize', f'{name}_actions.resize', DRY_RUN,
              since=versions.RESIZE, answers_unasked=True, rules=(f'{policy}:resize',)),
        Route('POST', f'/v1/{name}/{{ident}}/actions/upgrade', f'{name}_actions.upgrade', DRY_RUN,
              since=versions.UPGRADE, answers_unasked=True, rules=(f'{policy}:upgrade',)),
        *_of_nodegroups(f'/v1/{name}/{{ident}}/nodegroups', f'{name}_nodegroups'),
        Route('GET', f'/v1/{name}/{{ident}}/operations', f'{name}_operations.list', OPERATIONS,
              since=versions.OPERATIONS, answers_unasked=True),
        Route('GET', f'/v1/{name}/{{ident}}/events', f'{name}_events.list', EVENTS,
              since=versions.EVENTS, answers_unasked=True, streams=True),
        Route('POST', f'/v1/{name}/{{ident}}/config', f'{name}_config.create',
              since=versions.CONFIG, answers_unasked=True, rules=('config:create',)),
    )


def _of_nodegroups(path: str, name: str) -> tuple[Route, ...]:
    since = versions.NODEGROUPS
    return (
        Route('GET', path, f'{name}.list', NODEGROUPS, since=since),
        Route('POST', path, f'{name}.create', since=since,
              rules=('nodegroup:create',)),
        Route('GET', f'{path}/{{nodegroup}}', f'{name}.get', since=since),
        Route('PATCH', f'{path}/{{nodegroup}}', f'{name}.update', since=since,
              rules=('nodegroup:update',)),
        Route('DELETE', f'{path}/{{nodegroup}}', f'{name}.delete', since=since,
              rules=('nodegroup:delete',)),
    )


#: Where the API describes itself.
DESCRIPTION: Final = '/v1/openapi.json'


def _of_operations() -> tuple[Route, ...]:
    one = '/v1/operations/{operation}'
    routes = (
        Route('GET', '/v1/operations', 'operations.list', OPERATIONS),
        Route('GET', one, 'operations.get'),
        Route('POST', f'{one}/actions/cancel', 'operations.cancel', rules=('operation:cancel',)),
        Route('POST', f'{one}/actions/retry', 'operations.retry', rules=('operation:retry',)),
    )
    return tuple(
        dataclasses.replace(route, since=versions.OPERATIONS, answers_unasked=True)
        for route in routes
    )


#: Both vocabularies have the same routes.
ROUTES: Final = (
    Route('GET', '/', 'root.versions', auth=Auth.NONE),
    Route('GET', '/v1', 'root.version', auth=Auth.NONE),
    Route('GET', DESCRIPTION, 'root.openapi', since=versions.OPENAPI, answers_unasked=True,
          auth=Auth.NONE),
    *_of_baymodels('baymodels', 'baymodel'),
    *_of_baymodels('clustertemplates', 'clustertemplate'),
    *_of_bays('bays', 'bay'),
    *_of_bays('clusters', 'cluster'),
    Route('GET', '/v1/certificates/{bay}', 'certificates.get', CA_TYPE),
    Route('GET', '/v1/certificates/{bay}/{ca_cert_type}', 'certificates.get', CA_TYPE),
    Route('POST', '/v1/certificates', 'certificates.create', rules=('certificate:create',)),
    Route('PATCH', '/v1/certificates/{bay}', 'certificates.rotate',
          rules=('certificate:rotate',)),
    Route('PATCH', '/v1/credentials/{bay}', 'credentials.rotate', since=versions.CREDENTIALS,
          rules=('credential:rotate',)),
    Route('GET', '/v1/quotas', 'quotas.list', QUOTAS),
    Route('POST', '/v1/quotas', 'quotas.create', rules=('quota:create',)),
    Route('GET', '/v1/quotas/{project_id}', 'quotas.get_without_resource'),
    Route('GET', '/v1/quotas/{project_id}/{resource}', 'quotas.get'),
    Route('PATCH', '/v1/quotas/{project_id}/{resource}', 'quotas.update',
          rules=('quota:update',)),
    Route('DELETE', '/v1/quotas/{project_id}/{resource}', 'quotas.delete',
          rules=('quota:delete',)),
    Route('GET', '/v1/stats', 'stats.get', STATS),
    Route('GET', '/v1/mservices', 'mservices.list'),
    *_of_operations(),
    Route('GET', '/v1/drivers', 'drivers.list', since=versions.DRIVERS, answers_unasked=True),
    Route('GET', '/v1/drivers/{driver}', 'drivers.get', since=versions.DRIVERS,
          answers_unasked=True),
)

VERSION_PREFIX: Final = 'v1'


def collections() -> Mapping[str, str]:
    """Names of the collections, as the version document lists them, and where they are."""
    own = {
        route.segments[1]: route.segments[1] for route in ROUTES if route.auth is Auth.KEYSTONE
    }
    return own | {'nodegroups': 'clusters/{cluster_id}/nodegroups'}


def public_paths() -> frozenset[str]:
    """Paths that need no token, without a slash at their end; with and without the version."""
    paths = {route.path.rstrip('/') for route in ROUTES if route.auth is Auth.NONE}
    return frozenset(paths | {path.removeprefix(f'/{VERSION_PREFIX}') for path in paths})


@dataclasses.dataclass
class _Node:
    """One place in the tree of paths."""

    literal: 'dict[str, _Node]' = dataclasses.field(default_factory=dict)
    wildcard: '_Node | None' = None
    methods: dict[str, Route] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Match:
    """A path that exists: its routes by method, and what its braces matched."""

    methods: dict[str, Route]
    arguments: tuple[str, ...]


class Router:
    """Finds the routes of a path."""

    def __init__(self, routes: Iterable[Route] = ROUTES):
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in route.segments:
                node = _child(node, segment)
            node.methods[route.method] = route

    def match(self, path: str) -> Match | None:
        """The routes of a path; None when there is no such path.

        :param path: decoded, beginning with a slash.
        """
        segments = path.split('/')[1:]
        slash = segments[-1] == ''
        if slash:
            del segments[-1]
        if segments and segments[0] != VERSION_PREFIX:
            segments.insert(0, VERSION_PREFIX)
        found = _descend(self._root, segments)
        if found is None or not found.methods:
            return None
        if slash and not all(route.trailing_slash for route in found.methods.values()):
            return None
        return found


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith('{'):
        return node.literal.setdefault(segment, _Node())
    if node.wildcard is None:
        node.wildcard = _Node()
    return node.wildcard


def _descend(node: _Node, segments: Sequence[str]) -> Match | None:
    arguments = []
    for segment in segments:
        literal = node.literal.get(segment)
        if literal is not None:
            node = literal
        elif node.wildcard is not None and segment:
            node = node.wildcard
            arguments.append(segment)
        else:
            return None
    return Match(node.methods, tuple(arguments))
