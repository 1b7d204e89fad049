"""Another number of masters of a bay that lives: what is accepted, and what is refused."""

from typing import Any

import pytest
import sqlalchemy as sa
import webtest

from magnum.db import models
from magnum.domain.stack_names import stack_name
from magnum.drivers.kubernetes.driver import KubernetesDriver
from magnum.drivers.swarm.driver import SwarmDriver
from tests.api.fixtures.service import Service
from tests.api.test_labels import HEADERS, TEMPLATE

pytestmark = pytest.mark.installed_drivers

REPORTING = {'kubernetes': KubernetesDriver.version, 'swarm': SwarmDriver.version}


def made(
    service: Service, client: webtest.TestApp, coe: str = 'kubernetes', **cluster: Any
) -> str:
    """A cluster of one master, whose nodes report where they can."""
    template = {**TEMPLATE, 'name': coe, 'coe': coe}
    if coe != 'kubernetes':
        template['network_driver'] = 'docker'
    client.post_json('/v1/clustertemplates', template, headers=HEADERS)
    body = {'name': 'c', 'cluster_template_id': coe, 'master_lb_enabled': True, **cluster}
    uuid = client.post_json('/v1/clusters', body, headers=HEADERS).json['uuid']
    service.settle()
    tell_version(service, uuid, REPORTING.get(coe, 'mesos-4'))
    return str(uuid)


def tell_version(service: Service, uuid: str, version: str) -> None:
    with service.database.writing() as session:
        session.execute(
            sa.update(models.Bay).filter_by(uuid=uuid).values(template_version=version)
        )


@pytest.fixture
def cluster(service: Service, client: webtest.TestApp) -> str:
    return made(service, client)


def resize(client: webtest.TestApp, uuid: str, count: int, **more: Any) -> webtest.TestResponse:
    body = {'node_count': count, 'nodegroup': 'default-master', **more.pop('body', {})}
    path = f'/v1/{more.pop("plural", "clusters")}/{uuid}/actions/resize{more.pop("query", "")}'
    answer: webtest.TestResponse = client.post_json(path, body, headers=HEADERS, **more)
    return answer


def patch(
    client: webtest.TestApp, uuid: str, query: str = '', status: int = 202, **counts: int
) -> webtest.TestResponse:
    steps = [
        {'op': 'replace', 'path': f'/{name}', 'value': value} for name, value in counts.items()
    ]
    answer: webtest.TestResponse = client.patch_json(
        f'/v1/clusters/{uuid}{query}', steps, headers=HEADERS, status=status
    )
    return answer


def operations(client: webtest.TestApp, uuid: str) -> list[tuple[str, str]]:
    found = client.get(f'/v1/clusters/{uuid}/operations', headers=HEADERS).json['operations']
    return sorted((one['verb'], one['state']) for one in found if one['verb'] != 'create')


def fault(answer: webtest.TestResponse) -> tuple[str, str | None, str]:
    error = answer.json['errors'][0]
    return error['code'], error.get('source', {}).get('pointer'), error['detail']


@pytest.mark.parametrize('plural', ['clusters', 'bays'])
def test_an_odd_number_is_accepted(
    client: webtest.TestApp, cluster: str, plural: str
) -> None:
    answer = resize(client, cluster, 3, plural=plural)
    assert answer.status_int == 202
    shown = client.get(f'/v1/clusters/{cluster}', headers=HEADERS).json
    assert (shown['status'], shown['master_count']) == ('UPDATE_IN_PROGRESS', 1)
    assert operations(client, cluster) == [('resize_masters', 'QUEUED')]


def test_a_patch_does_the_same(client: webtest.TestApp, cluster: str) -> None:
    patch(client, cluster, master_count=3)
    assert operations(client, cluster) == [('resize_masters', 'QUEUED')]
    again = patch(client, cluster, master_count=5)
    assert operations(client, cluster) == [('resize_masters', 'QUEUED')], 'it is not begun'
    assert again.json['uuid'] == cluster


def test_both_counts_of_a_patch_change(client: webtest.TestApp, cluster: str) -> None:
    patch(client, cluster, node_count=3, master_count=3)
    assert operations(client, cluster) == [('resize', 'QUEUED'), ('resize_masters', 'PENDING')]


def test_the_same_number_is_nothing_to_do(client: webtest.TestApp, cluster: str) -> None:
    patch(client, cluster, master_count=1)
    resize(client, cluster, 1)
    assert operations(client, cluster) == []


