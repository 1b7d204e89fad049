"""Every route of the API, and how a path finds its one.

A path whose first segment is not ``v1`` is served as if it were; a trailing
slash makes no difference but where a route says so. What is not here is a
404; what is here with other methods only is a 405.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from magnum.api import versions
from magnum.api.controllers.actions import ActionsController
from magnum.api.controllers.baymodels import BaymodelsController
from magnum.api.controllers.bays import BaysController
from magnum.api.controllers.certificates import CertificatesController
from magnum.api.controllers.config import ConfigController
from magnum.api.controllers.credentials import CredentialsController
from magnum.api.controllers.drivers import DriversController
from magnum.api.controllers.events import EventsController
from magnum.api.controllers.mservices import MservicesController
from magnum.api.controllers.nodegroups import NodegroupsController
from magnum.api.controllers.operations import BayOperationsController, OperationsController
from magnum.api.controllers.quotas import QuotasController
from magnum.api.controllers.root import DESCRIPTION, RootController
from magnum.api.controllers.stats import StatsController
from magnum.api.dialects import BAYMODELS, BAYS, CLUSTER_TEMPLATES, CLUSTERS, Dialect

#: Query argument -> microversion from which it is known.
Query = Mapping[str, int]

NO_QUERY: Final[Query] = {}
PAGING: Final[Query] = dict.fromkeys(('marker', 'limit', 'sort_key', 'sort_dir'), 1)
FILTERS: Final[Query] = dict.fromkeys(
    ('name', 'coe', 'label', 'changed_since', 'fields'), versions.FILTERS
)
LIST_OF_BAYMODELS: Final[Query] = {**PAGING, **FILTERS}
LIST_OF_BAYS: Final[Query] = {
    **LIST_OF_BAYMODELS, 'status': versions.FILTERS, 'baymodel': versions.FILTERS,
}
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
class Resource:
    """What handlers of some routes are methods of.

    ``controller`` makes the object from the services and from ``dialects``;
    ``name`` is that of the resource in documents.
    """

    name: str
    controller: Callable[..., Any]
    dialects: tuple[Dialect, ...] = ()

    def handler(self, method: Callable[..., Any]) -> 'Handler':
        """One of its methods, as a handler."""
        return Handler(self, method)


@dataclasses.dataclass(frozen=True, eq=False)
class Handler:
    """A method of a resource's controller."""

    resource: Resource
    method: Callable[..., Any]

    @property
    def name(self) -> str:
        """``<resource>.<method>``."""
        return f'{self.resource.name}.{self.method.__name__}'


@dataclasses.dataclass(frozen=True, eq=False)
class Route:
    """``query`` says what may follow the ``?``.

    ``since`` is the microversion from which the route answers; one that
    ``answers_unasked`` also answers a request that names no version at all.
    One that ``streams`` does so for clients that accept ``text/event-stream``.
    ``rules`` are policy rules; whoever has none of them, whatever it is about,
    is refused before the request's body and arguments are looked at.
    """

    method: str
    path: str
    handler: Handler
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


def _of_baymodels(name: str, policy: str, dialect: Dialect) -> tuple[Route, ...]:
    of, do = Resource(name, BaymodelsController, (dialect,)).handler, BaymodelsController
    path, one = f'/v1/{name}', f'/v1/{name}/{{ident}}'
    return (
        Route('GET', path, of(do.list), LIST_OF_BAYMODELS),
        Route('GET', f'{path}/detail', of(do.detail), LIST_OF_BAYMODELS, trailing_slash=False),
        Route('POST', path, of(do.create), DRY_RUN, rules=(f'{policy}:create',)),
        Route('GET', one, of(do.get), FIELDS),
        Route('PATCH', one, of(do.update), rules=(f'{policy}:update',)),
        Route('DELETE', one, of(do.delete), rules=(f'{policy}:delete',)),
    )


def _of_bays(
    name: str, policy: str, dialect: Dialect, baymodels: Dialect
) -> tuple[Route, ...]:
    of, do = Resource(name, BaysController, (dialect, baymodels)).handler, BaysController
    path, one = f'/v1/{name}', f'/v1/{name}/{{ident}}'
    return (
        Route('GET', path, of(do.list), LIST_OF_BAYS),
        Route('GET', f'{path}/detail', of(do.detail), LIST_OF_BAYS, trailing_slash=False),
        Route('POST', path, of(do.create), DRY_RUN, rules=(f'{policy}:create',)),
        Route('GET', one, of(do.get), FIELDS),
        Route('GET', f'{one}/resolved_labels', of(do.labels),
              since=versions.RESOLVED_LABELS, answers_unasked=True),
        Route('PATCH', one, of(do.update), ROLLBACK,
              rules=(f'{policy}:update', f'{policy}:update_health_status')),
        Route('DELETE', one, of(do.delete), rules=(f'{policy}:delete',)),
        *_of_actions(f'{one}/actions', policy,
                     Resource(f'{name}_actions', ActionsController, (dialect, baymodels))),
        *_of_nodegroups(f'{one}/nodegroups',
                        Resource(f'{name}_nodegroups', NodegroupsController, (dialect,))),
        Route('GET', f'{one}/operations',
              Resource(f'{name}_operations', BayOperationsController, (dialect,))
              .handler(BayOperationsController.list),
              OPERATIONS, since=versions.OPERATIONS, answers_unasked=True),
        Route('GET', f'{one}/events',
              Resource(f'{name}_events', EventsController, (dialect,))
              .handler(EventsController.list),
              EVENTS, since=versions.EVENTS, answers_unasked=True, streams=True),
        Route('POST', f'{one}/config',
              Resource(f'{name}_config', ConfigController, (dialect,))
              .handler(ConfigController.create),
              since=versions.CONFIG, answers_unasked=True, rules=('config:create',)),
    )


