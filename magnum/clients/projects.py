"""Keystone, as the service's own account: existence of projects."""

import urllib.parse
from typing import Any, Final

from keystoneauth1 import adapter
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
        api = adapter.Adapter(
            self._sessions.service,
            service_type=SERVICE,
            interface=self._sessions.interface,
            region_name=self._sessions.region_name,
            min_version='3',
            max_version='3.latest',
        )
        try:
            with calling(SERVICE, 'get_project'):
                path = f'/projects/{urllib.parse.quote(project_id, safe="")}'
                found: dict[str, Any] = api.get(path).json()
        except CloudNotFound:
            return False
        # An id like ".." leads elsewhere.
        return bool(found.get('project', {}).get('id') == project_id)
