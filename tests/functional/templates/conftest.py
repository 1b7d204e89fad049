"""Bays whose stacks a real Heat builds."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from magnum.drivers.contract import Driver
from tests.functional.templates.stacks import Bay, Cloud, project_of_its_own
from tests.unit.drivers import plans


@pytest.fixture(scope='module')
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def own_cloud() -> Iterator[Cloud]:
    """The cloud as the only test sees it that uses this project."""
    with project_of_its_own() as name:
        yield Cloud(name)


@pytest.fixture
def build(cloud: Cloud) -> Iterator[Any]:
    """Make bays; what is left of them is deleted at the end."""
    bays = []

    def make(driver: Driver, **changes: Any) -> Bay:
        name = f'{driver.name}-{uuid.uuid4().hex[:12]}'
        where = changes.pop('cloud', cloud)
        bay = Bay(where, driver, plans.plan(driver, stack_name=name, **changes))
        bays.append(bay)
        bay.create()
        return bay

    yield make
    for bay in bays:
        bay.delete()


@pytest.fixture
def shared_network(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Ids of a network and its subnet, behind a router."""

    def post(kind: str, **body: Any) -> str:
        answer = cloud.network.post(f'/v2.0/{kind}s', json={kind: body}).json()
        return str(answer[kind]['id'])

    public = cloud.network.get('/v2.0/networks?router:external=true').json()['networks'][0]
    network = post('network', name='shared-by-bays')
    subnet = post('subnet', network_id=network, ip_version=4, cidr='10.77.0.0/24')
    router = post('router', external_gateway_info={'network_id': public['id']})
    interface = {'subnet_id': subnet}
    cloud.network.put(f'/v2.0/routers/{router}/add_router_interface', json=interface)
    yield network, subnet
    cloud.network.put(f'/v2.0/routers/{router}/remove_router_interface', json=interface)
    cloud.network.delete(f'/v2.0/routers/{router}')
    cloud.network.delete(f'/v2.0/networks/{network}')
