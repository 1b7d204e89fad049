"""Docker Swarm: engines in swarm mode, their API guarded by the bay's TLS."""

import ipaddress
from collections.abc import Mapping

from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers import checks, heat, settings, stack_parameters
from magnum.drivers.contract import MASTER, WORKER, Access, BayPlan, Capabilities, PlanRefused

DOCKER_PORT = 2376
JOIN_PORT = 9443
POOL = 'swarm_default_addr_pool'
#: Length of the prefix of each of a swarm's networks.
NETWORK_BITS = 24


def address_pool(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Networks of the swarm's own that are not those of its nodes."""
    text = plan.labels[POOL]
    try:
        pool = ipaddress.IPv4Network(text)
    except ValueError:
        raise PlanRefused(f'labels/{POOL}', f'{text!r} is no network address.') from None
    if pool.prefixlen > NETWORK_BITS:
        raise PlanRefused(
            f'labels/{POOL}', f'Networks of {NETWORK_BITS} bits are taken out of it.'
        )
    cidr = checks.cidr_of_nodes(plan)
    if cidr is None:
        # The first node looks.
        return
    subnet = ipaddress.ip_network(cidr)
    if pool.overlaps(subnet):
        raise PlanRefused(f'labels/{POOL}', f'{pool} overlaps with {subnet}, where the nodes are.')


class SwarmDriver(heat.HeatDriver):
    """Managers and workers; the managers keep the state by Raft."""

    name = 'swarm'
    capabilities = Capabilities(
        coe='swarm',
        server_types=('vm',),
        distros=('debian', 'ubuntu'),
        network_drivers=('docker',),
        volume_drivers=(),
        versions=(),
        nodegroups=True,
        upgrades=(MASTER, WORKER),
        fixed_masters='',
    )
    folder = 'swarm'
    version = 'swarm-4'
    parameter_names = dict.fromkeys(
        ('swarm-1', 'swarm-2', 'swarm-3', 'swarm-4'),
        stack_parameters.Names(
            master_count='number_of_masters',
            node_count='number_of_nodes',
            nodes_to_remove='nodes_to_remove',
            node_image='node_image',
            node_flavor='node_flavor',
            workers='swarm_nodes',
        ),
    )
    without_trust_rounds = frozenset({'swarm-1'})
    waited_for_by_heat = frozenset(('swarm-1', 'swarm-2', 'swarm-3'))
    outputs = heat.Outputs(
        masters='swarm_masters',
        masters_private='swarm_masters_private',
        nodes='swarm_nodes',
        nodes_private='swarm_nodes_private',
    )
    refusals = (*checks.COMMON, address_pool)
    tolerated = frozenset((*heat.HeatDriver.tolerated, address_pool))
    # Engines take every client certificate of the bay for full power over
    # them, so workers get none.
    certificates = {
        MASTER: {
            'server': NodeCertificate('{node}', 'magnum:masters', server=True, api=True),
            'client': NodeCertificate('{node}', 'magnum:masters', client=True),
        },
        WORKER: {
            'server': NodeCertificate('{node}', 'magnum:workers', server=True),
        },
    }

    def api_url(self, address: str, plan: BayPlan) -> str:
        """Of the Docker engine API."""
        return f'tcp://{address}:{DOCKER_PORT}'

    def client_files(self, access: Access) -> Mapping[str, str]:
        """For the docker client."""
        variables = {'DOCKER_HOST': access.api_address}
        files = {}
        if access.authority is not None and access.certificate is not None:
            # The client has these names for what is in its DOCKER_CERT_PATH.
            files = {'ca.pem': access.authority, 'cert.pem': access.certificate}
            variables |= {'DOCKER_TLS_VERIFY': '1', 'DOCKER_CERT_PATH': '.'}
        return {**files, 'environment': settings.environment(variables)}

    def node_settings(self, plan: BayPlan, role: str) -> Mapping[str, str | None]:
        """Ports, and where Docker keeps its data."""
        return {
            'MAGNUM_VOLUME_MOUNT': '/var/lib/docker',
            'MAGNUM_DOCKER_PORT': str(DOCKER_PORT),
            'MAGNUM_JOIN_PORT': str(JOIN_PORT),
            'MAGNUM_ADDRESS_POOL': plan.labels[POOL],
        }
