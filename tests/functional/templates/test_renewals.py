"""Nodes that are replaced by new ones."""

from typing import Any

import pytest

from magnum.drivers.contract import MASTER, WORKER, Driver
from tests.functional.templates.stacks import Cloud, first, node_settings, only
from tests.unit.drivers import plans


@first('mesos')
def test_workers_are_renewed(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, docker_volume_size=1),
        workers=plans.group(WORKER, 3, docker_volume_size=1),
    )
    masters, first, addresses = bay.masters(), bay.stack.servers(), bay.observed().node_addresses
    volumes = {node['MAGNUM_VOLUME_ID'] for node in bay.stack.nodes(WORKER)}

    bay.renew(kept=('1', '2'), image='ubuntu-24.04', docker_volume_size=2)
    halfway = bay.stack.servers()
    assert halfway['0'] != first['0']
    assert {**halfway, '0': first['0']} == first, 'the others wait for their turn'
    bay.resize(4)
    bay.resize(3)
    assert bay.stack.servers() == halfway, 'and a resize leaves them'
    bay.renew(revision=bay.plan.workers.revision)
    second = bay.stack.servers()
    assert second['0'] == halfway['0']
    assert second.keys() == first.keys()
    assert not set(second.values()) & set(first.values())
    assert bay.masters() == masters
    assert bay.observed().node_addresses == addresses
    nodes = [node_settings(bay.stack.user_data[server]) for server in second.values()]
    tokens = {node['MAGNUM_NODE_INDEX']: node['MAGNUM_BOOTSTRAP_TOKEN'] for node in nodes}
    assert tokens['1'] == tokens['2'] == bay.plan.bootstrap_tokens[WORKER]
    assert not {node['MAGNUM_VOLUME_ID'] for node in nodes} & volumes
    living = set(bay.cloud.server_ids(bay.plan.stack_name))
    assert living == masters | set(second.values())

    bay.resize(4)
    assert second.items() < bay.stack.servers().items(), 'a resize renews nothing'


@pytest.mark.long
@only('swarm')
def test_a_renewal_that_fails_can_be_done_again(
    own_cloud: Cloud, build: Any, driver: Driver
) -> None:
    bay = build(driver, cloud=own_cloud, workers=plans.group(WORKER, 2, docker_volume_size=1))
    masters, first = bay.masters(), bay.stack.servers()
    with bay.cloud.full():
        bay.renew(kept=('1',), wanted='UPDATE_FAILED')
    assert first['1'] in bay.cloud.server_ids(bay.plan.stack_name), 'it was not begun'

    bay.renew(kept=('1',))
    assert bay.stack.servers()['1'] == first['1']
    bay.renew(revision=bay.plan.workers.revision)
    second = bay.stack.servers()
    assert not set(second.values()) & set(first.values())
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(bay.plan.stack_name)) == masters | set(second.values())


@pytest.mark.long
@only('kubernetes')
def test_masters_are_renewed_one_at_a_time(build: Any, driver: Driver) -> None:
    bay = build(
        driver, masters=plans.group(MASTER, 3, docker_volume_size=1),
        workers=plans.group(WORKER, 1), master_lb_enabled=True, labels={'etcd_volume_size': '1'},
    )
    first, workers, observed = bay.masters(), bay.stack.servers(), bay.observed()
    former = node_settings(bay.stack.user_data[bay.master(0)])

    bay.renew_masters(kept=('1', '2'), image='ubuntu-24.04')
    assert bay.masters() & first == {bay.master(1), bay.master(2)}, 'they wait for their turn'
    found = node_settings(bay.stack.user_data[bay.master(0)])
    assert (former['MAGNUM_NODE_REVISION'], found['MAGNUM_NODE_REVISION']) == ('0', '1')
    for same in ('MAGNUM_NODE_NAME', 'MAGNUM_NODE_ADDRESS', 'MAGNUM_ETCD_VOLUME_ID'):
        assert found[same] == former[same]
    assert found['MAGNUM_VOLUME_ID'] != former['MAGNUM_VOLUME_ID']
    assert found['MAGNUM_BOOTSTRAP_TOKEN'] == bay.plan.bootstrap_tokens[MASTER]
    assert bay.observed() == observed

    halfway = bay.masters()
    bay.resize(2)
    bay.renew()
    assert bay.masters() == halfway, 'whatever becomes of workers'
    assert not set(bay.stack.servers().values()) & set(workers.values())

    bay.renew_masters(revision=bay.plan.masters.revision)
    assert bay.masters() - first == bay.masters()
    assert bay.master(0) in halfway
    assert bay.observed().master_addresses == observed.master_addresses


@pytest.mark.long
@only('kubernetes')
def test_masters_join_and_leave_beside_those_that_live(build: Any, driver: Driver) -> None:
    bay = build(
        driver, masters=plans.group(MASTER, 1), workers=plans.group(WORKER, 1),
        master_lb_enabled=True,
    )
    first, workers = bay.masters(), bay.stack.servers()
    for count in (2, 3):
        before = bay.masters()
        bay.count_masters(count)
        assert before < bay.masters(), 'who lives stays'
        new = node_settings(bay.stack.user_data[bay.master(count - 1)])
        assert new['MAGNUM_NODE_REVISION'] != '0'
        assert len(new['MAGNUM_MASTER_ADDRESSES'].split()) == count
    assert len(bay.observed().master_addresses) == 3
    three = bay.masters()
    bay.count_masters(2)
    two = bay.masters()
    assert first < two < three
    assert len(bay.observed().master_addresses) == 3, 'ports go afterwards'
    bay.count_masters(2)
    assert len(bay.observed().master_addresses) == 2
    assert bay.masters() == two
    assert bay.stack.servers() == workers
    bay.count_masters(1)
    bay.renew()
    assert bay.masters() == first
