"""The contract of drivers.

A driver turns a :class:`BayPlan` into a Heat stack and reads the stack's
outputs back. It performs no I/O and keeps no state but its catalogue:
everything else that it needs is in the plan. Drivers are published under the
entry-point group ``magnum.drivers``; drivers kept outside this tree use the
same contract.
"""

import abc
import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from magnum.domain import nodegroups
from magnum.domain.failures import Resource
from magnum.domain.node_certificates import NodeCertificate
from magnum.drivers.catalogue import Catalogue, CatalogueInvalid

MASTER = nodegroups.MASTER
WORKER = nodegroups.WORKER

#: Key in the metadata of a plan's field: the least number that it may be.
MINIMUM = 'minimum'


class PlanRefused(Exception):
    """A driver cannot build what the plan asks for.

    :param field: name of the bay's or baymodel's attribute at fault, as
        users write it (``labels/etcd_volume_size``, ``network_driver``).
    :param reason: one sentence for the user.
    """

    def __init__(self, field: str, reason: str):
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What a driver supports, in the words that users write in a baymodel.

    The first entry of ``network_drivers`` is the default one. ``nodegroups``
    says whether a bay may have node groups beside its two default ones;
    ``upgrades`` names the roles whose nodes an upgrade can replace;
    ``fixed_masters`` is why the number of masters of a bay that lives cannot change, empty
    where it can; ``catalogue`` is what is known of releases; ``release_label`` is the label
    with the COE's release, where an upgrade brings another one.
    """

    coe: str
    server_types: tuple[str, ...]
    distros: tuple[str, ...]
    network_drivers: tuple[str, ...]
    volume_drivers: tuple[str, ...]
    versions: tuple[str, ...]
    nodegroups: bool = False
    upgrades: tuple[str, ...] = ()
    fixed_masters: str = 'Resizing the master nodegroup is not supported by this driver.'
    catalogue: Catalogue = dataclasses.field(default_factory=Catalogue)
    release_label: str | None = None


@dataclasses.dataclass(frozen=True)
class NodeGroupPlan:
    """One group of equal nodes.

    ``role`` is MASTER, WORKER, or the user's own word for workers of a group
    beside the default one. ``revision`` rises when the group's nodes are to
    be replaced. ``node_labels`` and ``node_taints`` (``key``, ``effect``,
    ``value``) are Kubernetes'. ``stack_name`` is that of the group's own
    stack; default groups live in the bay's and have none.
    ``docker_volume_size`` is in GB, None for no volume.
    """

    name: str
    role: str
    node_count: int
    flavor: str
    image: str
    docker_volume_size: int | None = dataclasses.field(metadata={MINIMUM: 1})
    labels: Mapping[str, str]
    revision: int = 0
    node_labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    node_taints: Sequence[Mapping[str, str]] = ()
    stack_name: str = ''

    @property
    def volume_gigabytes(self) -> int:
        """GB of each node's volume for containers; 0 for none."""
        return self.docker_volume_size or 0


@dataclasses.dataclass(frozen=True)
class BayPlan:
    """A bay as its driver sees it: the bay's values over its baymodel's.

    ``stack_name`` is final. ``labels`` are resolved (defaults are the
    driver's). ``fixed_network`` and ``fixed_subnet`` name existing ones;
    ``fixed_network_cidr`` is set instead when the user gave a CIDR for a new
    subnet. ``existing_cidr`` is that of the existing subnet, where it is known: when a bay is
    asked for. ``bootstrap_url`` ends in ``/v1/bootstrap``; ``bootstrap_tokens``
    maps a role to the token of its nodes, and lacks a role of which the operation
    at hand builds none. ``ssh_public_key`` is OpenSSH text.
    ``trust_interval`` is how many seconds apart a node asks which authorities
    the bay trusts. ``insecure_downloads``: nodes may download over plain HTTP,
    and run what they have no digest of. ``coe_version`` is that of the masters, None
    until it is known.
    """

    uuid: str
    name: str
    stack_name: str
    project_id: str
    coe: str
    server_type: str
    distro: str
    masters: NodeGroupPlan
    workers: NodeGroupPlan
    external_network: str | None
    fixed_network: str | None
    fixed_subnet: str | None
    fixed_network_cidr: str | None
    dns_nameservers: tuple[str, ...]
    network_driver: str
    volume_driver: str | None
    docker_storage_driver: str | None
    http_proxy: str | None
    https_proxy: str | None
    no_proxy: str | None
    insecure_registry: str | None
    registry_enabled: bool
    tls_disabled: bool
    master_lb_enabled: bool
    floating_ip_enabled: bool
    labels: Mapping[str, str]
    ssh_public_key: str | None
    bootstrap_url: str
    bootstrap_tokens: Mapping[str, str]
    openstack_ca: str = ''
    verify_ca: bool = True
    nodes_affinity_policy: str = 'soft-anti-affinity'
    trust_interval: int = 300
    coe_version: str | None = None
    insecure_downloads: bool = False
    existing_cidr: str | None = None


