"""Keystone, as the service's own account: existence of projects."""

import urllib.parse
from typing import Any, Final

from oslo_config import cfg

from magnum.clients.errors import CloudNotFound, calling
from magnum.clients.sessions import Sessions

SERVICE: Final = 'identity'


class Projects:
    """The cloud's projects; made once per process, asks nothing before it is used."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._sessions = Sessions(conf)

    def exists(self, project_id: str) -> bool:
        """Whether there is a project of this id.

        :raises CloudError: Keystone refused, or did not answer.
        """
        api = self._sessions.api(SERVICE, '3')
        try:
            with calling(SERVICE, 'get_project'):
                path = f'/projects/{urllib.parse.quote(project_id, safe="")}'
                found: dict[str, Any] = api.get(path).json()
        except CloudNotFound:
            return False
        # An id like ".." leads elsewhere.
        return bool(found.get('project', {}).get('id') == project_id)
