"""Types of single values: they validate, coerce what is unambiguous, and describe themselves.

Clients send numbers and booleans as strings, and an empty string for what
they leave open; an optional attribute takes that for "not given". A type's
``validate`` gets any JSON value but null, and returns what is stored.

A request may spell a value in more ways than an answer does: each type has two
JSON Schemas. What is optional also takes null, and mostly an empty string.
"""

import datetime
import ipaddress
import re
import uuid
from collections.abc import Iterable
from typing import Any, Final

import wsme.types

from magnum.api.types import schemas
from magnum.api.types.schemas import Schema, nullable
from magnum.domain import addresses, booleans, labels, literals, nodegroups, plain_text

_LARGEST: Final = 2**31 - 1  # of an integer column
_INTEGER: Final = re.compile(r'[+-]?\d{1,10}', re.ASCII)
_DIGITS: Final = r'^\s*[+-]?[0-9]{1,10}\s*$'
_ANY_UUID: Final = r'^(urn:)?(uuid:)?\{?(-?[0-9a-fA-F]){32}-?\}?$'
#: Null, and what old clients send for it.
_NOT_GIVEN: Final[Schema] = {'enum': ['', None]}
_LABELS: Final[Schema] = {
    'type': 'object',
    'propertyNames': {'pattern': r'\S'},
    'additionalProperties': {'type': ['string', 'number', 'boolean', 'null']},
}


