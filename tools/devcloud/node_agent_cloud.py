"""What the node agent asks of Nova."""

import base64
import dataclasses
from collections.abc import Mapping

from keystoneauth1 import adapter, loading, plugin, session

_PAGE = 500
# From this microversion on Nova shows administrators the user data of servers.
_MICROVERSION = '2.3'
_USER_DATA = 'OS-EXT-SRV-ATTR:user_data'


@dataclasses.dataclass(frozen=True)
class Server:
    """A server and its user data, as the guest would see it."""

    id: str
    name: str
    user_data: bytes


class Nova:
    """Reads the servers of all projects.

    Methods raise keystoneauth's ``ClientException`` when the cloud does not
    answer.

    :param credentials: of an administrator, as keystoneauth's password plugin
        wants them (``auth_url``, ``username``, ...), and ``region_name``.
    """

    def __init__(self, credentials: Mapping[str, str]):
        options = {key: value for key, value in credentials.items() if key != 'auth_type'}
        region = options.pop('region_name', None)
        auth: plugin.BaseAuthPlugin = loading.get_plugin_loader('password').load_from_options(
            **options
        )
        self._api = adapter.Adapter(
            session.Session(auth=auth),
            service_type='compute',
            region_name=region,
            default_microversion=_MICROVERSION,
            connect_retries=0,
        )

    def active_servers(self) -> set[str]:
        """Ids of the servers that run."""
        ids: set[str] = set()
        query = {'all_tenants': '1', 'status': 'ACTIVE', 'limit': str(_PAGE)}
        while True:
            page = self._api.get('/servers', params=query).json()['servers']
            ids.update(server['id'] for server in page)
            if len(page) < _PAGE:
                return ids
            query['marker'] = page[-1]['id']

    def server(self, server_id: str) -> Server:
        """One server; one that is gone meanwhile is a ``NotFound``."""
        found = self._api.get(f'/servers/{server_id}').json()['server']
        user_data = base64.b64decode(found.get(_USER_DATA) or '')
        return Server(server_id, found['name'], user_data)