@dataclasses.dataclass(frozen=True)
class StackRequest:
    """What Heat is asked to build.

    ``files`` maps the names that the template uses in ``get_file`` and as
    resource types to their text. Secret ``parameters`` are declared
    ``hidden`` in the template. ``version`` names the template's parameter
    set and is kept with the bay: a later release may read an older stack.
    ``archives`` are what nodes fetch, by their SHA-256 digests: the service has to
    have them before Heat is asked.
    """

    template: str
    files: Mapping[str, str]
    parameters: Mapping[str, Any]
    version: str
    archives: Mapping[str, bytes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Observed:
    """What a finished stack says of its bay; None means "not known".

    ``master_names`` and ``node_names`` are those of masters and default
    workers, as their certificates name them. ``is_lasting``: what the cluster knows
    outlives the servers of its masters, so that another one may take the place of the
    only one.
    """

    api_address: str | None
    master_addresses: tuple[str, ...]
    node_addresses: tuple[str, ...]
    master_count: int | None
    node_count: int | None
    coe_version: str | None = None
    container_version: str | None = None
    discovery_url: str | None = None
    master_names: tuple[str, ...] = ()
    node_names: tuple[str, ...] = ()
    is_lasting: bool = False


@dataclasses.dataclass(frozen=True)
class ObservedGroup:
    """What the finished stack of a further node group says."""

    node_addresses: tuple[str, ...]
    node_count: int | None
    node_names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Access:
    """How a user reaches a bay: what client configuration is made of.

    ``authority`` and ``certificate`` are PEM; both are None for a bay
    without TLS. The user has the private key, and nobody else.
    """

    bay_name: str
    api_address: str
    authority: str | None
    certificate: str | None


@dataclasses.dataclass(frozen=True)
class CloudAccess:
    """A credential of the cloud, and what its users need to know beside it.

    ``auth_url`` is Keystone's public endpoint. ``region`` is empty where the
    catalogue names none. ``subnet`` is that of the bay's nodes, by id or name;
    empty where Neutron chose it. The secret is in no text that is logged.
    """

    credential_id: str
    secret: str = dataclasses.field(repr=False)
    auth_url: str
    region: str
    external_network_id: str | None = None
    subnet: str = ''


class Driver(abc.ABC):
    """One kind of bay.

    Methods about further node groups and upgrades are called only for what
    ``capabilities`` claims.
    """

    name: str
    capabilities: Capabilities
    #: The output of a bay's stack, and of a further node group's, with the ids
    #: of the workers' servers by index. None: unknown, and ``nodes_to_remove``
    #: is passed on unchecked.
    workers_output: str | None = None
    #: The output of the bay's stack that ``api_addresses`` reads.
    api_output: str = ''
    #: Resource of a stack, in that of each master, with what the cluster knows, where that
    #: outlives the master's server.
    lasting_resource: str = ''
    #: Whether masters are given a key of their bay, with which they encrypt what they keep.
    wants_encryption_key: bool = False

    def extend(self, catalogue: Catalogue) -> None:
        """Know of more releases, which the operator's file has.

        :raises CatalogueInvalid: the driver keeps no catalogue.
        """
        raise CatalogueInvalid(f'The driver {self.name} keeps no catalogue of releases.')

    @abc.abstractmethod
    def labels_schema(self) -> Mapping[str, Any]:
        """JSON Schema (2020-12, an object of strings) of the labels."""

    @abc.abstractmethod
    def node_certificates(self, role: str) -> Mapping[str, NodeCertificate]:
        """Certificates, by purpose, that a node of this role may have."""

    def node_archives(self) -> Mapping[str, bytes]:
        """All that nodes of this release's stacks fetch, by SHA-256 digests."""
        return {}

    def node_index(self, role: str, stack_name: str, name: str) -> int | None:
        """Which node of a stack has this server name; None: no node of the role has.

        A node is given certificates under no other name.

        :param role: MASTER or WORKER.
        :param stack_name: of the bay's stack, or of a further node group's.
        """
        word = {MASTER: 'master', WORKER: 'node'}[role]
        match = re.fullmatch(rf'{re.escape(stack_name)}-{word}-(0|[1-9][0-9]{{0,5}})', name)
        return int(match[1]) if match else None

    def service_addresses(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Addresses beside the masters' own that are the API's inside of the bay.

        :param labels: the bay's.
        """
        return ()

    def api_addresses(self, outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Addresses of the load balancer of the API, by the stack's outputs.

        :param outputs: of ``api_output`` alone.
        """
        return ()

    @abc.abstractmethod
    def validate(self, plan: BayPlan) -> None:
        """Refuse what cannot be built.

        :raises PlanRefused: naming the first field at fault.
        """

    @abc.abstractmethod
    def render(self, plan: BayPlan) -> StackRequest:
        """The stack of a new bay."""

    @abc.abstractmethod
    def resize_parameters(
        self,
        plan: BayPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
        batch: int | None = None,
    ) -> Mapping[str, Any]:
        """Parameters to change in an existing stack (Heat's PATCH update).

        :param template_version: the version the bay's stack was made with.
        :param nodes_to_remove: group indexes of nodes that go, whatever the
            count; as users named them where there is no ``workers_output``.
        :param batch: how many nodes may be replaced at once, where an upgrade
            was left half done; None: no node is replaced.
        """

    def lost_workers(self, stack_id: str, unfinished: Iterable[Resource]) -> tuple[str, ...]:
        """Which workers did not come up: their group indexes.

        A resize puts new ones into their place, for they will not boot a
        second time. A worker that lives is none of them, even if Heat did not
        finish an update of it.

        :param stack_id: of the bay, or of a further node group.
        :param unfinished: resources that failed or are being worked on, with
            those of nested stacks.
        """
        return ()

    @abc.abstractmethod
    def read_outputs(
        self,
        outputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        plan: BayPlan,
    ) -> Observed:
        """Translate a stack's outputs and parameters into the bay's words."""

    def nodes_report(self, template_version: str) -> bool:
        """Whether nodes of a stack report when they are ready, and Heat does not wait for them.

        :param template_version: the version the stack was made with.
        """
        return False

    def kept_nodes(self, role: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Nodes of a group that an upgrade has not come to yet, by index.

        :param role: of the group.
        :param parameters: of its stack.
        """
        return {}

    def keep_workers(self, kept: Mapping[str, Any]) -> Mapping[str, Any]:
        """Parameters to change, so that ``kept_nodes`` of workers are these and no others."""
        return {}

    def takes_over_trust(self, role: str, template_version: str) -> bool:
        """Whether nodes follow by themselves when the bay trusts another authority.

        True where they hold no certificates.

        :param role: MASTER or WORKER.
        :param template_version: the version the nodes' stack was made with.
        """
        return False

    def wants_cloud_credential(self, plan: BayPlan) -> bool:
        """Whether the masters of the bay get a credential of the cloud."""
        return False

    def takes_tokens(self, labels: Mapping[str, str]) -> bool:
        """Whether users log in to a bay with their tokens of Keystone.

        :param labels: the bay's, as they are given.
        """
        return False

    def encrypts_secrets(self, labels: Mapping[str, str]) -> bool:
        """Whether masters encrypt secrets by the key that they are given; else as users say.

        :param labels: the bay's, as they are given.
        """
        return self.wants_encryption_key

    def cloud_purposes(self, plan: BayPlan) -> tuple[str, ...]:
        """What the bay uses the cloud for, that may have a credential of its own each."""
        return ()

    def cloud_access_rules(
        self, plan: BayPlan, of_controllers: Sequence[str], purposes: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Access rules of that credential; none: its roles alone decide.

        :param of_controllers: what ``[identity]cloud_access_rules`` has, whose form all have.
        :param purposes: what it is for, and nothing else; none: all, as what masters of earlier
            releases have is one for all.
        """
        return tuple(of_controllers)

    def cloud_roles(self, held: Sequence[str], purposes: Collection[str]) -> Sequence[str]:
        """Those of roles that such a credential needs, one at least.

        :param held: by the bay's user.
        """
        return held

    def cloud_configuration(self, plan: BayPlan, access: CloudAccess) -> str:
        """What masters are given of it: a file that what they run reads."""
        raise _incapable('labels', 'gives no credential of the cloud to masters')

    def bay_subnet(self, output: Any) -> str | None:
        """The subnet of the bay's nodes, as it is in ``CloudAccess``; None: not known yet.

        :param output: the bay's stack's of the name ``api_output``, None if it has none yet.
        """
        return ''

    def validate_nodegroup(self, plan: BayPlan, group: NodeGroupPlan) -> None:
        """Refuse a further node group that cannot be built in the bay.

        :raises PlanRefused: naming the first field at fault.
        """
        self.validate(dataclasses.replace(plan, workers=group))

    def render_nodegroup(
        self, plan: BayPlan, group: NodeGroupPlan, bay_outputs: Mapping[str, Any]
    ) -> StackRequest:
        """The own stack of a further node group.

        :param bay_outputs: outputs of the bay's stack: networks, addresses.
        :raises PlanRefused: the bay's stack is of a version without groups.
        """
        raise _incapable('nodegroup', 'has no node groups beside the default ones')

    def resize_nodegroup_parameters(
        self,
        plan: BayPlan,
        group: NodeGroupPlan,
        template_version: str,
        nodes_to_remove: tuple[str, ...] = (),
        batch: int | None = None,
    ) -> Mapping[str, Any]:
        """As ``resize_parameters``, of a further node group's own stack."""
        raise _incapable('nodegroup', 'has no node groups beside the default ones')

    def read_nodegroup_outputs(
        self, outputs: Mapping[str, Any], parameters: Mapping[str, Any], plan: BayPlan
    ) -> ObservedGroup:
        """Translate the outputs of a further node group's stack."""
        raise _incapable('nodegroup', 'has no node groups beside the default ones')

    def support_end(self, coe_version: str) -> str | None:
        """The last day on which a release's own project supports it, as ``2027-02-28``.

        :returns: None: it is not known.
        """
        return None

    def check_upgrade(self, current: BayPlan, target: BayPlan) -> None:
        """Refuse an upgrade that cannot be done to a living bay.

        :param target: the plan with the new baymodel's values.
        :raises PlanRefused: naming the first field that cannot change.
        """
        raise _incapable('cluster_template', 'upgrades nothing')

    def check_versions(  # noqa: B027 (no driver has to)
        self, current: BayPlan, target: BayPlan, versions: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Refuse an upgrade of masters that living workers would not work with.

        :param versions: by worker, those of its programs, as it reports them.
        :raises PlanRefused: naming the field at fault.
        """

    def check_master_count(self, plan: BayPlan, count: int) -> None:
        """Refuse a number of masters that a living bay cannot come to have.

        :raises PlanRefused: naming the field that stands in the way.
        """
        raise PlanRefused('nodegroup', self.capabilities.fixed_masters)

    def member_addresses(self, bay_outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Addresses of the masters in the bay's network, by index: who is in their cluster."""
        return ()

    def member_settings(self, addresses: Sequence[str]) -> Mapping[str, str]:
        """Settings by which living masters know each other; they hear of them as ``upgrade``.

        None: they find out by themselves.
        """
        return {}

    def master_settings(
        self,
        current: BayPlan,
        target: BayPlan,
        bay_outputs: Mapping[str, Any],
        unsure: Collection[str] = (),
    ) -> Mapping[str, str]:
        """Settings that an upgrade gives to living masters, before nodes are replaced.

        Masters hear of them as the directive ``upgrade``. None: masters stay as they are.

        :param bay_outputs: of the bay's stack; none when only the plans are known.
        :param unsure: settings that some masters may have otherwise, of upgrades that ended
            half-way.
        """
        return {}

    def version_of_masters(self, changed: Mapping[str, str]) -> str | None:
        """The COE's version on masters that were given settings; None: the one they had."""
        return None

    def with_master_settings(
        self, bay_outputs: Mapping[str, Any], changed: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """Outputs of the bay's stack as they are when it knows of settings given to masters."""
        return bay_outputs

    def render_upgrade(
        self,
        plan: BayPlan,
        group: NodeGroupPlan,
        kept: Collection[str],
        parameters: Mapping[str, Any],
        bay_outputs: Mapping[str, Any],
    ) -> StackRequest:
        """The stack of the bay (default group) or of the group, with nodes replaced.

        Heat gets it as a whole update. ``group.revision`` is one that the
        stack has not had; all else that stays the same must not be touched.

        :param kept: indexes of nodes that stay as they are for now.
        :param parameters: of the stack as it is.
        """
        raise _incapable('cluster_template', 'upgrades nothing')

    @abc.abstractmethod
    def footprint(self, plan: BayPlan) -> Mapping[str, int]:
        """How many servers, ports, volumes and so on a bay of the plan has.

        Keys are those of :mod:`magnum.drivers.footprint`; what is not there
        is none.
        """

    @abc.abstractmethod
    def client_files(self, access: Access) -> Mapping[str, str]:
        """What the COE's own client needs, file by file, without the private key.

        The user's key belongs beside them as ``key.pem``. A file
        ``environment`` is one to be sourced by a shell in their folder.
        """


def _incapable(field: str, what: str) -> PlanRefused:
    return PlanRefused(field, f'This driver {what}.')