class Scalar(wsme.types.UserType):
    """Ground of the types here: JSON values arrive in ``validate`` as they are."""

    basetype = None
    name = 'value'
    #: Whether PATCH takes an object or a list for it.
    structured = False
    #: How answers show a value, null aside.
    shown: Schema | None = None

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give for a value."""
        raise NotImplementedError(type(self))

    def answer_schema(self) -> Schema:
        """How answers show a value, null aside."""
        if self.shown is None:
            raise NotImplementedError(type(self))
        return self.shown


def _alternatives(schemas: Iterable[Schema], mandatory: bool) -> Schema:
    found = [*schemas, *(() if mandatory else (_NOT_GIVEN,))]
    return found[0] if len(found) == 1 else {'anyOf': found}


def _checked_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError('Value should be string')
    if not plain_text.is_storable(value):
        raise ValueError('Value should be text')
    return value


class Text(Scalar):
    """A string of ``minimum`` to ``maximum`` characters."""

    name = 'string'
    shown = schemas.STRING

    def __init__(
        self, maximum: int = 255, minimum: int = 1, pattern: re.Pattern[str] | None = None
    ):
        self.minimum = minimum
        self.maximum = maximum
        self.pattern = pattern

    def validate(self, value: object) -> str | None:
        """The string; an empty one, where one character is needed, is None."""
        text = _checked_text(value)
        if not text and self.minimum:
            return None
        if len(text) > self.maximum:
            raise ValueError(
                f'Value should have a maximum character requirement of {self.maximum}'
            )
        if self.pattern is not None and not self.pattern.fullmatch(text):
            raise ValueError(f'Value should match the pattern ^{self.pattern.pattern}$')
        return text

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        schema: Schema = {'type': 'string', 'maxLength': self.maximum}
        if mandatory:
            schema['minLength'] = self.minimum
        if self.pattern is not None:
            optional = '' if mandatory else '?'
            schema['pattern'] = f'^({self.pattern.pattern}){optional}$'
        return schema if mandatory else nullable(schema)


class Integer(Scalar):
    """A whole number; a string of digits is one too."""

    name = 'integer'

    def __init__(self, minimum: int = 0, maximum: int = _LARGEST):
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value: object) -> int | None:
        """The number."""
        if value == '':
            return None
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError('Value should be an integer')
        if value < self.minimum:
            raise ValueError(f'Value should be greater or equal to {self.minimum}')
        if value > self.maximum:
            raise ValueError(f'Value should be lower or equal to {self.maximum}')
        return value

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        return _alternatives(
            [self.answer_schema(), {'type': 'string', 'pattern': _DIGITS}], mandatory
        )

    def answer_schema(self) -> Schema:
        """How answers show it."""
        return {'type': 'integer', 'minimum': self.minimum, 'maximum': self.maximum}


class Boolean(Scalar):
    """A boolean, in any of its usual spellings."""

    name = 'boolean'
    shown = schemas.BOOLEAN

    def validate(self, value: object) -> bool | None:
        """The boolean."""
        if value == '':
            return None
        if isinstance(value, bool):
            return value
        if isinstance(value, str | int):
            found = booleans.parse(str(value))
            if found is not None:
                return found
        raise ValueError('Value should be a boolean')

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        words = '|'.join(
            ''.join(
                f'[{letter}{letter.upper()}]' if letter.isalpha() else letter for letter in word
            )
            for word in booleans.WORDS
        )
        spelled = {'type': 'string', 'pattern': rf'^\s*({words})\s*$'}
        return _alternatives([schemas.BOOLEAN, spelled, {'enum': [0, 1]}], mandatory)


class Enum(Scalar):
    """One of some words, or another spelling of one."""

    name = 'choice'

    def __init__(self, *words: str, synonyms: dict[str, str] | None = None):
        self.words = words
        self.synonyms = synonyms or {}

    def validate(self, value: object) -> str | None:
        """The word in its own spelling."""
        if value == '':
            return None
        if isinstance(value, str):
            value = self.synonyms.get(value, value)
            if value in self.words:
                return value
        raise ValueError(f'Value should be one of: {", ".join(self.words)}')

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        words: list[str | None] = [*self.words, *self.synonyms]
        return {'enum': words if mandatory else [*words, '', None]}

    def answer_schema(self) -> Schema:
        """How answers show it."""
        return {'type': 'string', 'enum': list(self.words)}


class UUID(Scalar):
    """A UUID, in its canonical spelling."""

    name = 'uuid'
    shown = schemas.UUID

    def validate(self, value: object) -> str | None:
        """The UUID."""
        if value == '':
            return None
        try:
            return str(uuid.UUID(_checked_text(value)))
        except ValueError:
            raise ValueError('Value should be UUID format') from None

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        return _alternatives([{'type': 'string', 'pattern': _ANY_UUID}], mandatory)


class Nameservers(Text):
    """Comma separated IP addresses."""

    name = 'nameservers'

    def validate(self, value: object) -> str | None:
        """The addresses, as given."""
        text = super().validate(value)
        for address in text.split(',') if text else ():
            try:
                ipaddress.ip_address(address.strip())
            except ValueError:
                raise ValueError(f'"{address.strip()}" is not an IP address') from None
        return text


class Proxy(Text):
    """The address of a proxy, without credentials."""

    name = 'proxy'

    def validate(self, value: object) -> str | None:
        """The address, as given."""
        text = super().validate(value)
        if text and addresses.has_credentials(text):
            raise ValueError(f'The address holds credentials. {addresses.ADVICE}')
        if text and addresses.breaks_out(text):
            raise ValueError('An address holds no blanks, quotes, backslashes and the like.')
        return text


class Labels(Scalar):
    """Labels, in any of the forms in which clients send them."""

    name = 'labels'
    shown = schemas.STRINGS
    structured = True

    def validate(self, value: object) -> labels.Labels | None:
        """Strings by strings."""
        return None if value == '' else labels.parse(value)

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        spelled = {
            'type': 'string',
            'description': 'k=v,k=v, or a JSON object or a Python dict in a string.',
        }
        return {'anyOf': [_LABELS, spelled, *(() if mandatory else ({'type': 'null'},))]}


class Taints(Scalar):
    """A list of taints, or the text of one: objects with key, effect and value."""

    name = 'taints'
    structured = True

    def validate(self, value: object) -> list[dict[str, str]]:
        """Objects of strings."""
        if isinstance(value, str):
            value = literals.parse(value) if value.strip() else []
        if not isinstance(value, list):
            raise ValueError('Taints should be a list of objects.')
        return [self._taint(item) for item in value]

    @staticmethod
    def _taint(item: object) -> dict[str, str]:
        if not isinstance(item, dict) or item.keys() - {'key', 'effect', 'value'}:
            raise ValueError('A taint is an object of key, effect and value.')
        taint = {name: _checked_text(text) for name, text in item.items() if text is not None}
        if not taint.get('key') or taint.get('effect') not in nodegroups.EFFECTS:
            raise ValueError(
                f'A taint has a key, and an effect of: {", ".join(nodegroups.EFFECTS)}.'
            )
        return taint

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        spelled = {'type': 'string', 'description': 'A JSON or a Python list in a string.'}
        taints = {'type': 'array', 'items': self._taint_schema(schemas.TEXT)}
        return {'anyOf': [taints, spelled, *(() if mandatory else ({'type': 'null'},))]}

    def answer_schema(self) -> Schema:
        """How answers show it."""
        return {'type': 'array', 'items': self._taint_schema(schemas.STRING)}

    @staticmethod
    def _taint_schema(value: Schema) -> Schema:
        effect = {'enum': list(nodegroups.EFFECTS)}
        return schemas.closed(
            {'key': schemas.STRING, 'effect': effect, 'value': value}, optional=['value']
        )


class Names(Scalar):
    """A list of strings."""

    name = 'names'
    shown = schemas.TEXTS

    def validate(self, value: object) -> list[str]:
        """The strings."""
        if not isinstance(value, list) or '' in value:
            raise ValueError('Value should be a list of strings, none of them empty')
        return [_checked_text(item) for item in value]

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        names: Schema = {'type': 'array', 'items': {'type': 'string', 'minLength': 1}}
        return names if mandatory else nullable(names)


class Ignored(Scalar):
    """What is taken and has no effect."""

    name = 'anything'

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        return {}


class NothingButNull(Scalar):
    """An attribute of old, which clients still send without a value."""

    name = 'null'

    def validate(self, value: object) -> None:
        """Refuse."""
        if value not in ('', {}, []):
            raise ValueError('This attribute is no longer supported')

    def request_schema(self, mandatory: bool) -> Schema:
        """What a request may give."""
        return {'enum': [None, '', {}, []]}


class Timestamp(Scalar):
    """A point of time: ISO 8601 in UTC, with microseconds and offset."""

    name = 'timestamp'
    shown = schemas.TIMESTAMP

    @staticmethod
    def tobasetype(value: datetime.datetime | None) -> str | None:
        """The text."""
        return timestamp(value)


def timestamp(value: datetime.datetime | None) -> str | None:
    """A point of time, as documents show it."""
    return value.isoformat(timespec='microseconds') if value is not None else None


def coerce(datatype: Any, value: object) -> Any:
    """What a type makes of one JSON value; null stays null.

    :raises ValueError: the type refuses it.
    """
    return None if value is None else datatype.validate(value)
