"""Every route of the API: one table."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from magnum.api import versions
from magnum.api.bootstrap.cloud import CloudController
from magnum.api.bootstrap.encryption import EncryptionController
from magnum.api.bootstrap.files import FilesController
from magnum.api.bootstrap.following import FollowingController
from magnum.api.bootstrap.handlers import BootstrapController
from magnum.api.bootstrap.logins import LoginsController
from magnum.api.bootstrap.registration import RegistrationController
from magnum.api.bootstrap.reports import ReportsController
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
from magnum.api.controllers.nodes import NodesController
from magnum.api.controllers.operations import BayOperationsController, OperationsController
from magnum.api.controllers.quotas import QuotasController
from magnum.api.controllers.root import DESCRIPTION, RootController
from magnum.api.controllers.stats import StatsController
from magnum.api.dialects import BAYMODELS, BAYS, CLUSTER_TEMPLATES, CLUSTERS, Dialect
from magnum.api.http.routing import VERSION_PREFIX, Auth, Query, Resource, Route

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
NODES: Final[Query] = {'after': 1, 'limit': 1}
OPERATIONS: Final[Query] = {**PAGING, 'state': 1, 'verb': 1}
QUOTAS: Final[Query] = {**PAGING, 'all_tenants': 1}
STATS: Final[Query] = {'project_id': 1, 'type': 1}
NODE: Final[Query] = {'node': 1}
SIGNING: Final[Query] = {'node': 1, 'renews': 1}
REGISTRATION: Final[Query] = {**SIGNING, 'signs': 1}
TRUST: Final[Query] = {'node': 1, 'purpose': 1, 'trusts': 1, 'turns': 1}

#: What nodes are served at. They have tokens and keys of their own.
OF_NODES: Final = '/v1/bootstrap'


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
        Route('GET', f'{one}/nodes',
              Resource(f'{name}_nodes', NodesController, (dialect,))
              .handler(NodesController.list),
              NODES, since=versions.NODES, answers_unasked=True),
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


def _of_nodes() -> tuple[Route, ...]:
    of, do = Resource('bootstrap', BootstrapController).handler, BootstrapController
    one = f'{OF_NODES}/{{bay}}'
    routes = (
        Route('POST', f'{one}/ca', of(do.authority), auth=Auth.NODE_TOKEN),
        Route('POST', f'{one}/certificates/{{purpose}}', of(do.certificate), SIGNING,
              auth=Auth.NODE_TOKEN),
        *_of_registration(one),
        *_of_following(one),
        *_of_reports(one),
        Route('POST', f'{one}/cloud', Resource('cloud', CloudController)
              .handler(CloudController.configuration), NODE, auth=Auth.NODE_SIGNATURE),
        Route('POST', f'{one}/login', Resource('logins', LoginsController)
              .handler(LoginsController.review), NODE, auth=Auth.NODE_SIGNATURE),
        Route('POST', f'{one}/encryption', Resource('encryption', EncryptionController)
              .handler(EncryptionController.keys), NODE, auth=Auth.NODE_SIGNATURE),
    )
    return tuple(dataclasses.replace(route, trailing_slash=False) for route in routes)


def _of_registration(path: str) -> tuple[Route, ...]:
    of, do = Resource('registration', RegistrationController).handler, RegistrationController
    return (
        Route('POST', f'{path}/files/{{digest}}', Resource('files', FilesController)
              .handler(FilesController.archive), auth=Auth.NODE_TOKEN),
        Route('POST', f'{path}/register', of(do.register), REGISTRATION, auth=Auth.NODE_TOKEN),
        Route('POST', f'{path}/failure', of(do.failure), NODE, auth=Auth.NODE_TOKEN),
    )


def _of_following(path: str) -> tuple[Route, ...]:
    of, do = Resource('following', FollowingController).handler, FollowingController
    return (
        Route('POST', f'{path}/authorities', of(do.authorities), NODE, auth=Auth.NODE_SIGNATURE),
        Route('POST', f'{path}/certificates', of(do.certificates), NODE,
              auth=Auth.NODE_SIGNATURE),
        # Of nodes of earlier releases.
        Route('POST', f'{path}/trust', of(do.trust), TRUST, auth=Auth.NODE_KEY),
        Route('POST', f'{path}/reissue/{{purpose}}', of(do.reissue), SIGNING, auth=Auth.NODE_KEY),
    )


def _of_reports(path: str) -> tuple[Route, ...]:
    of, do = Resource('reports', ReportsController).handler, ReportsController
    return (
        Route('POST', f'{path}/report', of(do.report), NODE, auth=Auth.NODE_SIGNATURE),
        Route('POST', f'{path}/results/{{directive}}', of(do.result), NODE,
              auth=Auth.NODE_SIGNATURE),
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
    *_of_nodes(),
)


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


def are_of_nodes(path: str) -> bool:
    """Whether a path is among those that nodes are served at, or below them."""
    return path == OF_NODES or path.startswith(f'{OF_NODES}/')


def of_nodes() -> tuple[Route, ...]:
    """The routes that nodes are served by."""
    return tuple(route for route in ROUTES if are_of_nodes(route.path))


def of_callers() -> tuple[Route, ...]:
    """The routes of everybody else."""
    return tuple(route for route in ROUTES if not are_of_nodes(route.path))
