"""Every error that the API answers with: one module per resource.

Clients branch on the codes. Three rules: a code is never changed, never used
again for something else, and says here what its page in the API reference says.
"""

from collections.abc import Mapping
from typing import Any, Final

from magnum.api.errors import (
    baymodels,
    bays,
    bootstrap,
    certificates,
    cloud,
    drivers,
    events,
    nodegroups,
    operations,
    quotas,
    requests,
    service,
)
from magnum.api.errors.kinds import Kind
from magnum.domain import addresses

__all__ = [
    'KINDS',
    'APIError',
    'Kind',
    'at_field',
    'baymodels',
    'bays',
    'bootstrap',
    'certificates',
    'cloud',
    'drivers',
    'events',
    'header',
    'invalid',
    'invalid_argument',
    'nodegroups',
    'operations',
    'parameter',
    'pointer',
    'quotas',
    'requests',
    'service',
]

_MODULES: Final = (
    requests, service, baymodels, drivers, bays, operations, events, quotas, nodegroups,
    certificates, cloud, bootstrap,
)
#: The whole table.
KINDS: Final = tuple(
    value for module in _MODULES for value in vars(module).values() if isinstance(value, Kind)
)

#: Characters of a refused value, and of any detail, that an answer has at most: the
#: answer to a large body is not several times as large.
_SHOWN_OF_VALUE: Final = 500
_SHOWN_OF_DETAIL: Final = 4000


class APIError(Exception):
    """Ends a request with an error answer.

    :param kind: one of the table.
    :param detail: one or two sentences for the user, without secrets.
    :param headers: more headers of the answer.
    :param document: the whole body, where it is not of the common shape.
    :param source: what of the request is at fault; see ``pointer`` and
        ``parameter``.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str = '',
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
        source: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.kind = kind
        self.detail = _cut(detail, _SHOWN_OF_DETAIL)
        self.headers = dict(headers or {})
        self.document = document
        self.source = {
            origin: _cut(name, _SHOWN_OF_VALUE) for origin, name in (source or {}).items()
        }


def pointer(field: str) -> dict[str, str]:
    """The source of an error: a field of the resource's document.

    :param field: ``node_count``, or ``labels/<name>`` for what is inside one.
    """
    parts = field.strip('/').split('/', 1)
    escaped = (part.replace('~', '~0').replace('/', '~1') for part in parts)
    return {'pointer': '/' + '/'.join(escaped)}


def parameter(name: str) -> dict[str, str]:
    """The source of an error: a query argument."""
    return {'parameter': name}


def header(name: str) -> dict[str, str]:
    """The source of an error: a header of the request."""
    return {'header': name}


def invalid(
    field: str, value: object, reason: str, source: Mapping[str, str] | None = None
) -> APIError:
    """A field's value is refused; the words are those clients know.

    :param source: of what is no field of a document.
    """
    text = str(value)
    if '//' in text or field.endswith('proxy'):
        # Before it is cut, lest a part of a password stays.
        text = addresses.without_credentials(text)
    shown = _cut(text, _SHOWN_OF_VALUE)
    return APIError(
        requests.INVALID_VALUE,
        f"Invalid input for field/attribute {field}. Value: '{shown}'. {reason}",
        source=pointer(field) if source is None else source,
    )


def invalid_argument(name: str, value: object, reason: str) -> APIError:
    """A query argument's value is refused."""
    return invalid(name, value, reason, parameter(name))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[:length]}...'


def at_field(kind: Kind, field: str, detail: str) -> APIError:
    """What a field names, or asks for, is refused."""
    return APIError(kind, f'{field}: {detail}', source=pointer(field))
