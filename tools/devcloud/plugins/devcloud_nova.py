"""Nova's fake virt driver, with guests that outlive a restart.

The fake driver keeps its guests in memory. After a restart of nova-compute
the servers stay ACTIVE, but starting, stopping and detaching a port from
them fail as there is no guest. So the guests are made anew from what Nova
knows of its servers.
"""

from typing import Any

from nova import context as nova_context
from nova import objects
from nova.virt import fake


class FakeDriver(fake.FakeDriverWithoutFakeNodes):
    """The fake driver that knows its guests after a restart."""

    def init_host(self, host: Any) -> None:
        """Make a guest for each server that Nova has on this host."""
        super().init_host(host)
        servers = objects.InstanceList.get_by_host(
            nova_context.get_admin_context(),
            host,
            expected_attrs=['info_cache', 'flavor'],
        )
        for server in servers:
            flavor = server.flavor
            self.resources.claim(vcpus=flavor.vcpus, mem=flavor.memory_mb, disk=flavor.root_gb)
            self.instances[server.uuid] = fake.FakeInstance(
                server.name, server.power_state, server.uuid
            )
            for vif in server.get_network_info():
                self._interfaces[vif['id']] = vif
