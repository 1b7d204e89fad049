"""Normal forms of label values, one function per format of a label's schema.

A label is stored as it was sent, and clients read it back so: their
comparisons find no difference. What is checked and applied is the normal form
of its value. A value that has no normal form stays as it is, for the schema
to refuse.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from magnum.domain import booleans

_INTEGER: Final = re.compile(r'([+-]?)0*(\d{1,19})(\.0*)?', re.ASCII)


def normal(rule: Mapping[str, Any], text: str) -> str:
    """The value that a text stands for; an empty one stands for "not given".

    :param rule: of the label in its driver's schema.
    """
    text = text.strip()
    return _FORMATS[rule.get('format', 'text')](text, rule) if text else ''


def _text(text: str, _rule: Mapping[str, Any]) -> str:
    return text


def _boolean(text: str, _rule: Mapping[str, Any]) -> str:
    found = booleans.parse(text)
    return text if found is None else str(found).lower()


def _integer(text: str, _rule: Mapping[str, Any]) -> str:
    """Digits; ``20.0``, as JSON and YAML may write a number, is 20."""
    match = _INTEGER.fullmatch(text)
    return match[1].strip('+') + match[2] if match else text


def _choice(text: str, rule: Mapping[str, Any]) -> str:
    """The schema's spelling of one of its words."""
    words: Sequence[str] = rule['enum']
    return next((word for word in words if word.lower() == text.lower()), text)


def _list(text: str, _rule: Mapping[str, Any]) -> str:
    return ','.join(_parts(text))


def _networks(text: str, _rule: Mapping[str, Any]) -> str:
    return ','.join(map(_network, _parts(text)))


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(',') if part.strip()]


def _prefix(text: str, _rule: Mapping[str, Any]) -> str:
    """The address before names, with the slash between them."""
    return text.rstrip('/') + '/'


def _url(text: str, _rule: Mapping[str, Any]) -> str:
    """An address to which paths are added after a slash."""
    return text.rstrip('/')


def _release(text: str, _rule: Mapping[str, Any]) -> str:
    """``v1.2.3``, also when it is written without the first letter."""
    return f'v{text}' if text[0].isdecimal() else text


_FORMATS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], str]]] = {
    'text': _text,
    'boolean': _boolean,
    'integer': _integer,
    'choice': _choice,
    'list': _list,
    'networks': _networks,
    'prefix': _prefix,
    'url': _url,
    'release': _release,
}
FORMATS: Final = tuple(_FORMATS)
