"""Errors as the user sees them: the service's own words, and what to do.

All of them are errors of a command: OpenStackClient prints them and ends with
exit code 1, without a traceback.
"""

from collections.abc import Mapping
from typing import Any

import requests
from osc_lib import exceptions

from osc_magnum import advice

_LONGEST = 2000  # characters of an answer that is no document of the service

Document = Mapping[str, Any]


class ServiceError(exceptions.CommandError):
    """The service refused a request.

    :ivar status: of HTTP.
    :ivar code: of the service's closed list; empty where a proxy answered.
    :ivar retry_after: seconds after which the request may be sent again, if told.
    :ivar options: of the command: names of options by the members that they give.
    """

    def __init__(self, answer: requests.Response):
        self.status = answer.status_code
        document = _first_error(answer)
        self.code = str(document.get('code') or '')
        self.retry_after = _seconds(answer.headers.get('Retry-After'))
        self.options: Mapping[str, str] = {}
        self._source = document.get('source') or {}
        self._todo = advice.for_refusal(self.status, self.code, answer.headers)
        self._request_id = document.get('request_id')
        said = str(document.get('detail') or document.get('title') or '').strip()
        said = said or f'{self.status} {answer.reason} from {answer.url}'
        super().__init__(f'{said} (HTTP {self.status}{f", {self.code}" if self.code else ""})')

    def __str__(self) -> str:
        lines = [super().__str__()]
        option = advice.option(self._source, self.options)
        if option:
            lines.append(f'Option: {option}')
        if self._todo:
            lines.append(f'What to do: {self._todo}')
        if self._request_id:
            lines.append(f'Request: {self._request_id}')
        return '\n'.join(lines)


class Unreachable(exceptions.CommandError):
    """The service does not answer."""

    def __init__(self, error: Exception):
        super().__init__(
            f'{error}\nWhat to do: see whether the address is right (openstack catalog show '
            'container-infra), and ask the operator whether the service runs.'
        )


def pause(error: ServiceError | Unreachable, otherwise: float) -> float:
    """Seconds after which a request is sent again that met a service in trouble.

    :param otherwise: where the service does not say it.
    :raises ServiceError: the request was refused, and would be again.
    """
    if isinstance(error, Unreachable):
        return otherwise
    if error.status < 500:
        raise error
    return error.retry_after or otherwise


class ForeignContext(exceptions.CommandError):
    """A context of a native client that is not of the bay is in the way.

    :param holder: what has it: a program, or a file.
    """

    def __init__(self, holder: object, context: str):
        super().__init__(
            f'{holder} has a context {context} that is not of this bay.\n'
            'What to do: choose another name with --context, or --replace that one.'
        )


class UnknownProject(exceptions.CommandError):
    """The project that the user means cannot be found out.

    :param option: by which the user gives it.
    """

    def __init__(self, reason: str, option: str, todo: str):
        super().__init__(f'{reason}\nOption: {option}\nWhat to do: {todo}')


class OperationFailed(exceptions.CommandError):
    """An operation failed, or was cancelled.

    :ivar operation: its document.
    """

    def __init__(self, operation: Document):
        self.operation = operation
        super().__init__('\n'.join(advice.of_failure(operation)))


def _first_error(answer: requests.Response) -> Document:
    """The error of an answer; of Keystone's middleware, too."""
    try:
        document = answer.json()
    except ValueError:
        return {'detail': answer.text.strip()[:_LONGEST] if _is_text(answer) else ''}
    if not isinstance(document, dict):
        return {}
    listed = document.get('errors')
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return listed[0]
    single = document.get('error')
    if isinstance(single, dict):
        return {'detail': single.get('message') or ''}
    return {}


def _is_text(answer: requests.Response) -> bool:
    return str(answer.headers.get('Content-Type') or '').startswith('text/plain')


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
