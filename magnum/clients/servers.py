"""Nova and Heat, as the service's own account: what a node of a bay is.

Asked by the API when a node shows its key for the first time. Plain requests,
because heatclient costs every API process its memory for one path.
"""

import dataclasses
import urllib.parse
from typing import Any, Final

from oslo_config import cfg

from magnum.clients.errors import CloudNotFound, calling
from magnum.clients.sessions import Sessions

#: Statuses of servers that nothing boots in, or that are being removed.
_NOT_THERE: Final = frozenset({'DELETED', 'SOFT_DELETED', 'ERROR'})


@dataclasses.dataclass(frozen=True)
class Server:
    """A server as Nova shows it to administrators.

    ``user_id`` is whoever made it, ``created`` an ISO 8601 time of Nova's.
    """

    id: str
    user_id: str
    created: str
    addresses: tuple[str, ...]


class Servers:
    """Look-ups with the service's token; made once per process, asks nothing before."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions | None = None):
        self._sessions = sessions or Sessions(conf)
        self._timeout: int = conf.api.lookup_timeout

    def named(self, name: str, project_id: str) -> list[Server]:
        """Servers of this very name in a project, the newest first.

        Without those that have no addresses (yet) or that nothing boots in.

        :raises CloudError: Nova refused, or did not answer.
        """
        query = {
            # Nova takes the name for a regular expression; names are compared below.
            'name': f'^{name}$',
            'project_id': project_id,
            'all_tenants': '1',
        }
        with calling('compute', 'list_servers'):
            shown = self._sessions.api('compute').get(
                '/servers/detail', params=query, timeout=self._timeout
            ).json()['servers']
        servers = [
            Server(
                one['id'], one['user_id'], one['created'],
                tuple(
                    address['addr'] for port in one['addresses'].values() for address in port
                ),
            )
            for one in shown
            if (one['name'], one['tenant_id']) == (name, project_id)
            and one['status'] not in _NOT_THERE
        ]
        found = [server for server in servers if server.addresses]
        return sorted(found, key=lambda server: (server.created, server.id), reverse=True)

    def stack_output(self, stack_name: str, stack_id: str, output: str) -> Any:
        """One output of a stack; None where it has none, or not yet.

        :raises CloudError: Heat refused, or did not answer.
        """
        parts = (stack_name, stack_id, output)
        name, identity, key = (urllib.parse.quote(part, safe='') for part in parts)
        try:
            with calling('orchestration', 'get_output'):
                shown = self._sessions.api('orchestration').get(
                    f'/stacks/{name}/{identity}/outputs/{key}', timeout=self._timeout
                ).json()
        except CloudNotFound:
            return None
        return shown['output'].get('output_value')
