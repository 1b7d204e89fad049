"""Types of single values: they validate, and coerce what is unambiguous.

Clients send numbers and booleans as strings, and an empty string for what
they leave open; an optional attribute takes that for "not given". A type's
``validate`` gets any JSON value but null, and returns what is stored.
"""

import datetime
import ipaddress
import re
import uuid
from typing import Any, Final

import wsme.types

from magnum.domain import addresses, booleans, labels, literals, nodegroups, plain_text

_LARGEST: Final = 2**31 - 1  # of an integer column
_INTEGER: Final = re.compile(r'[+-]?\d{1,10}', re.ASCII)


class Scalar(wsme.types.UserType):
    """Ground of the types here: JSON values arrive in ``validate`` as they are."""

    basetype = None
    name = 'value'
    #: Whether PATCH takes an object or a list for it.
    structured = False


def _checked_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError('Value should be string')
    if not plain_text.is_storable(value):
        raise ValueError('Value should be text')
    return value


class Text(Scalar):
    """A string of ``minimum`` to ``maximum`` characters."""

    name = 'string'

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


class Boolean(Scalar):
    """A boolean, in any of its usual spellings."""

    name = 'boolean'

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


class UUID(Scalar):
    """A UUID, in its canonical spelling."""

    name = 'uuid'

    def validate(self, value: object) -> str | None:
        """The UUID."""
        if value == '':
            return None
        try:
            return str(uuid.UUID(_checked_text(value)))
        except ValueError:
            raise ValueError('Value should be UUID format') from None


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
    structured = True

    def validate(self, value: object) -> labels.Labels | None:
        """Strings by strings."""
        return None if value == '' else labels.parse(value)


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


class Names(Scalar):
    """A list of strings."""

    name = 'names'

    def validate(self, value: object) -> list[str]:
        """The strings."""
        if not isinstance(value, list) or '' in value:
            raise ValueError('Value should be a list of strings, none of them empty')
        return [_checked_text(item) for item in value]


class Ignored(Scalar):
    """What is taken and has no effect."""

    name = 'anything'


class NothingButNull(Scalar):
    """An attribute of old, which clients still send without a value."""

    name = 'null'

    def validate(self, value: object) -> None:
        """Refuse."""
        if value not in ('', {}, []):
            raise ValueError('This attribute is no longer supported')


class Timestamp(Scalar):
    """A point of time: ISO 8601 in UTC, with microseconds and offset."""

    name = 'timestamp'

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
