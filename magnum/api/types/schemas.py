"""JSON Schemas that types of values and documents have in common."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from magnum.domain import uuids

Schema = dict[str, Any]

_UUID: Final = f'^{uuids.CANONICAL}$'
_TIMESTAMP: Final = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$'


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if isinstance(schema.get('type'), str):
        return {
            **schema,
            'type': [schema['type'], 'null'],
            **({'enum': [*schema['enum'], None]} if 'enum' in schema else {}),
        }
    if 'enum' in schema:
        return {**schema, 'enum': [*schema['enum'], None]}
    return {'anyOf': [schema, {'type': 'null'}]}


def closed(properties: Mapping[str, Any], optional: Collection[str] = ()) -> Schema:
    """An object of these members and no other; all there but the optional ones."""
    return {
        'type': 'object',
        'properties': dict(properties),
        'required': [name for name in properties if name not in optional],
        'additionalProperties': False,
    }


STRING: Final[Schema] = {'type': 'string'}
BOOLEAN: Final[Schema] = {'type': 'boolean'}
COUNT: Final[Schema] = {'type': 'integer', 'minimum': 0}
NUMBER_OF_A_ROW: Final[Schema] = {'type': 'integer', 'minimum': 1}
UUID: Final[Schema] = {'type': 'string', 'pattern': _UUID}
TIMESTAMP: Final[Schema] = {'type': 'string', 'pattern': _TIMESTAMP}
TEXT: Final[Schema] = nullable(STRING)
TIME: Final[Schema] = nullable(TIMESTAMP)
TEXTS: Final[Schema] = {'type': 'array', 'items': STRING}
STRINGS: Final[Schema] = {'type': 'object', 'additionalProperties': STRING}
LINKS: Final[Schema] = {
    'type': 'array',
    'items': closed({'href': STRING, 'rel': STRING, 'type': STRING}, optional=['type']),
}
RESOLVED_LABELS: Final[Schema] = {
    'type': 'object',
    'description': 'All labels that are given or have defaults; of one bay, where "fields" names '
    'them.',
    'additionalProperties': closed(
        {
            'value': {**STRING, 'description': 'In its normal form.'},
            'origin': {'type': 'string', 'enum': ['default', 'baymodel', 'bay']},
            'effect': {'type': 'string', 'enum': ['applied', 'none']},
            'reason': {**STRING, 'description': 'Why there is no effect.'},
        },
        optional=['reason'],
    ),
}