def _of_actions(path: str, policy: str, resource: Resource) -> tuple[Route, ...]:
    of, do = resource.handler, ActionsController
    return (
        Route('POST', f'{path}/resize', of(do.resize), DRY_RUN,
              since=versions.RESIZE, answers_unasked=True, rules=(f'{policy}:resize',)),
        Route('POST', f'{path}/upgrade', of(do.upgrade), DRY_RUN,
              since=versions.UPGRADE, answers_unasked=True, rules=(f'{policy}:upgrade',)),
    )


def _of_nodegroups(path: str, resource: Resource) -> tuple[Route, ...]:
    of, do, since = resource.handler, NodegroupsController, versions.NODEGROUPS
    one = f'{path}/{{nodegroup}}'
    return (
        Route('GET', path, of(do.list), NODEGROUPS, since=since),
        Route('POST', path, of(do.create), since=since, rules=('nodegroup:create',)),
        Route('GET', one, of(do.get), since=since),
        Route('PATCH', one, of(do.update), since=since, rules=('nodegroup:update',)),
        Route('DELETE', one, of(do.delete), since=since, rules=('nodegroup:delete',)),
    )


def _of_operations() -> tuple[Route, ...]:
    of, do = Resource('operations', OperationsController).handler, OperationsController
    path, one = '/v1/operations', '/v1/operations/{operation}'
    routes = (
        Route('GET', path, of(do.list), OPERATIONS),
        Route('GET', one, of(do.get)),
        Route('POST', f'{one}/actions/cancel', of(do.cancel), rules=('operation:cancel',)),
        Route('POST', f'{one}/actions/retry', of(do.retry), rules=('operation:retry',)),
    )
    return tuple(
        dataclasses.replace(route, since=versions.OPERATIONS, answers_unasked=True)
        for route in routes
    )


def _of_discovery() -> tuple[Route, ...]:
    of, do = Resource('root', RootController).handler, RootController
    return (
        Route('GET', '/', of(do.versions), auth=Auth.NONE),
        Route('GET', '/v1', of(do.version), auth=Auth.NONE),
        Route('GET', DESCRIPTION, of(do.openapi), since=versions.OPENAPI, answers_unasked=True,
              auth=Auth.NONE),
    )


def _of_certificates() -> tuple[Route, ...]:
    of, do = Resource('certificates', CertificatesController).handler, CertificatesController
    path, one = '/v1/certificates', '/v1/certificates/{bay}'
    return (
        Route('GET', one, of(do.get), CA_TYPE),
        Route('GET', f'{one}/{{ca_cert_type}}', of(do.get), CA_TYPE),
        Route('POST', path, of(do.create), rules=('certificate:create',)),
        Route('PATCH', one, of(do.rotate), rules=('certificate:rotate',)),
    )


def _of_quotas() -> tuple[Route, ...]:
    of, do = Resource('quotas', QuotasController).handler, QuotasController
    path, one = '/v1/quotas', '/v1/quotas/{project_id}/{resource}'
    return (
        Route('GET', path, of(do.list), QUOTAS),
        Route('POST', path, of(do.create), rules=('quota:create',)),
        Route('GET', '/v1/quotas/{project_id}', of(do.get_without_resource)),
        Route('GET', one, of(do.get)),
        Route('PATCH', one, of(do.update), rules=('quota:update',)),
        Route('DELETE', one, of(do.delete), rules=('quota:delete',)),
    )


def _of_drivers() -> tuple[Route, ...]:
    of, do = Resource('drivers', DriversController).handler, DriversController
    return (
        Route('GET', '/v1/drivers', of(do.list), since=versions.DRIVERS, answers_unasked=True),
        Route('GET', '/v1/drivers/{driver}', of(do.get), since=versions.DRIVERS,
              answers_unasked=True),
    )


#: Both vocabularies have the same routes.
ROUTES: Final = (
    *_of_discovery(),
    *_of_baymodels('baymodels', 'baymodel', BAYMODELS),
    *_of_baymodels('clustertemplates', 'clustertemplate', CLUSTER_TEMPLATES),
    *_of_bays('bays', 'bay', BAYS, BAYMODELS),
    *_of_bays('clusters', 'cluster', CLUSTERS, CLUSTER_TEMPLATES),
    *_of_certificates(),
    Route('PATCH', '/v1/credentials/{bay}',
          Resource('credentials', CredentialsController).handler(CredentialsController.rotate),
          since=versions.CREDENTIALS, rules=('credential:rotate',)),
    *_of_quotas(),
    Route('GET', '/v1/stats', Resource('stats', StatsController).handler(StatsController.get),
          STATS),
    Route('GET', '/v1/mservices',
          Resource('mservices', MservicesController).handler(MservicesController.list)),
    *_of_operations(),
    *_of_drivers(),
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
