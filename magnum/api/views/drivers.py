"""Documents of drivers: their names, and what they are capable of."""

import dataclasses
import operator
from typing import Final

from magnum.api import versions
from magnum.api.dialects import DRIVERS
from magnum.api.types.schemas import BOOLEAN, LINKS, STRING, TEXTS, Schema, closed
from magnum.api.views.base import links
from magnum.api.views.members import Document, DocumentType, Member, computed
from magnum.domain import baymodels
from magnum.drivers.contract import Driver


def _by(values: Schema) -> Schema:
    return {'type': 'object', 'additionalProperties': values}


def _capability(name: str, schema: Schema, meaning: str) -> Member:
    return Member(name, schema, meaning, of=f'capabilities.{name}')


DRIVER: Final = DocumentType(
    Member('name', STRING, 'As baymodels name it.'),
    _capability('coe', {'enum': list(baymodels.COES)}, 'What it builds.'),
    _capability('server_types', TEXTS, 'Of what servers.'),
    _capability('distros', TEXTS, 'Of images with which "os_distro".'),
    _capability('network_drivers', TEXTS, 'The first one is the default.'),
    _capability('volume_drivers', TEXTS, 'How containers get volumes.'),
    _capability('versions', TEXTS, 'Of the COE; none where the image or its packages decide.'),
    _capability('nodegroups', BOOLEAN, 'Whether bays may have further node groups.'),
    _capability('upgrades', TEXTS, 'Roles of the nodes that an upgrade can replace.'),
    computed('links', LINKS, 'Where it is to be found.'),
)
DRIVER_WITH_LABELS: Final = DocumentType(
    *DRIVER.members,
    Member(
        'labels_schema', {'type': 'object'}, 'JSON Schema of its labels.', show=operator.call
    ),
    computed(
        'catalogue',
        closed({
            'digests': _by(_by(_by(STRING))),
            'charts': _by(_by(STRING)),
            'support_ends': _by(STRING),
            'dropped_options': _by(_by(STRING)),
            'defaults': _by(_by(STRING)),
        }),
        'What is known of releases: SHA-256 by program, release and architecture, that of Helm '
        'charts by chart and release, last days of support by line of releases, and by label '
        'and option of a command line the first line of releases whose program does not have '
        'it, and by label and line the default that goes with it; from '
        f'{versions.text(versions.CATALOGUE)} on.',
        is_optional=True,
    ),
)


def document(shown: DocumentType, driver: Driver, base: str, **more: object) -> Document:
    """The document of one driver.

    :param more: optional members.
    """
    return shown.document(driver, links=links(base, DRIVERS, driver.name), **more)


def catalogue(driver: Driver) -> Document:
    """What the driver knows of releases, with those of the operator's file."""
    return dataclasses.asdict(driver.capabilities.catalogue)
