"""Releases of Kubernetes that there are, and what is known of them."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from magnum.drivers import labels
from magnum.drivers.catalogue import Catalogue, CatalogueInvalid
from magnum.drivers.kubernetes import addons, admission, command_lines, downloads

LABEL: Final = 'kube_tag'


@functools.cache
def packaged() -> Catalogue:
    """The catalogue of this release of the service."""
    properties = labels.schema('kubernetes')['properties']
    return Catalogue(
        digests=downloads.known(),
        charts=addons.charts(),
        support_ends=properties[LABEL]['support_ends'],
        dropped_options={**command_lines.DROPPED, admission.LABEL: admission.DROPPED},
        defaults={
            name: rule['defaults_by'][LABEL] for name, rule in properties.items()
            if 'defaults_by' in rule
        },
    )


def check(more: Catalogue) -> None:
    """Check what extends the catalogue.

    :raises CatalogueInvalid: it has defaults of labels that go with no release.
    """
    there_are = packaged().defaults
    for name in more.defaults:
        if name not in there_are:
            raise CatalogueInvalid(
                f'defaults: {name} goes with no release, only {", ".join(there_are)}.'
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
    with_defaults = {
        name: {**properties[name], 'defaults_by': {LABEL: by_line}}
        for name, by_line in known.defaults.items()
    }
    return {**packaged_schema, 'properties': {**properties, LABEL: of_label, **with_defaults}}
