"""Who may do what: every route, every role."""

from typing import Any

import pytest
import webtest

from magnum.api import versions
from magnum.api.http.routing import Auth
from magnum.api.routes import ROUTES, of_nodes
from tests.api.fixtures.cloud import PROJECT
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import CLUSTER, TEMPLATE
from tests.unit.certificates import csr

#: (method, path) -> status for admin, member, reader, nobody, other, none, bay.
#: The things named belong to member's project; "other" is of another one,
#: "nobody" has no role, "none" has no token, "bay" is the own user of the bay
#: named, a member of its project.
ROLES = ('admin', 'member', 'reader', 'nobody', 'other', 'none', 'bay')

_PUBLIC = (200,) * 7
_READ = (200, 200, 200, 403, 404, 401, 403)
_READ_BAY = (200, 200, 200, 403, 404, 401, 200)
_LIST = (200, 200, 200, 403, 200, 401, 403)
_CHANGE = (200, 200, 403, 403, 404, 401, 403)
_CHANGE_LATER = (202, 202, 403, 403, 404, 401, 403)
_DELETE = (204, 204, 403, 403, 404, 401, 403)
# Of the bay's own project, admins not excepted.
_READ_OWN = (404, 200, 200, 403, 404, 401, 200)
_CHANGE_OWN = (404, 202, 403, 403, 404, 401, 403)
_ACT = (409, 409, 403, 403, 404, 401, 403)
_ADMIN = (200, 403, 403, 403, 403, 401, 403)
_OF_NODES = (401,) * 7

