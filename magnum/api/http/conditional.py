"""Conditional requests: ETag, If-Match, If-None-Match.

The tag of a thing is its generation, which rises with every change.
"""

import dataclasses
from typing import Any, Final, Self

import webob

from magnum.api import errors

_ANY: Final = '*'


def etag(generation: int) -> dict[str, str]:
    """The header of an answer that shows a thing."""
    return {'ETag': f'"{generation}"'}


@dataclasses.dataclass(frozen=True)
class Precondition:
    """The tags that If-Match allows; None without such a header."""

    allowed: frozenset[str] | None

    @classmethod
    def of(cls, request: webob.Request) -> Self:
        """What a request asks for."""
        header: str | None = request.headers.get('If-Match')
        if header is None:
            return cls(None)
        # A weak tag never matches here: it stays what it is, with its W/.
        return cls(frozenset(tag.strip() for tag in header.split(',')))

    def check(self, generation: Any) -> None:
        """Stop unless the thing is one that the client has seen.

        :raises APIError: 412.
        """
        if self.allowed is None or _ANY in self.allowed or f'"{generation}"' in self.allowed:
            return
        raise errors.APIError(
            errors.requests.PRECONDITION_FAILED,
            f'It was changed since: its ETag is now "{generation}".',
            headers=etag(generation),
            source=errors.header('If-Match'),
        )


def is_unchanged(request: webob.Request, tag: str | None) -> bool:
    """Whether a client has the very document that it asks for."""
    known: str | None = request.headers.get('If-None-Match')
    if known is None or tag is None:
        return False
    return tag in {one.strip().removeprefix('W/') for one in known.split(',')}
