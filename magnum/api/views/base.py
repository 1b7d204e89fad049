"""Documents straight from rows.

A view knows which columns to select for one dialect, and zips each row with
the members' names; only the few members that are no column are computed.
"""

import collections
import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import orm

from magnum.api.dialects import Dialect
from magnum.api.types.fields import ResourceType, Shown
from magnum.api.types.scalars import timestamp
from magnum.api.views.members import Document
from magnum.db.repositories import baymodels, bays
from magnum.db.selections import Row
from magnum.domain import addresses, labels, states
from magnum.drivers.contract import MASTER

_TIMES: Final = ('created_at', 'updated_at')
_NODEGROUP: Final = bays.NODEGROUP.c
_ADDRESSES: Final = (_NODEGROUP.bay_uuid, _NODEGROUP.role, _NODEGROUP.node_addresses)
_FAULTS: Final = (*_ADDRESSES, _NODEGROUP.name, _NODEGROUP.status, _NODEGROUP.status_reason)


def links(base: str, dialect: Dialect, uuid: str) -> list[dict[str, str]]:
    """Where an item is to be found."""
    return [
        {'href': f'{base}/v1/{dialect.collection}/{uuid}', 'rel': 'self'},
        {'href': f'{base}/{dialect.collection}/{uuid}', 'rel': 'bookmark'},
    ]


def label_differences(own: Mapping[str, str], base: Mapping[str, str]) -> Document:
    """Members that compare labels with those of a baymodel or a bay."""
    found = labels.compare(own, base)
    return {
        'labels_overridden': found.overridden,
        'labels_added': found.added,
        'labels_skipped': found.skipped,
    }


class View:
    """How rows of one table become documents of one dialect.

    :param attributes: those that the view shows, ``uuid`` among them.
    :param extra: what is selected beside them, for ``_complete`` to use.
    """

    def __init__(
        self,
        dialect: Dialect,
        table: sa.Table,
        attributes: Sequence[str],
        extra: Sequence[sa.ColumnElement[Any]] = (),
    ):
        stored = [attribute for attribute in attributes if attribute in table.c]
        self.dialect = dialect
        self.attributes = frozenset(attributes)
        self._members = [dialect.member(attribute) for attribute in stored]
        #: Names of all members of the documents.
        self.members = frozenset(map(dialect.member, attributes))
        self._times = [dialect.member(name) for name in _TIMES if name in self.attributes]
        #: What to select; zipping leaves what is behind the members out.
        self.columns: tuple[sa.ColumnElement[Any], ...] = (
            *(table.c[attribute] for attribute in stored),
            table.c.project_id.label('owner'),
            table.c.generation,
            *extra,
        )

    def documents(
        self, session: orm.Session, rows: Sequence[Row], base: str
    ) -> list[Document]:
        """The documents of rows that were selected with ``columns``."""
        return [self._document(row, base) for row in rows]

    def _document(self, row: Row, base: str) -> Document:
        document = dict(zip(self._members, row, strict=False))
        for member in self._times:
            value: datetime.datetime | None = document[member]
            document[member] = timestamp(value)
        document['links'] = links(base, self.dialect, document['uuid'])
        return document


class BaymodelView(View):
    """Baymodels; list and full view are the same."""

    def __init__(self, resource: ResourceType):
        super().__init__(resource.dialect, baymodels.TABLE, resource.view(Shown.IN_FULL))
        dialect = resource.dialect
        self._proxies = [dialect.member(name) for name in ('http_proxy', 'https_proxy')]

    def _document(self, row: Row, base: str) -> Document:
        document = super()._document(row, base)
        # Of baymodels that were made before they were refused.
        for member in self._proxies:
            address = document[member]
            if address and '@' in address:
                document[member] = addresses.without_credentials(address)
        return document


@dataclasses.dataclass
class _Nodes:
    """What a bay shows of its node groups, beside their counts."""

    master_addresses: list[str] = dataclasses.field(default_factory=list)
    node_addresses: list[str] = dataclasses.field(default_factory=list)
    faults: dict[str, str] = dataclasses.field(default_factory=dict)


class BayView(View):
    """Bays, with what is summed up from their node groups.

    One that is asked for by itself also has its faults, and (in its row) what
    its labels come from.
    """

    def __init__(self, resource: ResourceType, shown: Shown):
        dialect, is_one = resource.dialect, shown is Shown.ALONE
        attributes = resource.view(max(shown, Shown.IN_FULL))
        self._compares_labels = 'labels_added' in attributes
        self._has_addresses = 'node_addresses' in attributes
        self._with_faults = is_one
        self._faults = dialect.member('faults')
        self._group_columns = _FAULTS if is_one else _ADDRESSES
        extra: list[sa.ColumnElement[Any]] = [bays.MASTER_COUNT, bays.NODE_COUNT]
        if is_one or self._compares_labels:
            extra.append(bays.BAYMODEL_LABELS)
        if is_one:
            extra += [
                bays.TABLE.c.driver, bays.TABLE.c.presets, bays.BAYMODEL_NETWORK_DRIVER,
            ]
        super().__init__(dialect, bays.TABLE, attributes, extra)

    def documents(
        self, session: orm.Session, rows: Sequence[Row], base: str
    ) -> list[Document]:
        """The documents of a page: at most one more statement, however many bays."""
        nodes = self._nodes(session, rows)
        documents = []
        for row in rows:
            document = self._document(row, base)
            self._complete(document, row, nodes[row.uuid])
            documents.append(document)
        return documents

    def _nodes(self, session: orm.Session, rows: Sequence[Row]) -> Mapping[str, _Nodes]:
        by_bay: dict[str, _Nodes] = collections.defaultdict(_Nodes)
        if not self._has_addresses:
            return by_bay
        uuids = [row.uuid for row in rows]
        for group in bays.nodegroups(session, self._group_columns, uuids):
            nodes = by_bay[group.bay_uuid]
            is_master = group.role == MASTER
            addresses = nodes.master_addresses if is_master else nodes.node_addresses
            addresses.extend(group.node_addresses)
            if self._with_faults and states.is_failed(group.status):
                nodes.faults[group.name] = group.status_reason or ''
        return by_bay

    def _complete(self, document: Document, row: Row, nodes: _Nodes) -> None:
        """Add the members that are no column of the bay."""
        document['master_count'] = row.master_count
        document['node_count'] = row.node_count
        if 'merge_labels' in self.attributes:
            document['merge_labels'] = False
        if self._has_addresses:
            document['master_addresses'] = nodes.master_addresses
            document['node_addresses'] = nodes.node_addresses
        if 'reason' in self.attributes:
            document['reason'] = document['status_reason']
        if self._compares_labels:
            document |= label_differences(row.labels, row.baymodel_labels)
        if self._with_faults and states.is_failed(row.status):
            document[self._faults] = nodes.faults
