"""Documents of node groups, straight from their rows."""

from magnum.api.dialects import NODEGROUPS, Dialect
from magnum.api.types import nodegroups as types
from magnum.api.types.fields import Shown
from magnum.api.views.base import View, label_differences
from magnum.api.views.members import Document
from magnum.db.repositories import nodegroups
from magnum.db.selections import Row


class NodegroupView(View):
    """Node groups below one of the two names of their bay."""

    def __init__(self, bay_dialect: Dialect, shown: Shown):
        attributes = types.TYPE.view(shown)
        self._collection = bay_dialect.collection
        self._compares_labels = 'labels_added' in attributes
        extra = [nodegroups.TABLE.c.bay_uuid.label('in_bay')]
        if self._compares_labels:
            extra.append(nodegroups.BAY_LABELS)
        super().__init__(NODEGROUPS, nodegroups.TABLE, attributes, extra)

    def _document(self, row: Row, base: str) -> Document:
        document = super()._document(row, base)
        path = f'{self._collection}/{row.in_bay}/{NODEGROUPS.collection}/{row.uuid}'
        document['links'] = [
            {'href': f'{base}/v1/{path}', 'rel': 'self'},
            {'href': f'{base}/{path}', 'rel': 'bookmark'},
        ]
        document['merge_labels'] = False
        if self._compares_labels:
            document |= label_differences(row.labels, row.bay_labels)
        return document
