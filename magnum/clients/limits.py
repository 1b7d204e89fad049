"""Quotas of a project in Nova, Neutron and Cinder, and what is left."""

import dataclasses
from typing import Final

from magnum.clients import compute, network, volume
from magnum.clients.callers import CallerCloud

UNLIMITED: Final = -1


@dataclasses.dataclass(frozen=True)
class Limit:
    """A limit of a project; ``resource`` in the words of a bay's footprint."""

    service: str
    resource: str
    limit: int
    used: int

    def allows(self, needed: int) -> bool:
        """Whether that much more is within the limit."""
        return self.limit == UNLIMITED or self.used + needed <= self.limit


_COMPUTE: Final = (
    ('servers', 'maxTotalInstances', 'totalInstancesUsed'),
    ('vcpus', 'maxTotalCores', 'totalCoresUsed'),
    ('ram', 'maxTotalRAMSize', 'totalRAMUsed'),
)
_VOLUMES: Final = (
    ('volumes', 'maxTotalVolumes', 'totalVolumesUsed'),
    ('volume_gigabytes', 'maxTotalVolumeGigabytes', 'totalGigabytesUsed'),
)
_NETWORK: Final = (
    ('ports', 'port'), ('networks', 'network'), ('subnets', 'subnet'), ('routers', 'router'),
    ('floating_ips', 'floatingip'),
)


def of_compute(cloud: CallerCloud, _project_id: str) -> tuple[Limit, ...]:
    """Nova's.

    :raises CloudError: by every function here; the service refused, or did
        not answer.
    """
    absolute = compute.limits(cloud)
    return tuple(
        Limit(compute.SERVICE, resource, absolute[limit], absolute[used])
        for resource, limit, used in _COMPUTE
        if limit in absolute
    )


def of_network(cloud: CallerCloud, project_id: str) -> tuple[Limit, ...]:
    """Neutron's."""
    details = cloud.get(
        network.SERVICE, 'get_quota', f'/quotas/{project_id}/details.json'
    )['quota']
    return tuple(
        Limit(
            network.SERVICE, resource, details[name]['limit'],
            details[name]['used'] + details[name].get('reserved', 0),
        )
        for resource, name in _NETWORK
        if name in details
    )


def of_volumes(cloud: CallerCloud, _project_id: str) -> tuple[Limit, ...]:
    """Cinder's."""
    absolute = cloud.get(volume.SERVICE, 'get_limits', '/limits')['limits']['absolute']
    return tuple(
        Limit(volume.SERVICE, resource, absolute[limit], absolute[used])
        for resource, limit, used in _VOLUMES
        if limit in absolute
    )


#: Service -> what asks it for its limits.
SOURCES: Final = {
    compute.SERVICE: of_compute,
    network.SERVICE: of_network,
    volume.SERVICE: of_volumes,
}
