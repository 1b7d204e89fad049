"""Microversions: one list, one reason each, and how a request names one.

A microversion is written ``1.N``; in code it is the number N.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from magnum.api import errors
from magnum.api.errors import bodies

#: N -> what changed in 1.N.
VERSIONS: Final[dict[int, str]] = {
    1: 'The first version; bays are created and changed synchronously.',
    2: 'Bays are created and changed asynchronously: 202 and the uuid.',
    3: 'PATCH of a bay takes the query argument "rollback".',
    4: 'Statistics (answering at every version).',
    5: "Rotation of a bay's CA (answering at every version).",
    6: 'Quotas (answering at every version).',
    7: 'A bay can be resized by an action.',
    8: 'A bay can be upgraded by an action.',
    9: 'Node groups.',
    10: 'A bay may have no worker; an unknown baymodel of a new bay is a 404.',
    11: 'No change here: bays and baymodels stay.',
    12: 'Rotation of a bay\'s credential.',
    13: 'Clusters show "cluster_id" instead of "stack_id".',
    14: 'Node labels and taints of node groups.',
    15: 'Operations: what was promised, how far it came, why it failed; cancel and retry.',
    16: "The timeline of a bay's events, by pages or as a stream.",
    17: 'Preview: "dry_run" checks everything and writes nothing.',
    18: 'Idempotency-Key on every POST (answering at every version).',
    19: 'ETag and If-Match on bays, baymodels and node groups (answering at every version).',
    20: 'Lists can be filtered, and the members of documents chosen by "fields".',
    21: 'Drivers and the schema of their labels; where each label of a bay is from.',
    22: 'Configuration of native clients for a key of the caller.',
    23: 'The OpenAPI document.',
    24: 'What the labels of a bay come to, under a path of its own.',
    25: 'Nodes of a bay, as they report themselves.',
    26: 'The catalogue of releases of a driver.',
}
MINIMUM: Final = min(VERSIONS)
MAXIMUM: Final = max(VERSIONS)

ROLLBACK: Final = 3
RESIZE: Final = 7
UPGRADE: Final = 8
NODEGROUPS: Final = 9
ZERO_NODES: Final = 10
CREDENTIALS: Final = 12
OPERATIONS: Final = 15
EVENTS: Final = 16
PREVIEW: Final = 17
FILTERS: Final = 20
DRIVERS: Final = 21
CONFIG: Final = 22
OPENAPI: Final = 23
RESOLVED_LABELS: Final = 24
NODES: Final = 25
CATALOGUE: Final = 26

#: What answers call the service; requests may use any of SERVICE_TYPES.
SERVICE_TYPE: Final = 'container-infrastructure-management'
SERVICE_TYPES: Final = frozenset(
    {SERVICE_TYPE, 'container-infrastructure', 'container-infra', 'container'}
)

HEADER: Final = 'OpenStack-API-Version'
HEADER_2016: Final = 'X-OpenStack-Magnum-API-Version'
MINIMUM_HEADER: Final = 'OpenStack-API-Minimum-Version'
MAXIMUM_HEADER: Final = 'OpenStack-API-Maximum-Version'
_MINIMUM_HEADER_2016: Final = 'X-OpenStack-Magnum-API-Minimum-Version'
_MAXIMUM_HEADER_2016: Final = 'X-OpenStack-Magnum-API-Maximum-Version'

_NUMBER = re.compile(r'(\d{1,4})\.(\d{1,4})')


def text(number: int) -> str:
    """``1.N``."""
    return f'1.{number}'


_HEADERS_2016: Final = {
    _MINIMUM_HEADER_2016: text(MINIMUM),
    _MAXIMUM_HEADER_2016: text(MAXIMUM),
    'Vary': f'{HEADER}, {HEADER_2016}',
}


@dataclasses.dataclass(frozen=True)
class Negotiated:
    """The version that a request runs at and how it was asked for."""

    number: int
    asked: bool         # by any header
    by_2016_header: bool

    @property
    def for_old_clients(self) -> bool:
        """Whether the client may be of the time before today's header."""
        return not self.asked or self.by_2016_header

    def headers(self) -> dict[str, str]:
        """The version headers of the answer."""
        if self.by_2016_header:
            return _headers(self.number) | _HEADERS_2016 | {HEADER_2016: text(self.number)}
        return _headers(self.number)


DEFAULT: Final = Negotiated(MINIMUM, asked=False, by_2016_header=False)


def _headers(number: int | None) -> dict[str, str]:
    headers = {
        MINIMUM_HEADER: f'{SERVICE_TYPE} {text(MINIMUM)}',
        MAXIMUM_HEADER: f'{SERVICE_TYPE} {text(MAXIMUM)}',
        'Vary': HEADER,
    }
    if number is not None:
        headers[HEADER] = f'{SERVICE_TYPE} {text(number)}'
    return headers


def negotiate(environ: Mapping[str, Any]) -> Negotiated:
    """The version that a request asks for.

    :raises APIError: 406; out of range, the error carries the version
        headers, and otherwise none.
    """
    named = environ.get('HTTP_OPENSTACK_API_VERSION')
    if named is not None:
        return Negotiated(_parse_today(named), asked=True, by_2016_header=False)
    named = environ.get('HTTP_X_OPENSTACK_MAGNUM_API_VERSION')
    if named is not None:
        return Negotiated(_parse(named.strip(), HEADER_2016), asked=True, by_2016_header=True)
    return DEFAULT


def _parse_today(value: str) -> int:
    """The number in ``<service type> <version>``."""
    words = value.split()
    if len(words) != 2 or words[0].lower() not in SERVICE_TYPES:
        raise errors.APIError(
            errors.requests.INVALID_VERSION, f'Invalid service type for {HEADER} header'
        )
    return _parse(words[1], HEADER)


def _parse(version: str, header: str) -> int:
    if version.lower() == 'latest':
        return MAXIMUM
    match = _NUMBER.fullmatch(version)
    if match is None:
        raise errors.APIError(errors.requests.INVALID_VERSION, f'Invalid value for {header} header')
    major, number = int(match[1]), int(match[2])
    if major != 1 or number not in VERSIONS:
        raise _unsupported(version, header)
    return number


def _unsupported(version: str, header: str) -> errors.APIError:
    reason = (
        f'Version {version} is not supported by the API. Minimum is '
        f'{text(MINIMUM)} and maximum is {text(MAXIMUM)}.'
    )
    headers, old_words = _headers(None), {}
    if header == HEADER_2016:
        headers |= _HEADERS_2016
        old_words = bodies.old_words(errors.requests.UNSUPPORTED_VERSION.status, reason)
    return errors.APIError(
        errors.requests.UNSUPPORTED_VERSION,
        headers=headers,
        document=old_words | {
            'errors': [
                {
                    'code': errors.requests.UNSUPPORTED_VERSION.code,
                    'status': errors.requests.UNSUPPORTED_VERSION.status,
                    'title': 'Requested microversion is unsupported',
                    'description': reason,
                    'max_version': text(MAXIMUM),
                    'min_version': text(MINIMUM),
                    'links': [
                        {
                            'rel': 'help',
                            'href': 'http://docs.openstack.org/api-guide/compute/'
                            'microversions.html',
                        }
                    ],
                }
            ]
        },
    )
