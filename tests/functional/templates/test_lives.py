"""Bays and node groups from their creation to their end."""

import dataclasses
import functools
import uuid
from typing import Any

import pytest

from magnum.clients.errors import CloudRefused
from magnum.drivers.contract import MASTER, WORKER, Driver, StackRequest
from tests.functional.templates.stacks import (
    PUBLIC_KEY,
    Cloud,
    every_driver,
    node_settings,
    only,
)
from tests.unit.drivers import plans


@every_driver
@pytest.mark.parametrize('options', plans.OPTIONS.values(), ids=plans.OPTIONS)
def test_heat_finds_the_template_valid(
    cloud: Cloud, driver: Driver, options: dict[str, Any]
) -> None:
    _check_by_heat(cloud, driver.render(plans.plan(driver, **options)))


@every_driver
@pytest.mark.parametrize('options', [{}, {'docker_volume_size': 1}], ids=['plain', 'volume'])
def test_heat_finds_the_template_of_groups_valid(
    cloud: Cloud, driver: Driver, options: dict[str, Any]
) -> None:
    plan = plans.plan(driver)
    group = plans.further_group(**options)
    request = driver.render_nodegroup(plan, group, plans.bay_outputs(driver, plan))
    _check_by_heat(cloud, request)


def _check_by_heat(cloud: Cloud, request: StackRequest) -> None:
    answer = cloud.heat.stacks.validate(
        template=request.template, files=dict(request.files), parameters=dict(request.parameters)
    )
    assert set(request.parameters) <= set(answer['Parameters'])


@pytest.mark.long
@only('kubernetes')
def test_life_of_a_bay(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, docker_volume_size=1),
        workers=plans.group(WORKER, docker_volume_size=1),
        ssh_public_key=PUBLIC_KEY,
        labels={'etcd_volume_size': '1'},
    )
    first = bay.observed()
    assert (first.master_count, first.node_count) == (1, 1)
    (master,) = bay.stack.nodes(MASTER)
    assert first.master_addresses == (master['MAGNUM_NODE_PUBLIC_ADDRESS'],)
    assert first.master_addresses[0] in first.api_address
    (worker,) = bay.stack.nodes(WORKER)
    assert worker['MAGNUM_MASTER_ADDRESSES'] == master['MAGNUM_NODE_ADDRESS']
    assert worker['MAGNUM_BOOTSTRAP_TOKEN'] == plans.TOKENS[WORKER]
    assert worker['MAGNUM_VOLUME_ID']
    assert worker['MAGNUM_ETCD_VOLUME_ID'] == ''
    assert len({master['MAGNUM_VOLUME_ID'], master['MAGNUM_ETCD_VOLUME_ID'], ''}) == 3
    assert all(len(text) < 40 * 1024 for text in bay.stack.user_data.values())

    preview = functools.partial(bay.cloud.own_heat.preview_server, bay.stack.stack_id)
    preview('debian-12', 'm1.small')
    for image, flavor in (('gone', 'm1.small'), ('debian-12', 'gone')):
        with pytest.raises(CloudRefused, match='gone'):
            preview(image, flavor)
    assert bay.observed() == first

    bay.resize(3)
    servers = bay.stack.servers()
    assert len(set(servers.values())) == bay.observed().node_count == 3
    assert len(bay.stack.user_data) == 4, 'old servers stay when tokens change'

    bay.resize(2, servers['1'])
    assert bay.stack.servers() == {'0': servers['0'], '2': servers['2']}

    bay.resize(0)
    assert bay.observed().node_addresses == ()
    assert bay.observed().master_addresses == first.master_addresses

    bay.delete()
    assert bay.cloud.server_ids(bay.plan.stack_name) == []


