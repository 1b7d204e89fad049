"""The two vocabularies, as data.

Inside, attributes have one name: that of the table's column, or of what is
computed from it. A dialect says how a resource is called in paths, messages
and policy, which attributes it shows, and where a member of its documents is
called otherwise than the attribute.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final


@dataclasses.dataclass(frozen=True, eq=False)
class Dialect:
    """How one vocabulary speaks of one resource.

    ``argument`` names the request's body in messages; ``title`` the resource.
    ``members`` maps an attribute to its member where the two differ.
    ``changes_with`` is the microversion from which ``successor`` holds.
    """

    argument: str
    title: str
    singular: str                  # as "use the cluster uuid" says it
    plural: str                    # as "Multiple clusters exist" says it
    collection: str                # path segment, and member of a list
    policy: str                    # prefix of policy rules
    name_suffix: str               # of generated names
    members: Mapping[str, str]
    list_view: tuple[str, ...]
    full_view: tuple[str, ...]
    mandatory: frozenset[str] = frozenset()    # in requests, beyond what always is
    changeable: frozenset[str] = frozenset()   # by PATCH; empty: no such limit
    bays: str = ''                             # a baymodel's: what refers to it
    asynchronous_from: int = 1                 # microversion
    unknown_baymodel_404_from: int | None = None
    changes_with: int | None = None
    successor: 'Dialect | None' = None

    def member(self, attribute: str) -> str:
        """The attribute's name in documents."""
        return self.members.get(attribute, attribute)

    def spoken(self) -> Iterator['Dialect']:
        """The dialect in all its versions, oldest first."""
        yield self
        if self.successor is not None:
            yield from self.successor.spoken()

    def at(self, version: int) -> 'Dialect':
        """The dialect as it is spoken at a microversion."""
        if self.successor is not None and self.changes_with is not None:
            return self.successor if version >= self.changes_with else self
        return self


_BAYMODEL_VIEW: Final = (
    'uuid', 'name', 'coe', 'image_id', 'flavor_id', 'master_flavor_id', 'keypair_id',
    'external_network_id', 'fixed_network', 'fixed_subnet', 'dns_nameserver', 'apiserver_port',
    'docker_volume_size', 'docker_storage_driver', 'cluster_distro', 'network_driver',
    'volume_driver', 'http_proxy', 'https_proxy', 'no_proxy', 'labels', 'tls_disabled', 'public',
    'registry_enabled', 'insecure_registry', 'server_type', 'master_lb_enabled',
    'floating_ip_enabled', 'created_at', 'updated_at', 'links',
)
_CLUSTER_TEMPLATE_VIEW: Final = (
    *_BAYMODEL_VIEW, 'hidden', 'tags', 'driver', 'project_id', 'user_id',
)

BAYMODELS: Final = Dialect(
    argument='baymodel',
    title='BayModel',
    singular='BayModel',
    plural='BayModels',
    collection='baymodels',
    policy='baymodel',
    name_suffix='model',
    members={},
    list_view=_BAYMODEL_VIEW,
    full_view=_BAYMODEL_VIEW,
    mandatory=frozenset({'keypair_id'}),
    bays='bays',
)
CLUSTER_TEMPLATES: Final = Dialect(
    argument='cluster_template',
    title='ClusterTemplate',
    singular='ClusterTemplate',
    plural='ClusterTemplates',
    collection='clustertemplates',
    policy='clustertemplate',
    name_suffix='template',
    members={},
    list_view=_CLUSTER_TEMPLATE_VIEW,
    full_view=_CLUSTER_TEMPLATE_VIEW,
    bays='clusters',
)

