"""Documents of node groups."""

from typing import Any, Final

from magnum.api.dialects import NODEGROUPS
from magnum.api.types.fields import Field, defaults, resource_type
from magnum.api.types.scalars import Boolean, Ignored, Integer, Labels, Taints, Text, Timestamp

FIELDS: Final = (
    Field('name', Text(), mandatory=True),
    # Null, here and below: the bay's or its baymodel's value.
    Field('docker_volume_size', Integer(1)),
    Field('labels', Labels()),
    Field('merge_labels', Boolean(), default=False),
    Field('flavor_id', Text()),
    Field('image_id', Text()),
    Field('node_count', Integer(0), default=1),
    Field('role', Text(), default='worker'),
    Field('min_node_count', Integer(0), default=0),
    Field('max_node_count', Integer(0)),
    Field('node_labels', Labels(), default={}),
    Field('node_taints', Taints(), default=[]),
    *(
        Field(name, Ignored(), read_only=True)
        for name in (
            'id', 'uuid', 'bay_uuid', 'project_id', 'is_default', 'stack_id', 'status',
            'status_reason', 'version', 'node_addresses', 'labels_overridden', 'labels_added',
            'labels_skipped', 'links',
        )
    ),
    Field('created_at', Timestamp(), read_only=True),
    Field('updated_at', Timestamp(), read_only=True),
)
DEFAULTS: Final[dict[str, Any]] = defaults(FIELDS)
TYPE: Final = resource_type(NODEGROUPS, FIELDS)

#: What PATCH may change; all else is the service's own, or what nodes are made of.
CHANGEABLE: Final = frozenset({'min_node_count', 'max_node_count', 'node_labels', 'node_taints'})