@pytest.mark.parametrize('count', [2, 4])
def test_an_even_number_is_refused(client: webtest.TestApp, cluster: str, count: int) -> None:
    told = f'master nodegroup size of {count} is invalid, size cannot be an even number.'
    code = 'magnum.nodegroup.out_of_range'
    assert fault(resize(client, cluster, count, status=400)) == (code, '/node_count', told)
    found = fault(patch(client, cluster, status=400, master_count=count, node_count=3))
    assert found == (code, '/master_count', told)
    assert operations(client, cluster) == [], 'nor do the workers change'


def test_none_is_no_number_of_masters(client: webtest.TestApp, cluster: str) -> None:
    assert fault(resize(client, cluster, 0, status=400))[1] == '/node_count'
    assert fault(patch(client, cluster, status=400, master_count=0))[1] == '/master_count'


def test_several_need_a_load_balancer(service: Service, client: webtest.TestApp) -> None:
    uuid = made(service, client, master_lb_enabled=False)
    code, field, detail = fault(patch(client, uuid, status=400, master_count=3))
    assert (code, field) == ('magnum.bay.plan_refused', '/master_lb_enabled')
    assert 'load balancer' in detail


def test_those_of_swarm_need_none(service: Service, client: webtest.TestApp) -> None:
    uuid = made(service, client, 'swarm', master_lb_enabled=False)
    patch(client, uuid, master_count=3)
    assert operations(client, uuid) == [('resize_masters', 'QUEUED')]


def test_those_of_mesos_are_fixed(service: Service, client: webtest.TestApp) -> None:
    uuid = made(service, client, 'mesos')
    for answer in (
        resize(client, uuid, 3, status=400), patch(client, uuid, status=400, master_count=3)
    ):
        code, _, detail = fault(answer)
        assert code == 'magnum.nodegroup.of_masters'
        assert 'ZooKeeper' in detail


def test_those_of_early_releases_are_fixed(
    service: Service, client: webtest.TestApp, cluster: str
) -> None:
    tell_version(service, cluster, 'kubernetes-3')
    code, _, detail = fault(resize(client, cluster, 3, status=400))
    assert code == 'magnum.nodegroup.of_masters'
    assert 'do not report' in detail


def test_masters_of_an_earlier_release_stay(
    service: Service, client: webtest.TestApp
) -> None:
    """Those that stay do not say that they can take others out; more may join them."""
    uuid = made(service, client, master_count=3)
    name = stack_name('c', uuid)
    with service.database.writing() as session:
        session.add_all(
            models.Node(
                bay_uuid=uuid, role='master', name=f'{name}-master-{index}', server_id='s',
                public_keys={}, heard_at=sa.func.now(), versions=versions,
            )
            for index, versions in enumerate([{'os': 'Debian'}, None, {'directives': 'retire'}])
        )
    for answer in (
        resize(client, uuid, 1, status=400), patch(client, uuid, status=400, master_count=1)
    ):
        code, _, detail = fault(answer)
        assert code == 'magnum.nodegroup.of_masters'
        assert 'made by an earlier release' in detail
    assert operations(client, uuid) == []
    patch(client, uuid, master_count=5)
    with service.database.writing() as session:
        session.execute(sa.update(models.Node).values(versions={'directives': 'drain retire'}))
    patch(client, uuid, master_count=1)


def test_masters_are_not_named(client: webtest.TestApp, cluster: str) -> None:
    answer = resize(client, cluster, 3, body={'nodes_to_remove': ['0']}, status=400)
    assert fault(answer)[1] == '/nodes_to_remove'


def test_heat_cannot_undo_it(client: webtest.TestApp, cluster: str) -> None:
    patch(client, cluster, '?rollback=true', status=400, master_count=3)
    assert operations(client, cluster) == []


def test_bounds_of_the_group_hold(client: webtest.TestApp, cluster: str) -> None:
    client.patch_json(
        f'/v1/clusters/{cluster}/nodegroups/default-master',
        [{'op': 'add', 'path': '/max_node_count', 'value': 3}], headers=HEADERS,
    )
    assert fault(resize(client, cluster, 5, status=400))[0] == 'magnum.nodegroup.out_of_range'


def test_a_preview_counts_masters(client: webtest.TestApp, cluster: str) -> None:
    found = resize(client, cluster, 3, query='?dry_run=true').json
    assert found['resources']['servers'] == 2
    assert operations(client, cluster) == []


def test_what_waits_shows_its_steps(client: webtest.TestApp, cluster: str) -> None:
    patch(client, cluster, master_count=3)
    (found,) = [
        one for one in client.get(
            f'/v1/clusters/{cluster}/operations', headers=HEADERS
        ).json['operations'] if one['verb'] == 'resize_masters'
    ]
    shown = client.get(f'/v1/operations/{found["uuid"]}', headers=HEADERS).json
    assert [step['name'] for step in shown['steps']][:2] == ['choose_masters', 'check_masters']
