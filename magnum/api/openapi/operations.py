"""How a route's body and answers are declared."""

import dataclasses
from collections.abc import Iterator
from typing import Final

from magnum.api import versions
from magnum.api.dialects import Dialect

JSON: Final = 'application/json'
PEM: Final = 'application/x-pem-file'
STREAM: Final = 'text/event-stream'

#: Components that more than one resource answers with.
ACCEPTED: Final = 'Accepted'


@dataclasses.dataclass(frozen=True)
class Reply:
    """One way in which a request succeeds.

    ``schema`` names the component of the body; '' for none. A header is always
    there, unless it ends in ``?``. ``since`` and ``until`` are microversions.
    """

    status: int
    schema: str = ''
    headers: tuple[str, ...] = ()
    since: int = versions.MINIMUM
    until: int = versions.MAXIMUM
    media_type: str = JSON


@dataclasses.dataclass(frozen=True)
class Operation:
    """What a handler takes and gives.

    :param tag: the resource, as the reference sorts by it.
    :param body: component of the request's body; '' where none is read.
    :param tagged: the thing has an ETag, which the request may be bound to.
    """

    tag: str
    summary: str
    replies: tuple[Reply, ...]
    body: str = ''
    tagged: bool = False


def component(dialect: Dialect) -> str:
    """What components of a dialect are called: titles, old ones with their last version."""
    if dialect.changes_with is None:
        return dialect.title
    return f'{dialect.title}Until1_{dialect.changes_with - 1}'


def spoken(dialect: Dialect) -> Iterator[tuple[str, int, int]]:
    """Component, first and last microversion of each version of a dialect."""
    since = versions.MINIMUM
    for one in dialect.spoken():
        until = one.changes_with - 1 if one.changes_with else versions.MAXIMUM
        yield component(one), since, until
        since = until + 1
