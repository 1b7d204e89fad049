"""One request as its handler sees it, and what the handler answers."""

import dataclasses
import functools
import json
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, Final

import webob
from oslo_config import cfg
from oslo_middleware import opts
from sqlalchemy import orm

from magnum.api import errors
from magnum.api.http.conditional import Precondition
from magnum.api.http.context import Caller
from magnum.api.http.sse import Stream
from magnum.api.types.scalars import Boolean

_BOOLEAN: Final = Boolean()
_JSON: Final = frozenset({'', 'application/json', 'application/octet-stream'})
_FORM: Final = 'application/x-www-form-urlencoded'
#: Most objects and arrays inside of each other in a body; documents need four.
_MAX_DEPTH: Final = 16
_FORMS: Final = frozenset({_FORM, 'multipart/form-data'})


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the client gets; a document of None is no body at all.

    ``stream`` is a body that goes on; then there is no document.
    """

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stream: Stream | None = None


#: Writes an answer down in a transaction.
Promise = Callable[[orm.Session, Answer], None]


@dataclasses.dataclass(frozen=True)
class Call:
    """One request.

    ``route`` is the method and the path of the route, ``arguments`` are what
    the braces of the path matched; ``query``
    holds the query arguments, all of them known to the route; ``base`` is the
    application's URL without a slash at its end. A body has ``max_body`` bytes
    at most. ``promise`` is what a POST with an Idempotency-Key writes its
    answer down with.
    """

    request: webob.Request
    caller: Caller
    version: int
    route: tuple[str, str]
    arguments: tuple[str, ...]
    query: Mapping[str, str]
    base: str
    max_body: int
    promise: Promise | None = None

    @property
    def precondition(self) -> Precondition:
        """What has to hold of a thing before it is changed."""
        return Precondition.of(self.request)

    def flag(self, argument: str) -> bool:
        """A boolean query argument; false when it is not given.

        :raises APIError: 400.
        """
        value = self.query.get(argument)
        if value is None:
            return False
        try:
            if not value:
                raise ValueError('Value should be a boolean')
            return bool(_BOOLEAN.validate(value))
        except ValueError as error:
            raise errors.invalid_argument(argument, value, str(error)) from None

    def promising(self, promise: Promise) -> 'Call':
        """The same call, whose answer is to be kept."""
        promising = dataclasses.replace(self, promise=promise)
        # The body can be read once only.
        vars(promising)['text'] = self.text
        return promising

    def keep(self, session: orm.Session, answer: Answer) -> Answer:
        """Write the answer down, in the transaction of what it tells of.

        Every POST does so: a repeated Idempotency-Key gets the same answer.
        """
        if self.promise is not None:
            self.promise(session, answer)
        return answer

    def body(self, argument: str, optional: bool = False) -> Any:
        """The JSON value of the request's body.

        :param argument: what messages call it.
        :param optional: an empty body is None.
        :raises APIError: 415, or 400 for what is no JSON.
        """
        given: str = self.request.environ.get('CONTENT_TYPE', '')
        content_type = given.partition(';')[0].strip().lower()
        if content_type in _FORMS:
            raise _unknown_argument(self._form_names(content_type) or argument)
        if content_type not in _JSON:
            raise errors.APIError(
                errors.requests.UNSUPPORTED_MEDIA_TYPE,
                f'Media type {content_type} is not supported',
            )
        text = self.text
        if not text and optional:
            return None
        if not text:
            raise errors.APIError(errors.requests.BAD_REQUEST, f'Missing argument: "{argument}"')
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
            _check_depth(text, value)
        except (ValueError, RecursionError):
            raise errors.APIError(
                errors.requests.BAD_REQUEST, 'Request is not in valid JSON format'
            ) from None
        return value

    @functools.cached_property
    def text(self) -> bytes:
        """The request's body as it came.

        :raises APIError: 413.
        """
        request = self.request
        if not request.is_body_readable:
            return b''
        if (request.content_length or 0) > self.max_body:
            raise self._too_large()
        # Not ``body``: that puts a large one into a temporary file.
        text: bytes = request.body_file.read(self.max_body + 1)
        if len(text) > self.max_body:
            raise self._too_large()
        return text

    def _too_large(self) -> errors.APIError:
        return errors.APIError(
            errors.requests.TOO_LARGE, f'The body is longer than {self.max_body} bytes.'
        )

    def _form_names(self, content_type: str) -> str:
        """What a plain form holds."""
        if content_type != _FORM:
            return ''
        text = self.text.decode('utf-8', 'replace')
        return ', '.join(name for name, _ in urllib.parse.parse_qsl(text))


def body_limit(conf: cfg.ConfigOpts) -> int:
    """The most bytes that a request's body may have."""
    for group, options in opts.list_opts_sizelimit():
        conf.register_opts(options, group)
    limit: int = conf.oslo_middleware.max_request_body_size
    return limit


def _refuse_constant(name: str) -> None:
    """Of NaN and the like: Python reads them, and JSON has none."""
    raise ValueError(name)


def _check_depth(text: bytes, value: object) -> None:
    """Refuse what is nested so deep that other code may fail on it by recursion.

    :raises APIError: 400.
    """
    if text.count(b'[') + text.count(b'{') <= _MAX_DEPTH:
        return
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [
            inside
            for outside in level
            if isinstance(outside, dict | list)
            for inside in (outside.values() if isinstance(outside, dict) else outside)
        ]
    if level:
        raise errors.APIError(
            errors.requests.BAD_REQUEST, f'Request is nested more than {_MAX_DEPTH} deep.'
        )


def query_of(request: webob.Request, known: Mapping[str, int], version: int) -> dict[str, str]:
    """The query arguments of a request.

    :param known: of the route, each with the microversion that brought it.

    :raises APIError: 400, for one that the route does not know or has twice.
    """
    if not request.environ.get('QUERY_STRING'):
        return {}
    try:
        pairs = list(request.GET.items())
    except UnicodeDecodeError:
        raise errors.APIError(errors.requests.BAD_REQUEST, 'The query is not in UTF-8') from None
    unknown = [name for name, _ in pairs if known.get(name, version + 1) > version]
    if unknown:
        raise _unknown_argument(', '.join(unknown))
    query = dict(pairs)
    if len(query) != len(pairs):
        raise errors.APIError(
            errors.requests.BAD_REQUEST, 'A query argument is given more than once'
        )
    return query


def _unknown_argument(names: str) -> errors.APIError:
    return errors.APIError(
        errors.requests.UNKNOWN_ARGUMENT, f'Unknown argument: "{names}"',
        source=errors.parameter(names),
    )
