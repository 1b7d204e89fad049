"""The files that nodes fetch, by their digests."""

import base64
import logging
import re
from typing import Any, Final

import webob

from magnum.api import errors
from magnum.api.bootstrap.access import Node, Parts
from magnum.db.repositories import bays, events, node_archives, operations

LOG = logging.getLogger(__name__)

#: What else is asked for has no row; PostgreSQL would refuse a null character.
_DIGEST: Final = re.compile('[0-9a-f]{64}')
#: The event of a digest that is not there.
MISSING: Final = 'bay.node.files_missing'


class FilesController:
    """What nodes are given before they are anything."""

    def __init__(self, parts: Parts):
        self._parts = parts

    def archive(
        self, request: webob.Request, request_id: str, bay: str, digest: str
    ) -> dict[str, Any]:
        """POST of a node that is built: the archive of a digest, in base64."""
        with self._parts.reading() as session:
            node = self._parts.by_token(session, bay, request)
            content = (
                node_archives.find(session, digest) if _DIGEST.fullmatch(digest) else None
            )
        if content is None:
            LOG.warning(
                '%s: a %s of bay %s asks for files that are not there: %.64s',
                request_id, node.role, node.bay.uuid, digest,
            )
            self._tell(node)
            raise errors.APIError(errors.bootstrap.UNKNOWN_FILES, 'No files have this digest.')
        LOG.info('%s: files given to a %s of bay %s', request_id, node.role, node.bay.uuid)
        return {'archive': base64.b64encode(content).decode()}

    def _tell(self, node: Node) -> None:
        """Tell the bay's user once in an operation: the node goes on to ask."""
        with self._parts.writing() as session:
            bays.hold(session, node.bay.uuid)
            operation = operations.load(session, node.operation_uuid)
            if operation is None or events.is_recorded(session, operation, MISSING):
                return
            events.record(
                session, operation, MISSING,
                f'a {node.role} waits for its scripts, which this service does not have: they '
                'are of another release of it, or its database is older than the server',
            )