@pytest.mark.long
@only('kubernetes')
def test_a_further_group(build: Any, driver: Driver) -> None:
    bay = build(driver, workers=plans.group(WORKER, 0), ssh_public_key=PUBLIC_KEY)
    masters = bay.masters()
    plan = plans.further_group(
        node_count=2,
        docker_volume_size=1,
        node_labels={'kind': 'spare'},
        stack_name=f'spare-{uuid.uuid4().hex[:12]}',
    )
    group = bay.add(plan)
    (master,) = bay.stack.nodes(MASTER)
    nodes = group.stack.nodes(WORKER)
    assert {node['MAGNUM_NODE_INDEX'] for node in nodes} == {'0', '1'}
    for node in nodes:
        assert node['MAGNUM_API_ADDRESS'] == master['MAGNUM_API_ADDRESS']
        assert node['MAGNUM_MASTER_ADDRESSES'] == master['MAGNUM_MASTER_ADDRESSES']
        assert node['MAGNUM_NODE_LABELS'] == 'kind=spare'
        assert node['MAGNUM_KUBE_VERSION'] == master['MAGNUM_KUBE_VERSION']
    observed = driver.read_nodegroup_outputs(
        group.stack.outputs(), group.stack.parameters(), bay.plan
    )
    assert observed.node_count == 2
    assert set(observed.node_addresses) == {node['MAGNUM_NODE_PUBLIC_ADDRESS'] for node in nodes}
    names = {
        resource.resource_name
        for resource in bay.cloud.heat.resources.list(group.stack.stack_id, nested_depth=3)
    }
    assert {'kube_minions', 'kube-minion'} <= names, 'what the autoscaler looks for'

    before = group.stack.servers()
    group.plan = dataclasses.replace(group.plan, node_labels={'kind': 'new'})
    group.resize(3)
    after = group.stack.servers()
    assert before.items() < after.items()
    text = group.stack.user_data[after['2']]
    assert node_settings(text)['MAGNUM_NODE_LABELS'] == 'kind=new'
    group.resize(2, before['0'])
    assert group.stack.servers() == {'1': after['1'], '2': after['2']}

    addresses = group.stack.outputs()['kube_minions_private']
    group.renew(kept=('2',), flavor='m1.medium')
    halfway = group.stack.servers()
    assert halfway['2'] == after['2'], 'it waits for its turn'
    assert halfway['1'] != after['1']
    group.renew(revision=group.plan.revision)
    renewed = group.stack.servers()
    assert renewed['1'] == halfway['1']
    assert renewed.keys() == {'1', '2'}
    assert not set(renewed.values()) & set(after.values())
    assert group.stack.outputs()['kube_minions_private'] == addresses
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(plan.stack_name)) == set(renewed.values())

    group.stack.delete()
    assert bay.cloud.server_ids(plan.stack_name) == []
    assert bay.masters() == masters


@pytest.mark.long
@only('kubernetes')
def test_a_resize_whose_nodes_failed_can_be_done_again(
    own_cloud: Cloud, build: Any, driver: Driver
) -> None:
    bay = build(driver, cloud=own_cloud)
    masters, first = bay.masters(), bay.stack.servers()
    with bay.cloud.full():
        bay.resize(3, wanted='UPDATE_FAILED')
    lost = driver.lost_workers(bay.stack.stack_id, bay.cloud.unfinished_resources(bay.stack))
    assert set(lost) == {'1', '2'}

    bay.resize(3, *lost)
    second = bay.stack.servers()
    assert second.keys() == {'0', '3', '4'}
    assert first.items() < second.items(), 'what came up is left alone'
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(bay.plan.stack_name)) == masters | set(second.values())


@pytest.mark.long
@only('swarm')
def test_a_resize_that_was_cancelled_costs_no_node(build: Any, driver: Driver) -> None:
    bay = build(driver, workers=plans.group(WORKER, 2))
    first = bay.stack.servers()
    bay.resize(3, wanted='UPDATE_FAILED', cancel=True)
    lost = driver.lost_workers(bay.stack.stack_id, bay.cloud.unfinished_resources(bay.stack))
    assert not set(lost) & first.keys(), 'they were to get a new token, no more'
    try:
        bay.resize(3, *lost)
    except AssertionError as stumbled:  # over what Heat is still cancelling
        assert 'Stack UPDATE cancelled' in str(stumbled)  # noqa: PT017
        bay.resize(3, *lost)
    assert first.items() < bay.stack.servers().items()
