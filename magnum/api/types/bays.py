"""Documents of bays."""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api import dialects
from magnum.api.types.fields import Field, ResourceType, defaults, resource_type
from magnum.api.types.scalars import Boolean, Enum, Ignored, Integer, Labels, Text, Timestamp
from magnum.domain import names

#: What a bay's status may be.
STATUSES: Final = (
    *(
        f'{action}_{outcome}'
        for action in ('CREATE', 'UPDATE', 'DELETE', 'ROLLBACK')
        for outcome in ('IN_PROGRESS', 'COMPLETE', 'FAILED')
    ),
    'RESUME_COMPLETE', 'RESUME_FAILED', 'RESTORE_COMPLETE', 'SNAPSHOT_COMPLETE',
    'CHECK_COMPLETE', 'ADOPT_COMPLETE',
)
HEALTH_STATUSES: Final = ('HEALTHY', 'UNHEALTHY', 'UNKNOWN')
DEFAULT_TIMEOUT: Final = 60  # minutes

FIELDS: Final = (
    Field('uuid', Ignored(), ignored=True),
    Field('name', Text(names.BAY_NAME_LENGTH, pattern=names.BAY_NAME)),
    # A uuid, a name, or (Heat of old) the number of the row.
    Field('baymodel_id', Text(), mandatory=True),
    Field('keypair', Text()),
    Field('node_count', Integer(0), default=1),
    Field('master_count', Integer(1), default=1),
    Field('discovery_url', Text()),
    Field('create_timeout', Integer(0), default=DEFAULT_TIMEOUT),
    # Null, here and below: the baymodel's value.
    Field('docker_volume_size', Integer(1)),
    Field('labels', Labels()),
    Field('merge_labels', Boolean(), default=False),
    Field('flavor_id', Text()),
    Field('master_flavor_id', Text()),
    Field('fixed_network', Text()),
    Field('fixed_subnet', Text()),
    Field('floating_ip_enabled', Boolean()),
    Field('master_lb_enabled', Boolean()),
    Field('status', Ignored(), ignored=True),
    Field('status_reason', Ignored(), ignored=True),
    Field('health_status', Enum(*HEALTH_STATUSES), ignored=True),
    Field('health_status_reason', Labels(), ignored=True, default={}),
    Field('faults', Ignored(), ignored=True),
    Field('labels_overridden', Ignored(), ignored=True),
    Field('labels_added', Ignored(), ignored=True),
    Field('labels_skipped', Ignored(), ignored=True),
    Field('reason', Ignored(), ignored=True),
    Field('stack_id', Text(), read_only=True),
    Field('api_address', Text(), read_only=True),
    Field('coe_version', Text(), read_only=True),
    Field('container_version', Text(), read_only=True),
    Field('node_addresses', Ignored(), read_only=True),
    Field('master_addresses', Ignored(), read_only=True),
    Field('project_id', Text(), read_only=True),
    Field('user_id', Text(), read_only=True),
    Field('created_at', Timestamp(), read_only=True),
    Field('updated_at', Timestamp(), read_only=True),
    Field('links', Ignored(), read_only=True),
)

DEFAULTS: Final[Mapping[str, Any]] = defaults(FIELDS)

#: Both names of a stack's id are known, and refused, at every version.
_ALIASES: Final = {'stack_id': 'stack_id', 'cluster_id': 'stack_id'}

TYPES: Final[Mapping[dialects.Dialect, ResourceType]] = {
    dialect: resource_type(dialect, FIELDS, _ALIASES) for dialect in dialects.BAY_DIALECTS
}
