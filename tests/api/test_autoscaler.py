"""What the cluster autoscaler asks of this service, in its order, with its credential."""

from typing import Any

import pytest
import webtest

from magnum.clients.application_credentials import access_rules
from magnum.db import models
from magnum.db.repositories import bays, nodegroups
from magnum.domain.parameters import Resize
from magnum.drivers.plans import bay_plan
from magnum.drivers.registry import Registry
from tests.api.fixtures.cloud import PROJECT, Token
from tests.api.fixtures.service import Service
from tests.api.test_field_rules import TEMPLATE

pytestmark = pytest.mark.installed_drivers

MEMBER = {'X-Auth-Token': 'member', 'OpenStack-API-Version': 'container-infra latest'}
#: As its provider for Magnum sends it; later releases send "latest".
ITS_OWN = {'X-Auth-Token': 'autoscaler', 'OpenStack-API-Version': 'container-infra 1.9'}
SCALED = {
    'auto_scaling_enabled': 'true', 'max_node_count': '5', 'cloud_provider_enabled': 'true',
}


@pytest.fixture
def client(service: Service) -> webtest.TestApp:
    made = webtest.TestApp(service.application)
    made.post_json('/v1/clustertemplates', TEMPLATE, headers=MEMBER)
    return made


def create(
    service: Service, client: webtest.TestApp, name: str, labels: dict[str, str], count: int = 3
) -> str:
    body = {'name': name, 'cluster_template_id': 'model', 'node_count': count, 'labels': labels}
    made = client.post_json('/v1/clusters', body, headers=MEMBER, status=202)
    service.settle()
    return str(made.json['uuid'])


@pytest.fixture
def cluster(service: Service, client: webtest.TestApp) -> str:
    """A bay whose autoscaler has a token of the credential that the service would make."""
    uuid = create(service, client, 'one', SCALED)
    user = f'{uuid}_{PROJECT}'
    with service.database.writing() as session:
        bay, baymodel = bays.with_baymodel(session, uuid)
        plan = bay_plan(bay, baymodel, nodegroups.load_all(session, uuid), service.conf)
        session.add(models.BayIdentity(
            bay_uuid=uuid, project_id=PROJECT, username=user, user_id=user, sealed_password='',
        ))
    driver = Registry.from_entry_points().by_name('kubernetes')
    assert driver.cloud_purposes(plan)[1:], 'it is not the only one'
    rules = access_rules(driver.cloud_access_rules(
        plan, service.conf.identity.cloud_access_rules, ['autoscaler']
    ))
    service.cloud.tokens['autoscaler'] = Token(
        user, PROJECT, ('member',), 'magnum', access_rules=tuple(
            {'id': str(number), **rule} for number, rule in enumerate(rules)
        ),
    )
    return uuid


def groups(client: webtest.TestApp, cluster: str) -> dict[str, Any]:
    """Those that it may change, as its discovery finds them."""
    client.get(f'/v1/clusters/{cluster}', headers=ITS_OWN, status=200)
    path = f'/v1/clusters/{cluster}/nodegroups'
    found = {}
    for one in client.get(path, headers=ITS_OWN, status=200).json['nodegroups']:
        if one['role'] == 'master':
            continue
        group = client.get(f'{path}/{one["uuid"]}', headers=ITS_OWN, status=200).json
        if group['max_node_count'] is not None and group['role'] in ('worker', 'autoscaling'):
            found[group['name']] = group
    return found


def resize(client: webtest.TestApp, cluster: str, group: str, count: int, *nodes: str) -> Any:
    body: dict[str, Any] = {'node_count': count, 'nodegroup': group}
    if nodes:
        body['nodes_to_remove'] = list(nodes)
    path = f'/v1/clusters/{cluster}/actions/resize'
    return client.post_json(path, body, headers=ITS_OWN, expect_errors=True)


def removals(service: Service) -> list[Resize]:
    """The resizes that name nodes, in the order in which they were asked for."""
    with service.database.reading() as session:
        rows = session.query(models.Operation).filter_by(verb='resize').order_by(
            models.Operation.id
        )
        return [found for found in map(Resize.of, rows) if found.nodes_to_remove]


def test_its_round(service: Service, client: webtest.TestApp, cluster: str) -> None:
    found = groups(client, cluster)
    assert found.keys() == {'default-worker'}
    (group,) = found.values()
    assert (group['min_node_count'], group['max_node_count'], group['node_count']) == (1, 5, 3)
    uuid = group['uuid']

    assert resize(client, cluster, uuid, 5).status_int == 202
    assert groups(client, cluster)['default-worker']['node_count'] == 5
    service.settle()
    servers = service.cloud.workers
    servers['4'] = '44444444-0000-4000-8000-00000000000a'

    first = resize(client, cluster, uuid, 4, servers['4'].upper())
    assert first.status_int == 202
    _begin(service)
    # Five seconds later, while the first goes on; the node had no server yet.
    second = resize(client, cluster, uuid, 3, '3')
    assert second.status_int == 202
    third = resize(client, cluster, uuid, 2, f'openstack:///{servers["1"]}')
    assert third.status_int == 202
    assert groups(client, cluster)['default-worker']['node_count'] == 2
    assert [(one.node_count, one.nodes_to_remove) for one in removals(service)] == [
        (4, (servers['4'].upper(),)), (2, ('3', f'openstack:///{servers["1"]}')),
    ]