_BAY_LIST: Final = (
    'uuid', 'name', 'baymodel_id', 'docker_volume_size', 'labels', 'node_count', 'master_count',
    'status', 'master_flavor_id', 'flavor_id', 'create_timeout', 'stack_id', 'links',
)
_BAY_FULL: Final = (
    *_BAY_LIST, 'status_reason', 'discovery_url', 'api_address', 'coe_version',
    'container_version', 'node_addresses', 'master_addresses', 'fixed_network', 'fixed_subnet',
    'floating_ip_enabled', 'master_lb_enabled', 'created_at', 'updated_at',
)
_CLUSTER_LIST: Final = (*_BAY_LIST, 'keypair', 'health_status', 'merge_labels')
_CLUSTER_FULL: Final = (
    *_CLUSTER_LIST, *_BAY_FULL[len(_BAY_LIST):], 'health_status_reason', 'project_id', 'user_id',
    'labels_overridden', 'labels_added', 'labels_skipped',
    # openstacksdk reads the status' reason from a member of this name.
    'reason',
)

BAYS: Final = Dialect(
    argument='bay',
    title='Bay',
    singular='bay',
    plural='bays',
    collection='bays',
    policy='bay',
    name_suffix='bay',
    members={'create_timeout': 'bay_create_timeout', 'faults': 'bay_faults'},
    list_view=_BAY_LIST,
    full_view=_BAY_FULL,
    changeable=frozenset({'node_count'}),
    asynchronous_from=2,
)
_CLUSTERS_1_13: Final = Dialect(
    argument='cluster',
    title='Cluster',
    singular='cluster',
    plural='clusters',
    collection='clusters',
    policy='cluster',
    name_suffix='cluster',
    members={'baymodel_id': 'cluster_template_id', 'stack_id': 'cluster_id'},
    list_view=_CLUSTER_LIST,
    full_view=_CLUSTER_FULL,
    changeable=frozenset({'node_count', 'health_status', 'health_status_reason'}),
    unknown_baymodel_404_from=10,
)
CLUSTERS: Final = dataclasses.replace(
    _CLUSTERS_1_13,
    members={'baymodel_id': 'cluster_template_id'},
    changes_with=13,
    successor=_CLUSTERS_1_13,
)

def plain(argument: str, collection: str, policy: str, view: tuple[str, ...]) -> Dialect:
    """The dialect of a resource that has one name only."""
    title = argument.capitalize()
    return Dialect(
        argument=argument, title=title, singular=argument, plural=collection,
        collection=collection, policy=policy, name_suffix='', members={},
        list_view=view, full_view=view,
    )


CERTIFICATES: Final = Dialect(
    argument='certificate',
    title='Certificate',
    singular='certificate',
    plural='certificates',
    collection='certificates',
    policy='certificate',
    name_suffix='',
    members={'bay': 'cluster_uuid'},
    list_view=(),
    full_view=(),
)

_NODEGROUP_LIST: Final = (
    'uuid', 'name', 'flavor_id', 'image_id', 'node_count', 'role', 'is_default', 'stack_id',
    'status', 'min_node_count', 'max_node_count', 'merge_labels', 'links',
)
NODEGROUPS: Final = dataclasses.replace(
    plain('nodegroup', 'nodegroups', 'nodegroup', ()),
    members={'bay_uuid': 'cluster_id'},
    list_view=_NODEGROUP_LIST,
    full_view=(
        'id', *_NODEGROUP_LIST, 'bay_uuid', 'project_id', 'docker_volume_size', 'labels',
        'labels_overridden', 'labels_added', 'labels_skipped', 'node_addresses',
        'status_reason', 'version', 'node_labels', 'node_taints', 'created_at', 'updated_at',
    ),
)

OPERATIONS: Final = plain('operation', 'operations', 'operation', ())
DRIVERS: Final = plain('driver', 'drivers', 'driver', ())
CONFIG: Final = plain('config', 'config', 'config', ())
QUOTAS: Final = plain(
    'quota', 'quotas', 'quota',
    ('id', 'hard_limit', 'project_id', 'resource', 'created_at', 'updated_at'),
)

#: Every dialect as spoken at some microversion.
BAY_DIALECTS: Final = (*BAYS.spoken(), *CLUSTERS.spoken())
BAYMODEL_DIALECTS: Final = (BAYMODELS, CLUSTER_TEMPLATES)
