"""Documents of baymodels."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from magnum.api import dialects
from magnum.api.types import schemas, shared
from magnum.api.types.fields import Field, ResourceType, Shown, defaults, resource_type
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
)
from magnum.domain import baymodels as rules

FIELDS: Final = (
    Field('uuid', UUID(), 'Made by the service unless given.', answer=schemas.UUID),
    Field('name', Text(), 'Not unique; made by the service unless given.', is_set=True),
    Field(
        'coe', Enum(*rules.COES, synonyms=dict(rules.COE_SYNONYMS)),
        'What orchestrates the containers.', mandatory=True,
    ),
    Field(
        'image_id', Text(),
        'Name or id of the image that nodes boot; its "os_distro" decides the driver.',
        mandatory=True,
    ),
    shared.FLAVOR,
    shared.MASTER_FLAVOR,
    Field(
        'keypair_id', Text(), 'Name of the key pair that opens the nodes.', was_mandatory=True
    ),
    Field(
        'external_network_id', Text(), 'Name or id of the network that leads outside.', kept=True
    ),
    shared.FIXED_NETWORK,
    shared.FIXED_SUBNET,
    Field('dns_nameserver', Nameservers(), 'Addresses of name servers, separated by commas.'),
    Field(
        'apiserver_port', Integer(1024, 65535),
        "Kept, without effect: the ports of each COE's API are fixed.",
    ),
    dataclasses.replace(
        shared.VOLUME_SIZE, meaning="GB of each node's volume for containers; null for none."
    ),
    Field('docker_storage_driver', Text(), 'Storage driver of the container engine.'),
    # The image's os_distro decides.
    Field(
        'cluster_distro', Ignored(), 'The "os_distro" of the image.', ignored=True, kept=True,
        answer=schemas.TEXT,
    ),
    Field(
        'network_driver', Text(), "The containers' network; by default the driver's first.",
        kept=True,
    ),
    Field('volume_driver', Text(), 'How containers get volumes.'),
    Field('http_proxy', Proxy(), 'Proxy for HTTP, of nodes; containers do not get it.'),
    Field('https_proxy', Proxy(), 'Proxy for HTTPS, of nodes; containers do not get it.'),
    Field('no_proxy', Text(), 'What is reached without a proxy, separated by commas.'),
    Field(
        'labels', Labels(), "Tune the bay; the driver's schema says which there are.", default={}
    ),
    Field(
        'tls_disabled', Boolean(), "Whether the COE's API is without TLS.", default=False,
        kept=True,
    ),
    Field('public', Boolean(), 'Whether every project sees it.', default=False, kept=True),
    Field(
        'registry_enabled', Boolean(),
        'Whether nodes run a registry; drivers refuse it.', default=False, kept=True,
    ),
    Field('insecure_registry', Text(), 'A registry that is used without TLS.'),
    Field(
        'server_type', Enum(*rules.SERVER_TYPES), 'Virtual or bare metal servers.', default='vm',
        kept=True,
    ),
    shared.MASTER_LB,
    shared.FLOATING_IPS,
    shared.CREATED_AT,
    shared.UPDATED_AT,
    shared.LINKS,
    Field(
        'hidden', Boolean(),
        'Whether other projects do not see it, and only administrators make bays of it.',
        default=False, kept=True, modern=True,
    ),
    Field('tags', Text(minimum=0), "The owner's own words.", modern=True),
    Field(
        'driver', Text(), 'Name of the driver; by default the one that fits.', modern=True
    ),
    dataclasses.replace(shared.PROJECT_ID, modern=True),
    dataclasses.replace(shared.USER_ID, modern=True),
    Field(
        'ssh_authorized_key', NothingButNull(), 'A member of old; only without a value.',
        ignored=True, shown=Shown.NOWHERE,
    ),
)

#: What a baymodel has only when it is stored.
OF_A_ROW: Final = frozenset({'uuid', 'links', 'created_at', 'updated_at'})

DEFAULTS: Final[Mapping[str, Any]] = defaults(FIELDS)

TYPES: Final[Mapping[dialects.Dialect, ResourceType]] = {
    dialect: resource_type(dialect, FIELDS) for dialect in dialects.BAYMODEL_DIALECTS
}
