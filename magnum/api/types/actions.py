"""Bodies of the actions of bays."""

from typing import Any, Final

from magnum.api.dialects import plain
from magnum.api.types.fields import Field, defaults, resource_type
from magnum.api.types.scalars import Integer, Names, Text

RESIZE: Final = (
    Field(
        'node_count', Integer(0), 'How many nodes the node group is to have.', mandatory=True
    ),
    Field(
        'nodes_to_remove', Names(),
        'Ids of Nova servers, or indexes of nodes, that go first.', default=[],
    ),
    Field('nodegroup', Text(), 'uuid or name; by default the default workers.'),
)
UPGRADE: Final = (
    Field(
        'cluster_template', Text(), 'uuid or name of the baymodel to upgrade to.', mandatory=True
    ),
    Field('max_batch_size', Integer(1), 'How many nodes at once.', default=1),
    # Null: all that the driver can.
    Field('nodegroup', Text(), 'uuid or name; by default all of them.'),
)
RESIZE_DEFAULTS: Final[dict[str, Any]] = defaults(RESIZE)
UPGRADE_DEFAULTS: Final[dict[str, Any]] = defaults(UPGRADE)
RESIZE_TYPE: Final = resource_type(plain('resize', 'actions'), RESIZE)
UPGRADE_TYPE: Final = resource_type(plain('upgrade', 'actions'), UPGRADE)
