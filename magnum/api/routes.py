"""Every route of the API, and how a path finds its one.

A path whose first segment is not ``v1`` is served as if it were; a trailing
slash makes no difference but where a route says so. What is not here is a
404; what is here with other methods only is a 405.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

PAGING: Final = frozenset({'marker', 'limit', 'sort_key', 'sort_dir'})
NO_QUERY: Final[frozenset[str]] = frozenset()
ROLLBACK: Final = frozenset({'rollback'})
CA_TYPE: Final = frozenset({'ca_cert_type'})


@dataclasses.dataclass(frozen=True)
class Route:
    """``handler`` is ``<controller>.<method>``; ``query`` what may follow the ``?``."""

    method: str
    path: str
    handler: str
    query: frozenset[str] = NO_QUERY
    trailing_slash: bool = True

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments; those in braces match anything."""
        return tuple(part for part in self.path.split('/') if part)


ROUTES: Final = (
    Route('GET', '/', 'root.versions'),
    Route('GET', '/v1', 'root.version'),

    Route('GET', '/v1/baymodels', 'baymodels.list', PAGING),
    Route('GET', '/v1/baymodels/detail', 'baymodels.detail', PAGING, trailing_slash=False),
    Route('POST', '/v1/baymodels', 'baymodels.create'),
    Route('GET', '/v1/baymodels/{ident}', 'baymodels.get'),
    Route('PATCH', '/v1/baymodels/{ident}', 'baymodels.update'),
    Route('DELETE', '/v1/baymodels/{ident}', 'baymodels.delete'),

    Route('GET', '/v1/clustertemplates', 'clustertemplates.list', PAGING),
    Route('GET', '/v1/clustertemplates/detail', 'clustertemplates.detail', PAGING,
          trailing_slash=False),
    Route('POST', '/v1/clustertemplates', 'clustertemplates.create'),
    Route('GET', '/v1/clustertemplates/{ident}', 'clustertemplates.get'),
    Route('PATCH', '/v1/clustertemplates/{ident}', 'clustertemplates.update'),
    Route('DELETE', '/v1/clustertemplates/{ident}', 'clustertemplates.delete'),

    Route('GET', '/v1/bays', 'bays.list', PAGING),
    Route('GET', '/v1/bays/detail', 'bays.detail', PAGING, trailing_slash=False),
    Route('POST', '/v1/bays', 'bays.create'),
    Route('GET', '/v1/bays/{ident}', 'bays.get'),
    Route('PATCH', '/v1/bays/{ident}', 'bays.update', ROLLBACK),
    Route('DELETE', '/v1/bays/{ident}', 'bays.delete'),

    Route('GET', '/v1/clusters', 'clusters.list', PAGING),
    Route('GET', '/v1/clusters/detail', 'clusters.detail', PAGING, trailing_slash=False),
    Route('POST', '/v1/clusters', 'clusters.create'),
    Route('GET', '/v1/clusters/{ident}', 'clusters.get'),
    Route('PATCH', '/v1/clusters/{ident}', 'clusters.update', ROLLBACK),
    Route('DELETE', '/v1/clusters/{ident}', 'clusters.delete'),

    Route('GET', '/v1/certificates/{bay}', 'certificates.get', CA_TYPE),
    Route('GET', '/v1/certificates/{bay}/{ca_cert_type}', 'certificates.get', CA_TYPE),
    Route('POST', '/v1/certificates', 'certificates.create'),
)

VERSION_PREFIX: Final = 'v1'


def collections() -> Iterator[str]:
    """Names of the collections, as the version document lists them."""
    return iter(dict.fromkeys(r.segments[1] for r in ROUTES if len(r.segments) > 1))


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
    """Finds the routes of a path."""

    def __init__(self, routes: Iterable[Route] = ROUTES):
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
        found = _descend(self._root, segments)
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


def _descend(node: _Node, segments: Sequence[str]) -> Match | None:
    arguments = []
    for segment in segments:
        literal = node.literal.get(segment)
        if literal is not None:
            node = literal
        elif node.wildcard is not None and segment:
            node = node.wildcard
            arguments.append(segment)
        else:
            return None
    return Match(node.methods, tuple(arguments))
