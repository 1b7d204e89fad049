"""Documents of drivers: their names, and what they are capable of."""

import operator
from typing import Final

from magnum.api.dialects import DRIVERS
from magnum.api.types.schemas import BOOLEAN, LINKS, STRING, TEXTS, Schema
from magnum.api.views.base import links
from magnum.api.views.members import Document, DocumentType, Member, computed
from magnum.domain import baymodels
from magnum.drivers.contract import Driver


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
)


def document(shown: DocumentType, driver: Driver, base: str) -> Document:
    """The document of one driver."""
    return shown.document(driver, links=links(base, DRIVERS, driver.name))
