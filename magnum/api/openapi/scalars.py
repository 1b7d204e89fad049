"""JSON Schemas of the types of single values.

A request may spell a value in more ways than an answer does: each type has two
schemas. What is optional also takes null, and mostly an empty string.
"""

import functools
from collections.abc import Iterable
from typing import Any, Final

from magnum.api.types import scalars
from magnum.domain import booleans, nodegroups, uuids

Schema = dict[str, Any]

TIMESTAMP: Final = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$'
UUID: Final = f'^{uuids.CANONICAL}$'
_ANY_UUID: Final = r'^(urn:)?(uuid:)?\{?(-?[0-9a-fA-F]){32}-?\}?$'
_DIGITS: Final = r'^\s*[+-]?[0-9]{1,10}\s*$'
#: Null, and what old clients send for it.
_NOT_GIVEN: Final[Schema] = {'enum': ['', None]}

STRINGS: Final[Schema] = {'type': 'object', 'additionalProperties': {'type': 'string'}}
_LABELS: Final[Schema] = {
    'type': 'object',
    'propertyNames': {'pattern': r'\S'},
    'additionalProperties': {'type': ['string', 'number', 'boolean']},
}
_TAINT: Final[Schema] = {
    'type': 'object',
    'properties': {
        'key': {'type': 'string'},
        'effect': {'enum': list(nodegroups.EFFECTS)},
        'value': {'type': ['string', 'null']},
    },
    'required': ['key', 'effect'],
    'additionalProperties': False,
}


def request(datatype: Any, mandatory: bool) -> Schema:
    """What a request may give for a value of this type."""
    return dict(_request(datatype, mandatory))


def answer(datatype: Any) -> Schema:
    """How answers show a value of this type, null aside."""
    return dict(_answer(datatype))


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


def _alternatives(schemas: Iterable[Schema], mandatory: bool) -> Schema:
    found = [*schemas, *(() if mandatory else (_NOT_GIVEN,))]
    return found[0] if len(found) == 1 else {'anyOf': found}


@functools.singledispatch
def _request(datatype: Any, mandatory: bool) -> Schema:
    raise NotImplementedError(type(datatype))


@_request.register
def _(datatype: scalars.Text, mandatory: bool) -> Schema:
    schema: Schema = {'type': 'string', 'maxLength': datatype.maximum}
    if mandatory:
        schema['minLength'] = datatype.minimum
    if datatype.pattern is not None:
        optional = '' if mandatory else '?'
        schema['pattern'] = f'^({datatype.pattern.pattern}){optional}$'
    return schema if mandatory else nullable(schema)


@_request.register
def _(datatype: scalars.Integer, mandatory: bool) -> Schema:
    number = {'type': 'integer', 'minimum': datatype.minimum, 'maximum': datatype.maximum}
    return _alternatives([number, {'type': 'string', 'pattern': _DIGITS}], mandatory)


@_request.register
def _(_datatype: scalars.Boolean, mandatory: bool) -> Schema:
    words = '|'.join(
        ''.join(f'[{letter}{letter.upper()}]' if letter.isalpha() else letter for letter in word)
        for word in booleans.WORDS
    )
    spelled = {'type': 'string', 'pattern': rf'^\s*({words})\s*$'}
    return _alternatives([{'type': 'boolean'}, spelled, {'enum': [0, 1]}], mandatory)


@_request.register
def _(datatype: scalars.Enum, mandatory: bool) -> Schema:
    words: list[str | None] = [*datatype.words, *datatype.synonyms]
    return {'enum': words if mandatory else [*words, '', None]}


@_request.register
def _(_datatype: scalars.UUID, mandatory: bool) -> Schema:
    return _alternatives([{'type': 'string', 'pattern': _ANY_UUID}], mandatory)


@_request.register
def _(_datatype: scalars.Labels, mandatory: bool) -> Schema:
    spelled = {
        'type': 'string',
        'description': 'k=v,k=v, or a JSON object or a Python dict in a string.',
    }
    return {'anyOf': [_LABELS, spelled, *(() if mandatory else ({'type': 'null'},))]}


@_request.register
def _(_datatype: scalars.Taints, mandatory: bool) -> Schema:
    spelled = {'type': 'string', 'description': 'A JSON or a Python list in a string.'}
    taints = {'type': 'array', 'items': _TAINT}
    return {'anyOf': [taints, spelled, *(() if mandatory else ({'type': 'null'},))]}


@_request.register
def _(_datatype: scalars.Names, mandatory: bool) -> Schema:
    names = {'type': 'array', 'items': {'type': 'string'}}
    return names if mandatory else nullable(names)


@_request.register
def _(_datatype: scalars.Ignored, _mandatory: bool) -> Schema:
    return {}


@_request.register
def _(_datatype: scalars.NothingButNull, _mandatory: bool) -> Schema:
    return {'enum': [None, '', {}, []]}


@functools.singledispatch
def _answer(datatype: Any) -> Schema:
    raise NotImplementedError(type(datatype))


@_answer.register
def _(_datatype: scalars.Text) -> Schema:
    return {'type': 'string'}


@_answer.register
def _(datatype: scalars.Integer) -> Schema:
    return {'type': 'integer', 'minimum': datatype.minimum, 'maximum': datatype.maximum}


@_answer.register
def _(_datatype: scalars.Boolean) -> Schema:
    return {'type': 'boolean'}


@_answer.register
def _(datatype: scalars.Enum) -> Schema:
    return {'type': 'string', 'enum': list(datatype.words)}


@_answer.register
def _(_datatype: scalars.UUID) -> Schema:
    return {'type': 'string', 'pattern': UUID}


@_answer.register
def _(_datatype: scalars.Labels) -> Schema:
    return STRINGS


@_answer.register
def _(_datatype: scalars.Taints) -> Schema:
    properties = {**_TAINT['properties'], 'value': {'type': 'string'}}
    return {'type': 'array', 'items': {**_TAINT, 'properties': properties}}


@_answer.register
def _(_datatype: scalars.Names) -> Schema:
    return {'type': 'array', 'items': {'type': 'string'}}


@_answer.register
def _(_datatype: scalars.Timestamp) -> Schema:
    return {'type': 'string', 'pattern': TIMESTAMP}
