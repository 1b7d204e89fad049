"""Documents of baymodels."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api import dialects
from magnum.api.types.fields import Field, ResourceType, defaults, resource_type
from magnum.api.types.scalars import (
    UUID,
    Boolean,
    Enum,
    Ignored,
    Integer,
    Labels,
    Nameservers,
    NothingButNull,
    Proxy,
    Text,
    Timestamp,
)
from magnum.domain import baymodels as rules

FIELDS: Final = (
    Field('uuid', UUID()),
    Field('name', Text()),
    Field('coe', Enum(*rules.COES, synonyms=dict(rules.COE_SYNONYMS)), mandatory=True),
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
    Field('apiserver_port', Integer(1024, 65535)),
    Field('docker_volume_size', Integer(1)),
    Field('docker_storage_driver', Text()),
    # The image's os_distro decides.
    Field('cluster_distro', Ignored(), ignored=True, kept=True),
    Field('http_proxy', Proxy()),
    Field('https_proxy', Proxy()),
    Field('no_proxy', Text()),
    Field('insecure_registry', Text()),
    Field('labels', Labels(), default={}),
    Field('tags', Text(minimum=0)),
    Field('driver', Text()),
    Field('server_type', Enum(*rules.SERVER_TYPES), default='vm', kept=True),
    Field('tls_disabled', Boolean(), default=False, kept=True),
    Field('public', Boolean(), default=False, kept=True),
    Field('hidden', Boolean(), default=False, kept=True),
    Field('registry_enabled', Boolean(), default=False, kept=True),
    Field('master_lb_enabled', Boolean(), default=False),
    Field('floating_ip_enabled', Boolean(), default=True),
    Field('ssh_authorized_key', NothingButNull(), ignored=True),
    Field('project_id', Text(), read_only=True),
    Field('user_id', Text(), read_only=True),
    Field('created_at', Timestamp(), read_only=True),
    Field('updated_at', Timestamp(), read_only=True),
    Field('links', Ignored(), read_only=True),
)

DEFAULTS: Final[Mapping[str, Any]] = defaults(FIELDS)

TYPES: Final[Mapping[dialects.Dialect, ResourceType]] = {
    dialect: resource_type(dialect, FIELDS) for dialect in dialects.BAYMODEL_DIALECTS
}
