"""Releases of Kubernetes that there are, and what is known of them."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from magnum.drivers import labels
from magnum.drivers.catalogue import Catalogue
from magnum.drivers.kubernetes import addons, command_lines, downloads

LABEL: Final = 'kube_tag'


@functools.cache
def packaged() -> Catalogue:
    """The catalogue of this release of the service."""
    return Catalogue(
        downloads.known(),
        addons.charts(),
        labels.schema('kubernetes')['properties'][LABEL]['support_ends'],
        command_lines.DROPPED,
    )


def lines(known: Catalogue) -> tuple[str, ...]:
    """Lines of releases, as ``v1.35``, the oldest first."""
    return tuple(sorted(known.support_ends, key=downloads.minor))


def support_end(known: Catalogue, release: str) -> str | None:
    """The last day of the support of a release, as ``v1.35.1``; None if it is not known."""
    return next(
        (end for line, end in known.support_ends.items() if labels.is_of_line(release, line)), None
    )


def schema(known: Catalogue) -> Mapping[str, Any]:
    """JSON Schema of the labels, with the releases that are known."""
    packaged_schema = labels.schema('kubernetes')
    properties = packaged_schema['properties']
    of_label = {
        **properties[LABEL], 'releases': [*lines(known)], 'support_ends': known.support_ends,
    }
    return {**packaged_schema, 'properties': {**properties, LABEL: of_label}}
