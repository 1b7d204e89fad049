"""Errors of calls to the cloud.

::

    CloudError
    ├── CloudUnavailable   nobody answered, or not now: trying again may help
    └── CloudRefused       an answer, and it was no
        ├── CloudNotFound
        ├── CloudConflict
        └── CloudForbidden
            └── Unauthenticated
"""

import contextlib
from collections.abc import Iterator
from typing import Final

import requests
from keystoneauth1 import exceptions as keystoneauth_exceptions
from oslo_log import log as logging

from magnum.clients import failpoints
from magnum.domain.plain_text import one_line

LOG = logging.getLogger(__name__)


class CloudError(Exception):
    """A call to a service of the cloud did not do what was asked.

    :param service: service type of the catalogue, ``orchestration``.
    :param reason: the service's own words; never holds a secret.
    """

    def __init__(self, service: str, reason: str, status: int | None = None):
        super().__init__(f'{service}: {reason}')
        self.service = service
        self.reason = reason
        self.status = status


class CloudUnavailable(CloudError):
    """No answer, or one that says "not now" (5xx, 408, 429, a fault of Heat's own)."""


class CloudRefused(CloudError):
    """The service will not do it, however often it is asked."""


class CloudNotFound(CloudRefused):
    """404: what was named is not there."""


class CloudConflict(CloudRefused):
    """409: it is there already, or is busy."""


class CloudForbidden(CloudRefused):
    """403: the credentials do not allow it (any more)."""


class Unauthenticated(CloudForbidden):
    """401: the credentials themselves are not accepted."""


_BY_STATUS: Final = {
    401: Unauthenticated,
    403: CloudForbidden,
    404: CloudNotFound,
    408: CloudUnavailable,
    409: CloudConflict,
    429: CloudUnavailable,
}


def _status_of(error: Exception) -> int | None:
    """The HTTP status that a client library's exception carries, if any."""
    for attribute in ('status_code', 'http_status', 'code'):
        value = getattr(error, attribute, None)
        if isinstance(value, int) and 100 <= value < 600:
            return value
    return None


def _is_fault_of_heat(error: Exception) -> bool:
    """Whether Heat stumbled, whatever status it answered with.

    Heat answers 400 to every AttributeError and ValueError of its own, say
    when it is told to delete a stack that it is just forgetting; only what it
    means to refuse has a message.
    """
    said = getattr(error, 'error', None)
    body = said.get('error') if isinstance(said, dict) else None
    return isinstance(body, dict) and 'message' not in body


def _words_of(error: Exception) -> str:
    """What the service said; Octavia's words are where keystoneauth does not look."""
    try:
        said = error.response.json()['faultstring']  # type: ignore[attr-defined]
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(error)
    return f'{said} ({type(error).__name__})'


def translated(service: str, error: Exception) -> CloudError | None:
    """Translate a client library's exception; None for what no service said."""
    status = _status_of(error)
    if status is not None:
        own_fault = status >= 500 or _is_fault_of_heat(error)
        kind = _BY_STATUS.get(status, CloudUnavailable if own_fault else CloudRefused)
        return kind(service, one_line(_words_of(error)), status)
    if isinstance(
        error, (keystoneauth_exceptions.ClientException, requests.RequestException, OSError)
    ):
        return CloudUnavailable(service, one_line(str(error)))
    return None


@contextlib.contextmanager
def calling(service: str, action: str) -> Iterator[None]:
    """Context of a call to the cloud: translates errors, passes failpoints.

    :param service: service type of the catalogue.
    :param action: names the call for failpoints, ``orchestration.create_stack``.
    """
    point = f'{service}.{action}'
    failpoints.reach(f'before:{point}')
    LOG.debug('Calling %s', point)
    try:
        yield
    except CloudError:
        raise
    except Exception as error:
        ours = translated(service, error)
        if ours is None:
            raise
        raise ours from error
    failpoints.reach(f'after:{point}')
