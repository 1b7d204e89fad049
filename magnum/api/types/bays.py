"""Documents of bays."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from magnum.api import dialects
from magnum.api.types import schemas, shared
from magnum.api.types.fields import Field, ResourceType, Shown, defaults, resource_type
from magnum.api.types.scalars import Boolean, Enum, Ignored, Integer, Labels, Text
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

_FULL: Final = Shown.IN_FULL
_BAYMODEL: Final = 'baymodel'
STATUS: Final = schemas.nullable({'type': 'string', 'enum': list(STATUSES)})

FIELDS: Final = (
    dataclasses.replace(shared.UUID, read_only=False, ignored=True),
    Field(
        'name', Text(names.BAY_NAME_LENGTH, pattern=names.BAY_NAME),
        'Not unique; made by the service unless given.', is_set=True,
    ),
    # A uuid, a name, or (Heat of old) the number of the row.
    Field('baymodel_id', Text(), 'uuid or name of the baymodel.', mandatory=True),
    shared.VOLUME_SIZE.inherited(_BAYMODEL),
    Field('labels', Labels(), "In place of the baymodel's, or merged over them.", is_set=True),
    Field(
        'node_count', Integer(0), 'How many workers.', default=1, changeable=True,
        answer=schemas.COUNT,
    ),
    Field(
        'master_count', Integer(1), 'How many masters: an odd number.', default=1, changeable=True,
        answer=schemas.COUNT,
    ),
    Field('status', Ignored(), shared.STATUS_WORDS, ignored=True, answer=STATUS),
    shared.MASTER_FLAVOR.inherited(_BAYMODEL),
    shared.FLAVOR.inherited(_BAYMODEL),
    Field(
        'create_timeout', Integer(0),
        "Minutes until an operation is given up; 0 for the operator's default.",
        default=DEFAULT_TIMEOUT,
    ),
    shared.STACK_ID,
    shared.LINKS,
    Field(
        'keypair', Text(),
        "Name of the key pair that opens the nodes; by default the baymodel's.", modern=True,
    ),
    Field(
        'health_status', Enum(*HEALTH_STATUSES), 'Whether the bay works.', ignored=True,
        changeable=True, modern=True,
    ),
    Field(
        'merge_labels', Boolean(), "Whether labels are merged over the baymodel's.",
        default=False, modern=True,
    ),
    shared.STATUS_REASON,
    Field('discovery_url', Text(), 'Stored; nothing needs it.', shown=_FULL),
    Field('api_address', Text(), "URL of the COE's API.", read_only=True, shown=_FULL),
    Field('coe_version', Text(), 'Version of the COE.', read_only=True, shown=_FULL),
    Field(
        'container_version', Text(), 'Version of the container engine.', read_only=True,
        shown=_FULL,
    ),
    Field(
        'node_addresses', Ignored(), 'Addresses of the workers.', read_only=True, shown=_FULL,
        answer=schemas.TEXTS,
    ),
    Field(
        'master_addresses', Ignored(), 'Addresses of the masters.', read_only=True, shown=_FULL,
        answer=schemas.TEXTS,
    ),
    shared.FIXED_NETWORK.inherited(_BAYMODEL),
    shared.FIXED_SUBNET.inherited(_BAYMODEL),
    shared.FLOATING_IPS.inherited(_BAYMODEL),
    shared.MASTER_LB.inherited(_BAYMODEL),
    shared.CREATED_AT,
    shared.UPDATED_AT,
    Field(
        'health_status_reason', Labels(), 'What of it works, by name.', ignored=True, default={},
        changeable=True, shown=_FULL, modern=True,
    ),
    dataclasses.replace(shared.PROJECT_ID, modern=True),
    dataclasses.replace(shared.USER_ID, modern=True),
    *(dataclasses.replace(field, modern=True) for field in shared.differences(_BAYMODEL)),
    Field(
        'reason', Ignored(),
        'The same as "status_reason", under the name that openstacksdk reads.', ignored=True,
        shown=_FULL, modern=True, answer=schemas.TEXT,
    ),
    Field(
        'faults', Ignored(), 'Why node groups failed, by name; only of a failed bay.',
        ignored=True, shown=Shown.ALONE, answer=schemas.STRINGS,
    ),
)

DEFAULTS: Final[Mapping[str, Any]] = defaults(FIELDS)

#: Both names of a stack's id are known, and refused, at every version.
_ALIASES: Final = {'stack_id': 'stack_id', 'cluster_id': 'stack_id'}

TYPES: Final[Mapping[dialects.Dialect, ResourceType]] = {
    dialect: resource_type(dialect, FIELDS, _ALIASES) for dialect in dialects.BAY_DIALECTS
}
