"""Bodies of the actions of bays."""

from typing import Any, Final

from magnum.api.dialects import plain
from magnum.api.types.fields import Field, defaults, resource_type
from magnum.api.types.scalars import Integer, Names, Text

RESIZE: Final = (
    Field('node_count', Integer(0), mandatory=True),
    # Ids of Nova servers, or the nodes' indexes in their group.
    Field('nodes_to_remove', Names(), default=[]),
    # A uuid or a name; null: the default workers.
    Field('nodegroup', Text()),
)
UPGRADE: Final = (
    # A uuid or a name.
    Field('cluster_template', Text(), mandatory=True),
    Field('max_batch_size', Integer(1), default=1),
    # A uuid or a name; null: all that the driver can.
    Field('nodegroup', Text()),
)
RESIZE_DEFAULTS: Final[dict[str, Any]] = defaults(RESIZE)
UPGRADE_DEFAULTS: Final[dict[str, Any]] = defaults(UPGRADE)
RESIZE_TYPE: Final = resource_type(plain('resize', 'actions', '', ()), RESIZE)
UPGRADE_TYPE: Final = resource_type(plain('upgrade', 'actions', '', ()), UPGRADE)
