"""What answers show where a field's type does not say it."""

from collections.abc import Mapping
from typing import Final

from magnum.api.openapi.scalars import STRINGS, TIMESTAMP, UUID, Schema, nullable
from magnum.api.types.bays import STATUSES

STRING: Final[Schema] = {'type': 'string'}
BOOLEAN: Final[Schema] = {'type': 'boolean'}
COUNT: Final[Schema] = {'type': 'integer', 'minimum': 0}
_TEXTS: Final[Schema] = {'type': 'array', 'items': STRING}
_UUID: Final[Schema] = {'type': 'string', 'pattern': UUID}
_TIME: Final[Schema] = {'type': 'string', 'pattern': TIMESTAMP}
_STATUS: Final[Schema] = nullable({'type': 'string', 'enum': list(STATUSES)})
LINKS: Final[Schema] = {
    'type': 'array',
    'items': {
        'type': 'object',
        'properties': {'href': STRING, 'rel': STRING, 'type': STRING},
        'required': ['href', 'rel'],
        'additionalProperties': False,
    },
}

RESOLVED_LABELS: Final[Schema] = {
    'type': 'object',
    'description': 'All labels that are given or have defaults; of one bay, where "fields" names '
    'them.',
    'additionalProperties': {
        'type': 'object',
        'properties': {
            'value': {**STRING, 'description': 'In its normal form.'},
            'origin': {'type': 'string', 'enum': ['default', 'baymodel', 'bay']},
            'effect': {'type': 'string', 'enum': ['applied', 'none']},
            'reason': {**STRING, 'description': 'Why there is no effect.'},
        },
        'required': ['value', 'origin', 'effect'],
        'additionalProperties': False,
    },
}

#: Attribute -> schema; an attribute means the same wherever it stands.
MEMBERS: Final[Mapping[str, Schema]] = {
    'uuid': _UUID,
    'id': {'type': 'integer', 'minimum': 1},
    'links': LINKS,
    'created_at': nullable(_TIME),
    'updated_at': nullable(_TIME),
    'status': _STATUS,
    'status_reason': nullable(STRING),
    'reason': nullable(STRING),
    'health_status_reason': STRINGS,
    'faults': STRINGS,
    'resolved_labels': RESOLVED_LABELS,
    'labels_overridden': STRINGS,
    'labels_added': STRINGS,
    'labels_skipped': STRINGS,
    'node_addresses': _TEXTS,
    'master_addresses': _TEXTS,
    'merge_labels': BOOLEAN,
    'node_count': COUNT,
    'master_count': COUNT,
    'cluster_distro': nullable(STRING),
    'is_default': BOOLEAN,
    'version': nullable(STRING),
    'stack_id': nullable(STRING),
    'project_id': nullable(STRING),
    'bay_uuid': _UUID,
}

#: Attributes that always have a value, though a request may leave them open.
ALWAYS: Final = frozenset({'name', 'labels', 'role', 'image_id'})
