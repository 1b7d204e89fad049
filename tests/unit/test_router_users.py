"""Who uses a router: not its own gateway and replicas."""

from typing import Any

import pytest

from magnum.clients.project_resources import Port
from magnum.operations.steps import in_use

OWN = frozenset({'router-1', 'own-port', 'own-network'})


class _Cloud:
    def __init__(self, port: Port):
        self._port = port

    def ports(self, **query: Any) -> list[Port]:
        assert query == {'device_id': 'router-1'}
        return [self._port]


@pytest.mark.parametrize(('port_id', 'network', 'owner', 'is_user'), [
    ('p', 'public', 'network:router_gateway', False),
    ('p', 'ha', 'network:router_ha_interface', False),
    ('p', 'public', 'network:router_centralized_snat', False),
    ('p', 'own-network', 'network:router_interface', False),
    ('own-port', 'n', 'network:router_interface', False),
    ('p', 'n', 'network:router_interface', True),
    ('p', 'n', 'network:router_interface_distributed', True),
    ('p', 'n', 'network:ha_router_replicated_interface', True),
])
def test_ports_of_a_router(port_id: str, network: str, owner: str, is_user: bool) -> None:
    port = Port(port_id, 'shop', network, owner, 'router-1')
    users = in_use._of_router(_Cloud(port), 'router-1', OWN)    # type: ignore[arg-type]
    assert [str(user) for user in users] == (
        [f'OS::Neutron::Port shop ({port_id})'] if is_user else []
    )
