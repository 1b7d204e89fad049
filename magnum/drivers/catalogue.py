"""Catalogue of releases: digests of what nodes download, ends of support, dropped options.

A driver has its own in its folder. A file of the operator's extends it by
releases that came after this one of the service.
"""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any, Final, Self

import yaml

Digests = Mapping[str, Mapping[str, Mapping[str, str]]]

_NAME: Final = '^[a-z0-9]+(-[a-z0-9]+)*$'
_CHART: Final = '^[a-z0-9]+([.-][a-z0-9]+)*$'
_RELEASE: Final = r'^v[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*$'
_LINE: Final = r'^v[0-9]+\.[0-9]+$'
_LABEL: Final = '^[a-z_]+$'
_OPTION: Final = '^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$'
_TAG: Final = '^[A-Za-z0-9._-]+$'
_RELEASE_OF_CHART: Final = _RELEASE.replace('v', '', 1)
_DIGEST: Final = {'type': 'string', 'pattern': '^[0-9a-f]{64}$'}


def _by(names: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        'type': 'object', 'additionalProperties': False, 'patternProperties': {names: values}
    }


_SCHEMA: Final = _by(_NAME, {
    'type': 'object', 'additionalProperties': False,
    'properties': {
        'digests': _by(_NAME, _by(_RELEASE, _by('^(amd64|arm64)$', _DIGEST))),
        'charts': _by(_CHART, _by(_RELEASE_OF_CHART, _DIGEST)),
        'support_ends': _by(
            _LINE,
            {'type': 'string', 'format': 'date', 'pattern': r'^\d{4}-\d\d-\d\d$'},
        ),
        'dropped_options': _by(
            _LABEL, _by(_OPTION, {'type': 'string', 'pattern': _LINE})
        ),
        'defaults': _by(_LABEL, _by(_LINE, {'type': 'string', 'pattern': _TAG})),
    },
})


class CatalogueInvalid(Exception):
    """The operator's file is not valid; the text says where."""


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """What is known of releases.

    ``digests`` has SHA-256 by program, release and architecture, ``charts``
    that of Helm charts' archives by chart and release (without ``v``),
    ``support_ends`` by line of releases, as ``v1.35``, the day after which its
    own project mends nothing, ``dropped_options`` by label and option of a
    command line, or plugin of a list, the first line of releases whose program does not have it,
    ``defaults`` by label and line of releases the default that goes with it.
    """

    digests: Digests = dataclasses.field(default_factory=dict)
    charts: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    support_ends: Mapping[str, str] = dataclasses.field(default_factory=dict)
    dropped_options: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)

    def extended(self, more: Self) -> Self:
        """This one with another's releases, which win where both have one."""
        return dataclasses.replace(
            self,
            digests=_merged(self.digests, more.digests),
            charts=_merged(self.charts, more.charts),
            support_ends={**self.support_ends, **more.support_ends},
            dropped_options=_merged(self.dropped_options, more.dropped_options),
            defaults=_merged(self.defaults, more.defaults),
        )


def read(path: str) -> Mapping[str, Catalogue]:
    """Read a file of the operator's: catalogues by drivers' names.

    :raises CatalogueInvalid: the file cannot be read, or is not valid.
    """
    try:
        with open(path, encoding='utf-8') as file:
            found = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueInvalid(f'{path} cannot be read: {error}') from None
    document = _plain(found) or {}
    # Loaded by installations that have such a file alone.
    import jsonschema

    validator = jsonschema.Draft202012Validator(
        _SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for fault in validator.iter_errors(document):
        place = '/'.join(map(str, fault.absolute_path)) or 'the top'
        raise CatalogueInvalid(f'{path}: at {place}: {fault.message}')
    return {name: Catalogue(**parts) for name, parts in document.items()}


def _merged(
    one: Mapping[str, Mapping[str, Any]], other: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    return {name: {**one.get(name, {}), **other.get(name, {})} for name in {**one, **other}}


def _plain(value: Any) -> Any:
    """A document of YAML as JSON has it, where a date is text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value
