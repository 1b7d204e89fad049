"""Workers that are replaced by new ones."""

from typing import Any

from magnum.drivers.contract import MASTER, WORKER, Driver
from tests.functional.templates.stacks import every_driver, node_settings, only
from tests.unit.drivers import plans


@every_driver
def test_workers_are_renewed(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, docker_volume_size=1),
        workers=plans.group(WORKER, 3, docker_volume_size=1),
    )
    masters, first, addresses = bay.masters(), bay.stack.servers(), bay.observed().node_addresses
    volumes = {node['MAGNUM_VOLUME_ID'] for node in bay.stack.nodes(WORKER)}

    bay.renew(batch=2, image='ubuntu-24.04')
    second = bay.stack.servers()
    assert second.keys() == first.keys()
    assert not set(second.values()) & set(first.values())
    assert bay.masters() == masters
    assert bay.observed().node_addresses == addresses
    nodes = [node_settings(bay.stack.user_data[server]) for server in second.values()]
    assert {node['MAGNUM_BOOTSTRAP_TOKEN'] for node in nodes} == {bay.plan.bootstrap_tokens[WORKER]}
    assert not {node['MAGNUM_VOLUME_ID'] for node in nodes} & volumes
    living = set(bay.cloud.server_ids(bay.plan.stack_name))
    assert living == masters | set(second.values())

    bay.resize(4)
    assert second.items() < bay.stack.servers().items(), 'a resize renews nothing'


@only('swarm')
def test_a_renewal_that_fails_can_be_done_again(build: Any, driver: Driver) -> None:
    bay = build(driver, workers=plans.group(WORKER, 2, docker_volume_size=1))
    masters, first = bay.masters(), bay.stack.servers()
    bay.stack.word = 'FAILURE'
    bay.renew(batch=1, wanted='UPDATE_FAILED')
    untouched = set(bay.cloud.server_ids(bay.plan.stack_name)) & set(first.values())
    assert untouched, 'the second node was not begun'

    bay.stack.word = 'SUCCESS'
    bay.renew(batch=1, existing=True)
    second = bay.stack.servers()
    assert not set(second.values()) & set(first.values())
    assert bay.masters() == masters
    assert set(bay.cloud.server_ids(bay.plan.stack_name)) == masters | set(second.values())