def _begin(service: Service) -> None:
    """As a worker does that claims what is queued."""
    with service.database.writing() as session:
        for operation in session.query(models.Operation).filter_by(state='QUEUED'):
            operation.state = 'RUNNING'


@pytest.mark.parametrize('count', [6, 100])
def test_not_beyond_the_bounds(client: webtest.TestApp, cluster: str, count: int) -> None:
    (group,) = groups(client, cluster).values()
    answer = resize(client, cluster, group['uuid'], count)
    assert answer.status_int == 400
    assert 'max_node_count = 5' in answer.json['errors'][0]['detail']
    assert groups(client, cluster)['default-worker']['node_count'] == 3


def test_not_fewer_than_the_least(service: Service, client: webtest.TestApp, cluster: str) -> None:
    path = f'/v1/clusters/{cluster}/nodegroups/default-worker'
    change = [{'op': 'replace', 'path': '/min_node_count', 'value': 2}]
    client.patch_json(path, change, headers=MEMBER, status=202)
    service.settle()
    assert resize(client, cluster, 'default-worker', 1, '0').status_int == 400
    assert resize(client, cluster, 'default-worker', 2, '0').status_int == 202


def test_masters_are_not_its_own(client: webtest.TestApp, cluster: str) -> None:
    answer = resize(client, cluster, 'default-master', 3)
    assert answer.status_int == 403
    assert answer.json['errors'][0]['code'] == 'magnum.nodegroup.not_autoscaled'


@pytest.mark.parametrize('by', [ITS_OWN, MEMBER])
def test_a_group_without_an_upper_bound_is_the_users(
    service: Service, client: webtest.TestApp, cluster: str, by: dict[str, str]
) -> None:
    path = f'/v1/clusters/{cluster}/nodegroups/default-worker'
    change = [{'op': 'remove', 'path': '/max_node_count'}]
    client.patch_json(path, change, headers=MEMBER, status=202)
    service.settle()
    answer = client.post_json(
        f'/v1/clusters/{cluster}/actions/resize', {'node_count': 4}, headers=by,
        expect_errors=True,
    )
    assert answer.status_int == (202 if by is MEMBER else 403)


@pytest.mark.parametrize(('method', 'path'), [
    ('DELETE', ''), ('PATCH', ''), ('POST', '/actions/upgrade'), ('POST', '/nodegroups'),
    ('PATCH', '/nodegroups/default-worker'), ('DELETE', '/nodegroups/default-worker'),
    ('GET', '/operations'), ('GET', '/nodes'), ('POST', '/actions/resize/x'),
])
def test_nothing_else_of_its_bay(
    client: webtest.TestApp, cluster: str, method: str, path: str
) -> None:
    client.request(f'/v1/clusters/{cluster}{path}', method=method, headers=ITS_OWN, status=401)
    # Nor by the bay's other name.
    client.request(f'/v1/bays/{cluster}{path}', method=method, headers=ITS_OWN, status=401)


def test_nothing_of_others(service: Service, client: webtest.TestApp, cluster: str) -> None:
    other = create(service, client, 'another', SCALED)
    for path in (f'/v1/clusters/{other}', f'/v1/clusters/{other}/nodegroups', '/v1/clusters'):
        client.get(path, headers=ITS_OWN, status=401)
    assert resize(client, other, 'default-worker', 2).status_int == 401
    client.post_json('/v1/clusters', {'cluster_template_id': 'model'}, headers=ITS_OWN, status=401)
    client.get(f'/v1/certificates/{cluster}', headers=ITS_OWN, status=401)
    client.patch('/v1/certificates', headers=ITS_OWN, status=401)


@pytest.mark.parametrize(('labels', 'count', 'least', 'most'), [
    ({'auto_scaling_enabled': 'yes'}, 3, 1, 4),
    ({'auto_scaling_enabled': 'yes'}, 0, 0, 1),
    ({'auto_scaling_enabled': 'true', 'max_node_count': '9'}, 3, 1, 9),
    ({'auto_scaling_enabled': 'true', 'min_node_count': '0'}, 3, 0, 4),
    ({'auto_scaling_enabled': 'false'}, 3, 0, None),
    ({}, 3, 0, None),
])
def test_the_bounds_of_a_new_bay(
    service: Service, client: webtest.TestApp,
    labels: dict[str, str], count: int, least: int, most: int | None,
) -> None:
    """The autoscaler leaves groups without an upper one alone: the label would do nothing."""
    uuid = create(service, client, 'bounded', labels, count)
    path = f'/v1/clusters/{uuid}/nodegroups/default-worker'
    group = client.get(path, headers=MEMBER, status=200).json
    found = [group[name] for name in ('node_count', 'min_node_count', 'max_node_count')]
    assert found == [count, least, most]


def test_another_coe_has_no_autoscaler_and_no_bound(
    service: Service, client: webtest.TestApp
) -> None:
    body = {**TEMPLATE, 'name': 'swarm-model', 'coe': 'swarm'}
    client.post_json('/v1/clustertemplates', body, headers=MEMBER, status=201)
    body = {'cluster_template_id': 'swarm-model', 'node_count': 3,
            'labels': {'auto_scaling_enabled': 'true'}}
    uuid = client.post_json('/v1/clusters', body, headers=MEMBER, status=202).json['uuid']
    path = f'/v1/clusters/{uuid}/nodegroups/default-worker'
    assert client.get(path, headers=MEMBER, status=200).json['max_node_count'] is None
