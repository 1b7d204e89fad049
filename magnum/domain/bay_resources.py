"""Ownership of a project's resources that the workload of a bay made.

The OpenStack cloud provider and the CSI drivers of Cinder and Manila write the name that the
cluster was given into what they make:

- load balancers: ``Kubernetes external service <namespace>/<name> from cluster
  <cluster>`` in the description (ingresses: ``Kubernetes ingress <name> in
  namespace <namespace> from cluster <cluster>``, and when they are ready ``, version:
  <version>``), and a tag
  ``kube_service_<cluster>_<namespace>_<name>`` for each service;
- floating IPs: the same description after ``Floating IP for``;
- volumes and their snapshots: the metadata ``cinder.csi.openstack.org/cluster``;
- shares: the metadata ``manila.csi.openstack.org/cluster``. Snapshots of shares have none.

A bay's uuid and the name of its stack belong to one bay only. A bay's name may
belong to anything: with it, the place of the resource has to say the same.
"""

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Protocol

#: Metadata of volumes and snapshots made by the Cinder CSI driver: which cluster's.
CLUSTER_KEY: Final = 'cinder.csi.openstack.org/cluster'
#: Metadata of shares made by Manila's.
SHARE_CLUSTER_KEY: Final = 'manila.csi.openstack.org/cluster'
#: Metadata that a user sets on a volume or a snapshot that is to stay: its class is not
#: visible in Cinder.
RETAIN_KEY: Final = 'magnum.openstack.org/retain'

_MAKER: Final = (
    r'(?:external service \S+|[Ii]ngress \S+ in namespace \S+) '
    r'from cluster (?P<cluster>.+?)(?:, version: \S+)?'
)
_LOAD_BALANCER: Final = re.compile(f'Kubernetes {_MAKER}')
_FLOATING_IP: Final = re.compile(f'Floating IP for Kubernetes {_MAKER}')
_SERVICE_TAG: Final = 'kube_service_'


class _LoadBalancer(Protocol):
    @property
    def description(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def vip_network_id(self) -> str | None: ...
    @property
    def tags(self) -> Collection[str]: ...


class _FloatingIP(Protocol):
    @property
    def description(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def port_id(self) -> str | None: ...


class _Marked(Protocol):
    @property
    def metadata(self) -> Mapping[str, str]: ...


class _Volume(_Marked, Protocol):
    @property
    def server_ids(self) -> Collection[str]: ...


@dataclasses.dataclass(frozen=True)
class Owner:
    """The names of a bay by which its resources are recognised.

    :param unique_names: names of the cluster that no other cluster has.
    :param own_networks: those that the bay's stack made.
    :param networks: all that its nodes are in; empty when that is not known.
    :param server_ids: its nodes.
    """

    project_id: str
    name: str
    unique_names: frozenset[str]
    own_networks: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    server_ids: frozenset[str] = frozenset()

    def may_own(self, balancer: _LoadBalancer) -> bool:
        """Whether a load balancer bears one of the cluster's names, wherever it is."""
        cluster = _cluster(_LOAD_BALANCER, balancer.description)
        return cluster is not None and self._names(cluster)

    def owns_load_balancer(self, balancer: _LoadBalancer) -> bool:
        """Whether a load balancer was made by the bay's services alone."""
        cluster = _cluster(_LOAD_BALANCER, balancer.description)
        if cluster is None or balancer.project_id != self.project_id:
            return False
        if not self._names(cluster) or self._is_shared(balancer.tags):
            return False
        if cluster in self.unique_names:
            return not self.networks or balancer.vip_network_id in self.networks
        return balancer.vip_network_id in self.own_networks

    def owns_floating_ip(
        self, address: _FloatingIP, ports: Collection[str | None], is_known: bool = False
    ) -> bool:
        """Whether a floating IP was made for a load balancer of the bay.

        One that the user has brought along has another description.

        :param ports: those of the bay's load balancers.
        :param is_known: it led to such a port before.
        """
        cluster = _cluster(_FLOATING_IP, address.description)
        if cluster is None or address.project_id != self.project_id or not self._names(cluster):
            return False
        if address.port_id is None:
            return is_known or cluster in self.unique_names
        return address.port_id in ports

    def owns_volume(self, volume: _Volume, is_known: bool = False) -> bool:
        """Whether a volume was made for a claim in the bay, and may go.

        :param is_known: it was attached to a node of the bay before.
        """
        cluster = volume.metadata.get(CLUSTER_KEY, '')
        if is_retained(volume) or not self._names(cluster):
            return False
        servers = set(volume.server_ids)
        if not servers <= self.server_ids:
            return False
        return cluster in self.unique_names or is_known or bool(servers)

    def owns_snapshot(self, snapshot: _Marked, is_known: bool = False) -> bool:
        """Whether a snapshot was made of a claim in the bay, and may go.

        :param is_known: its volume is the bay's.
        """
        cluster = snapshot.metadata.get(CLUSTER_KEY, '')
        if is_retained(snapshot) or not self._names(cluster):
            return False
        return cluster in self.unique_names or is_known

    @property
    def names(self) -> frozenset[str]:
        """Every cluster name that the bay's cloud provider may use."""
        return self.unique_names | {self.name}

    def _names(self, cluster: str) -> bool:
        return cluster in self.names

    def _is_shared(self, tags: Iterable[str]) -> bool:
        """Whether services of another cluster use the load balancer, too."""
        # Names of namespaces and services have no "_", those of clusters may.
        return any(
            tag.removeprefix(_SERVICE_TAG).rsplit('_', 2)[0] not in self.names
            for tag in tags if tag.startswith(_SERVICE_TAG)
        )


def is_retained(one: _Marked) -> bool:
    """Whether the user marked a volume or a snapshot to be retained."""
    return one.metadata.get(RETAIN_KEY, '').strip().lower() in ('true', 'yes', '1')


def _cluster(pattern: re.Pattern[str], description: str) -> str | None:
    found = pattern.fullmatch(description)
    return found['cluster'] if found else None
