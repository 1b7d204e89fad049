"""Who reaches nodes, and through what."""

import dataclasses
from typing import Any

import pytest

from magnum.drivers.contract import MASTER, WORKER, Driver
from tests.functional.templates.stacks import first, only
from tests.unit.drivers import plans

POD_NETWORK = '10.100.0.0/16'
MANAGEMENT = {('icmp', 0), ('tcp', 22)}
NODE_PORTS = {('tcp', 30000), ('udp', 30000)}
# What reaches masters from everywhere, masters from named networks, workers from these.
OPENNESS: dict[str, tuple[set[tuple[str, int]], ...]] = {
    'kubernetes': ({('tcp', 6443)}, set(), NODE_PORTS),
    'swarm': ({('tcp', 2376)}, set(), NODE_PORTS | {('tcp', 80), ('tcp', 443)}),
    'mesos': (set(), {('tcp', 5050), ('tcp', 8080)}, {('tcp', 31000)}),
}


@first('kubernetes')
def test_who_reaches_nodes(build: Any, driver: Driver) -> None:
    everybody, masters_ports, workers_ports = OPENNESS[driver.name]
    bay = build(driver)

    def check(*networks: str) -> None:
        (master,) = bay.masters()
        worker = bay.stack.servers()['0']
        for server, ports, open_ports in (
            (master, masters_ports, everybody), (worker, workers_ports, set()),
        ):
            reached = bay.cloud.reached_by(server)
            reached.pop(POD_NETWORK, None)
            assert reached.pop('') == MANAGEMENT | open_ports
            assert reached == (dict.fromkeys(networks, ports) if ports else {})

    def labelled(**labels: str) -> None:
        bay.plan = dataclasses.replace(bay.plan, labels=labels)
        bay.renew()

    check('10.0.0.0/24')
    named = {'node_ports_allowed_cidrs': '192.0.2.0/24,198.51.100.0/24'}
    if driver.name == 'mesos':
        named['mesos_allowed_cidrs'] = named['node_ports_allowed_cidrs']
    labelled(**named)
    check('10.0.0.0/24', '192.0.2.0/24', '198.51.100.0/24')
    labelled()
    check('10.0.0.0/24', '192.0.2.0/24', '198.51.100.0/24')


@pytest.mark.long
@only('swarm')
def test_masters_behind_a_load_balancer(build: Any, driver: Driver) -> None:
    bay = build(
        driver,
        masters=plans.group(MASTER, 3),
        workers=plans.group(WORKER, 0),
        master_lb_enabled=True,
        labels={'master_lb_allowed_cidrs': '0.0.0.0/0'},
    )
    masters = bay.stack.nodes(MASTER)
    assert {node['MAGNUM_NODE_INDEX'] for node in masters} == {'0', '1', '2'}
    addresses = {node['MAGNUM_NODE_ADDRESS'] for node in masters}
    assert len(addresses) == 3
    for node in masters:
        assert set(node['MAGNUM_MASTER_ADDRESSES'].split()) == addresses
        assert node['MAGNUM_API_ADDRESS'] not in addresses
    observed = bay.observed()
    assert bay.stack.outputs()['api_address'] == masters[0]['MAGNUM_API_PUBLIC_ADDRESS']
    assert bay.stack.outputs()['api_address'] not in observed.master_addresses


@pytest.mark.long
@only('mesos')
def test_existing_network_without_floating_addresses(
    shared_network: tuple[str, str], build: Any, driver: Driver
) -> None:
    network, subnet = shared_network
    bay = build(
        driver,
        fixed_network=network,
        fixed_subnet=subnet,
        external_network=None,
        floating_ip_enabled=False,
        tls_disabled=True,
    )
    observed = bay.observed()
    assert all(
        address.startswith('10.77.0.')
        for address in (*observed.master_addresses, *observed.node_addresses)
    )
    assert observed.master_addresses[0] in observed.api_address
    assert bay.stack.nodes(WORKER)[0]['MAGNUM_NODE_PUBLIC_ADDRESS'] == ''
    (master,) = bay.masters()
    assert bay.cloud.reached_by(master)['10.77.0.0/24'] == {('tcp', 5050), ('tcp', 8080)}