MATRIX: dict[tuple[str, str], tuple[int, ...]] = {
    ('GET', '/'): _PUBLIC,
    ('GET', '/v1'): _PUBLIC,
    ('GET', '/v1/openapi.json'): _PUBLIC,
    **{
        (method, f'/v1/{collection}{path}'): statuses
        for collection in ('baymodels', 'clustertemplates')
        for method, path, statuses in (
            ('GET', '', _LIST),
            ('GET', '/detail', _LIST),
            ('POST', '', (201, 201, 403, 403, 201, 401, 403)),
            ('GET', '/{ident}', _READ),
            ('PATCH', '/{ident}', _CHANGE),
            ('DELETE', '/{ident}', _DELETE),
        )
    },
    **{
        (method, f'/v1/{collection}{path}'): statuses
        for collection, change in (('bays', _CHANGE), ('clusters', _CHANGE_LATER))
        for method, path, statuses in (
            ('GET', '', _LIST),
            ('GET', '/detail', _LIST),
            ('GET', '/{ident}', _READ_BAY),
            ('GET', '/{ident}/resolved_labels', _READ_BAY),
            ('PATCH', '/{ident}', change),
            ('DELETE', '/{ident}', _DELETE),
        )
    },
    ('GET', '/v1/drivers'): _LIST,
    ('GET', '/v1/drivers/{driver}'): _LIST,
    ('GET', '/v1/operations'): _LIST,
    ('GET', '/v1/operations/{operation}'): _READ,
    # 409: let through, and found to have ended, and well.
    ('POST', '/v1/operations/{operation}/actions/cancel'): _ACT,
    ('POST', '/v1/operations/{operation}/actions/retry'): _ACT,
    **{
        (method, f'/v1/{collection}/{{ident}}{path}'): statuses
        for collection in ('bays', 'clusters')
        for method, path, statuses in (
            # By the bay's own user, the autoscaler's.
            ('POST', '/actions/resize', (404, 202, 403, 403, 404, 401, 202)),
            # 404: let through, and no such template.
            ('POST', '/actions/upgrade', (404, 404, 403, 403, 404, 401, 403)),
            ('GET', '/operations', _READ),
            ('GET', '/events', _READ),
            ('GET', '/nodes', _READ),
            # 400: let through, and found to be no CSR.
            ('POST', '/config', (404, 400, 403, 403, 404, 401, 403)),
            ('GET', '/nodegroups', _READ_BAY),
            ('GET', '/nodegroups/{nodegroup}', _READ_BAY),
            ('PATCH', '/nodegroups/{nodegroup}', _CHANGE_OWN),
            # 400: let through, and refused for what was asked for.
            ('POST', '/nodegroups', (404, 400, 403, 403, 404, 401, 403)),
            ('DELETE', '/nodegroups/{nodegroup}', (404, 400, 403, 403, 404, 401, 403)),
        )
    },
    # The baymodel is the project's own: others find none (400, as before 1.10).
    ('POST', '/v1/bays'): (201, 201, 403, 403, 400, 401, 403),
    ('POST', '/v1/clusters'): (202, 202, 403, 403, 400, 401, 403),
    ('GET', '/v1/certificates/{bay}'): _READ_OWN,
    ('GET', '/v1/certificates/{bay}/{ca_cert_type}'): _READ_OWN,
    # 400: the request is let through and found to be no CSR.
    # 400: let through, and refused by the driver.
    ('PATCH', '/v1/certificates/{bay}'): (404, 412, 403, 403, 404, 401, 403),
    # 412: let through up to the precondition.
    ('PATCH', '/v1/credentials/{bay}'): (404, 412, 403, 403, 404, 401, 403),
    ('POST', '/v1/certificates'): (400, 400, 400, 403, 400, 401, 403),
    ('GET', '/v1/quotas'): _ADMIN,
    ('POST', '/v1/quotas'): (409, *_ADMIN[1:]),
    ('GET', '/v1/quotas/{project_id}'): (400, 400, 400, 400, 400, 401, 400),
    ('GET', '/v1/quotas/{project_id}/{resource}'): (200, 200, 200, 403, 403, 401, 403),
    ('PATCH', '/v1/quotas/{project_id}/{resource}'): (202, *_ADMIN[1:]),
    ('DELETE', '/v1/quotas/{project_id}/{resource}'): (204, *_ADMIN[1:]),
    ('GET', '/v1/stats'): _LIST,
    ('GET', '/v1/mservices'): _ADMIN,
    # Of nodes: nobody's token of Keystone's is a reason to let him in.
    **{
        ('POST', f'/v1/bootstrap/{{bay}}/{path}'): _OF_NODES
        for path in (
            'ca', 'certificates/{purpose}', 'trust', 'reissue/{purpose}', 'register', 'failure',
            'authorities', 'certificates', 'report', 'results/{directive}', 'cloud', 'login',
            'encryption', 'files/{digest}',
        )
    },
}

#: What the braces of paths stand for.
NAMED = {
    'bay': 'one', 'ca_cert_type': 'etcd', 'nodegroup': 'default-worker', 'project_id': PROJECT,
    'resource': 'Cluster', 'driver': 'swarm_test', 'purpose': 'kubelet',
    'directive': '00000000-0000-4000-8000-000000000000', 'digest': '0' * 64,
}
CSR = csr.make(csr.name(CN='node-1'))
_QUOTA = {'project_id': PROJECT, 'hard_limit': 10000}

CREATED = {
    '/v1/baymodels': {**TEMPLATE, 'name': 'new'},
    '/v1/clustertemplates': {**TEMPLATE, 'name': 'new'},
    '/v1/bays': {'name': 'new', 'baymodel_id': 'model'},
    '/v1/clusters': {'name': 'new', 'cluster_template_id': 'model'},
    '/v1/certificates': {'cluster_uuid': 'one', 'csr': 'nonsense'},
    '/v1/quotas': _QUOTA,
    **{
        f'/v1/{collection}/one/{path}': body
        for collection in ('bays', 'clusters')
        for path, body in (
            ('config', {'csr': 'nonsense'}),
            ('actions/resize', {'node_count': CLUSTER.get('node_count', 1)}),
            ('actions/upgrade', {'cluster_template': 'nope'}),
            ('nodegroups', {'name': 'more', 'role': 'master'}),
        )
    },
}


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    service = Service(
        tmp_path_factory.mktemp('roles'),
        quotas__max_clusters_per_project=10000, api__synchronous_create_wait=0,
    )
    client = webtest.TestApp(service.application)
    member = {'X-Auth-Token': 'member'}
    client.post_json('/v1/clustertemplates', TEMPLATE, headers=member)
    client.post_json('/v1/clusters', CLUSTER, headers=member)
    service.settle()
    service.add_bay_user('one')
    (operation,) = client.get('/v1/operations', headers=member).json['operations']
    NAMED['operation'] = operation['uuid']
    NAMED['bay_uuid'] = operation['bay_uuid']
    NAMED['node_token'] = service.arm_nodes(operation['bay_uuid'], operation['uuid'])
    yield client
    service.stop()


