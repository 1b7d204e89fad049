"""Routes, and how a path finds its one.

A path whose first segment is not ``v1`` is served as if it were; a trailing
slash makes no difference but where a route says so. What is not in the table
is a 404; what is there with other methods only is a 405.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from magnum.api import versions
from magnum.api.dialects import Dialect

#: Query argument -> microversion from which it is known.
Query = Mapping[str, int]

VERSION_PREFIX: Final = 'v1'


class Auth(enum.Enum):
    """What a request has to show before its route answers."""

    NONE = 'nothing'
    KEYSTONE = "a token of Keystone's"
    NODE_TOKEN = 'the token that a node is built with'  # noqa: S105 - a name
    NODE_KEY = 'a signing request made with the key that a node showed first'
    NODE_SIGNATURE = 'a signature by the key that a node registered'


@dataclasses.dataclass(frozen=True, eq=False)
class Resource:
    """What handlers of some routes are methods of.

    ``controller`` makes the object from the services and from ``dialects``;
    ``name`` is that of the resource in documents.
    """

    name: str
    controller: Callable[..., Any]
    dialects: tuple[Dialect, ...] = ()

    def handler(self, method: Callable[..., Any]) -> 'Handler':
        """One of its methods, as a handler."""
        return Handler(self, method)


@dataclasses.dataclass(frozen=True, eq=False)
class Handler:
    """A method of a resource's controller."""

    resource: Resource
    method: Callable[..., Any]

    @property
    def name(self) -> str:
        """``<resource>.<method>``."""
        return f'{self.resource.name}.{self.method.__name__}'


@dataclasses.dataclass(frozen=True, eq=False)
class Route:
    """``query`` says what may follow the ``?``.

    ``since`` is the microversion from which the route answers; one that
    ``answers_unasked`` also answers a request that names no version at all.
    One that ``streams`` does so for clients that accept ``text/event-stream``.
    ``rules`` are policy rules; whoever has none of them, whatever it is about,
    is refused before the request's body and arguments are looked at.
    """

    method: str
    path: str
    handler: Handler
    query: Query = dataclasses.field(default_factory=dict)
    trailing_slash: bool = True
    since: int = versions.MINIMUM
    answers_unasked: bool = False
    streams: bool = False
    rules: tuple[str, ...] = ()
    auth: Auth = Auth.KEYSTONE

    def answers(self, negotiated: versions.Negotiated) -> bool:
        """Whether the route is there at the version of a request."""
        if negotiated.number >= self.since:
            return True
        return self.answers_unasked and not negotiated.asked

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments; those in braces match anything."""
        return tuple(part for part in self.path.split('/') if part)


@dataclasses.dataclass
class _Node:
    """One place in the tree of paths."""

    literal: 'dict[str, _Node]' = dataclasses.field(default_factory=dict)
    wildcard: '_Node | None' = None
    methods: dict[str, Route] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Match:
    """A path that exists: its routes by method, and what its braces matched."""

    methods: dict[str, Route]
    arguments: tuple[str, ...]


class Router:
    """Finds the routes of a path.

    :param allows_empty: whether an empty segment matches braces.
    """

    def __init__(self, routes: Iterable[Route], allows_empty: bool = False):
        self._allows_empty = allows_empty
        self._root = _Node()
        for route in routes:
            node = self._root
            for segment in route.segments:
                node = _child(node, segment)
            node.methods[route.method] = route

    def match(self, path: str) -> Match | None:
        """The routes of a path; None when there is no such path.

        :param path: decoded, beginning with a slash.
        """
        segments = path.split('/')[1:]
        slash = segments[-1] == ''
        if slash:
            del segments[-1]
        if segments and segments[0] != VERSION_PREFIX:
            segments.insert(0, VERSION_PREFIX)
        found = _descend(self._root, segments, self._allows_empty)
        if found is None or not found.methods:
            return None
        if slash and not all(route.trailing_slash for route in found.methods.values()):
            return None
        return found


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith('{'):
        return node.literal.setdefault(segment, _Node())
    if node.wildcard is None:
        node.wildcard = _Node()
    return node.wildcard


def _descend(node: _Node, segments: Sequence[str], allows_empty: bool) -> Match | None:
    arguments = []
    for segment in segments:
        literal = node.literal.get(segment)
        if literal is not None:
            node = literal
        elif node.wildcard is not None and (segment or allows_empty):
            node = node.wildcard
            arguments.append(segment)
        else:
            return None
    return Match(node.methods, tuple(arguments))
