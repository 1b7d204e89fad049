"""Documents of baymodels."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api import dialects
from magnum.api.types.fields import Field, ResourceType, defaults, resource_type
from magnum.api.types.scalars import (
    UUID,
    Anything,
    Choice,
    Flag,
    Labels,
    Nameservers,
    NothingButNull,
    Proxy,
    Text,
    Timestamp,
    Whole,
)
from magnum.domain import baymodels as rules

FIELDS: Final = (
    Field('uuid', UUID()),
    Field('name', Text()),
    Field('coe', Choice(*rules.COES, synonyms=dict(rules.COE_SYNONYMS)), mandatory=True),
    Field('image_id', Text(), mandatory=True),
    Field('flavor_id', Text()),
    Field('master_flavor_id', Text()),
    Field('keypair_id', Text()),
    Field('external_network_id', Text(), kept=True),
    Field('fixed_network', Text()),
    Field('fixed_subnet', Text()),
    Field('network_driver', Text(), kept=True),
    Field('volume_driver', Text()),
    Field('dns_nameserver', Nameservers()),
    Field('apiserver_port', Whole(1024, 65535)),
    Field('docker_volume_size', Whole(1)),
    Field('docker_storage_driver', Text()),
    # The image's os_distro decides.
    Field('cluster_distro', Anything(), ignored=True, kept=True),
    Field('http_proxy', Proxy()),
    Field('https_proxy', Proxy()),
    Field('no_proxy', Text()),
    Field('insecure_registry', Text()),
    Field('labels', Labels(), default={}),
    Field('tags', Text(minimum=0)),
    Field('driver', Text()),
    Field('server_type', Choice(*rules.SERVER_TYPES), default='vm', kept=True),
    Field('tls_disabled', Flag(), default=False, kept=True),
    Field('public', Flag(), default=False, kept=True),
    Field('hidden', Flag(), default=False, kept=True),
    Field('registry_enabled', Flag(), default=False, kept=True),
    Field('master_lb_enabled', Flag(), default=False),
    Field('floating_ip_enabled', Flag(), default=True),
    Field('ssh_authorized_key', NothingButNull(), ignored=True),
    Field('project_id', Text(), read_only=True),
    Field('user_id', Text(), read_only=True),
    Field('created_at', Timestamp(), read_only=True),
    Field('updated_at', Timestamp(), read_only=True),
    Field('links', Anything(), read_only=True),
)

DEFAULTS: Final[Mapping[str, Any]] = defaults(FIELDS)

TYPES: Final[Mapping[dialects.Dialect, ResourceType]] = {
    dialect: resource_type(dialect, FIELDS) for dialect in dialects.BAYMODEL_DIALECTS
}