def test_matrix_is_complete() -> None:
    assert MATRIX.keys() == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize('role', ROLES)
@pytest.mark.parametrize(('method', 'path'), sorted(MATRIX))
def test_role(running: webtest.TestApp, method: str, path: str, role: str) -> None:
    expected = MATRIX[method, path][ROLES.index(role)]
    route = next(r for r in ROUTES if (r.method, r.path) == (method, path))
    ident = 'model' if 'models' in path or 'templates' in path else 'one'
    if method == 'DELETE' and path.endswith('/{ident}'):
        ident = _sacrifice(running, path.removesuffix('/{ident}'))
    url = path.replace('{ident}', ident)
    for name, value in NAMED.items():
        url = url.replace(f'{{{name}}}', value)
    headers = {'X-Auth-Token': role} if role != 'none' else {}
    if route.since > versions.MINIMUM:
        headers['OpenStack-API-Version'] = f'container-infra {versions.text(route.since)}'
    if method == 'PATCH' and ('credentials' in path or 'certificates' in path):
        # Or the next one would find an operation in progress.
        headers['If-Match'] = '"0"'
    if 'quotas' in path:
        # So that there is one to be dropped.
        running.post_json(
            '/v1/quotas', _QUOTA, headers={'X-Auth-Token': 'admin'}, expect_errors=True
        )
    if route in of_nodes():
        response = running.post(f'{url}?node=node-1', CSR, headers=headers, expect_errors=True)
    elif method == 'POST':
        response = running.post_json(url, CREATED.get(url, {}), headers=headers, expect_errors=True)
    elif method == 'PATCH':
        body = _QUOTA if 'quotas' in path else []
        response = running.patch_json(url, body, headers=headers, expect_errors=True)
    else:
        response = running.request(url, method=method, headers=headers, expect_errors=True)
    assert response.status_int == expected, response.text


@pytest.mark.parametrize(('method', 'path'), sorted(MATRIX))
def test_a_token_of_a_node_opens_nothing_of_callers(
    running: webtest.TestApp, method: str, path: str
) -> None:
    route = next(r for r in ROUTES if (r.method, r.path) == (method, path))
    url = path.replace('{', '').replace('}', '')
    headers = {'X-Bootstrap-Token': NAMED['node_token']}
    response = running.request(url, method=method, headers=headers, expect_errors=True)
    if route.auth is Auth.KEYSTONE:
        assert response.status_int == 401


def test_a_token_of_a_node_opens_what_is_of_nodes(running: webtest.TestApp) -> None:
    url = f'/v1/bootstrap/{NAMED["bay_uuid"]}/ca'
    headers = {'X-Bootstrap-Token': NAMED['node_token']}
    assert running.post(url, headers=headers).status_int == 200
    wrong = {'X-Bootstrap-Token': f'{NAMED["node_token"]}x'}
    assert running.post(url, headers=wrong, expect_errors=True).status_int == 401


def _sacrifice(client: webtest.TestApp, collection: str) -> str:
    """Something of member's that may go."""
    headers = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra 1.2'}
    made = client.post_json(collection, CREATED[collection], headers=headers)
    uuid: str = made.json['uuid']
    return uuid
