"""Documents of node groups."""

import dataclasses
from typing import Any, Final

from magnum.api.dialects import NODEGROUPS
from magnum.api.types import bays, schemas, shared
from magnum.api.types.fields import Field, Shown, defaults, resource_type
from magnum.api.types.scalars import Boolean, Ignored, Integer, Labels, Taints, Text
from magnum.domain.nodegroups import WORKER

_FULL: Final = Shown.IN_FULL
_BAY: Final = 'bay'

FIELDS: Final = (
    shared.ROW,
    shared.UUID,
    Field('name', Text(), "Unique among the bay's node groups.", mandatory=True),
    dataclasses.replace(
        shared.FLAVOR, meaning="Name or id of the nodes' flavor."
    ).inherited(_BAY),
    Field(
        'image_id', Text(), "Name or id of the nodes' image; by default the baymodel's.",
        is_set=True,
    ),
    Field('node_count', Integer(0), 'How many nodes.', default=1, answer=schemas.COUNT),
    Field('role', Text(), 'What the nodes are for.', default=WORKER),
    Field(
        'is_default', Ignored(), 'Whether the bay began with it.', read_only=True,
        answer=schemas.BOOLEAN,
    ),
    shared.STACK_ID,
    Field('status', Ignored(), shared.STATUS_WORDS, read_only=True, answer=bays.STATUS),
    Field(
        'min_node_count', Integer(0), 'Not fewer nodes than these.', default=0, changeable=True
    ),
    Field(
        'max_node_count', Integer(0), 'Not more nodes than these; null for no limit.',
        changeable=True,
    ),
    Field(
        'merge_labels', Boolean(), "Whether labels are merged over the bay's.", default=False
    ),
    shared.LINKS,
    Field('bay_uuid', Ignored(), 'The bay.', read_only=True, shown=_FULL, answer=schemas.UUID),
    shared.PROJECT_ID,
    dataclasses.replace(shared.VOLUME_SIZE.inherited(_BAY), shown=_FULL),
    Field(
        'labels', Labels(), "In place of the bay's, or merged over them.", shown=_FULL,
        is_set=True,
    ),
    *(
        dataclasses.replace(field, ignored=False, read_only=True)
        for field in shared.differences(_BAY)
    ),
    Field(
        'node_addresses', Ignored(), 'Addresses of the nodes.', read_only=True, shown=_FULL,
        answer=schemas.TEXTS,
    ),
    dataclasses.replace(shared.STATUS_REASON, ignored=False, read_only=True),
    Field(
        'version', Ignored(), 'Version of the COE on the nodes.', read_only=True, shown=_FULL,
        answer=schemas.TEXT,
    ),
    Field(
        'node_labels', Labels(), 'Labels of the nodes in the COE.', default={}, changeable=True,
        shown=_FULL,
    ),
    Field(
        'node_taints', Taints(), 'Taints of the nodes in the COE.', default=[], changeable=True,
        shown=_FULL,
    ),
    shared.CREATED_AT,
    shared.UPDATED_AT,
)
DEFAULTS: Final[dict[str, Any]] = defaults(FIELDS)
TYPE: Final = resource_type(NODEGROUPS, FIELDS)
