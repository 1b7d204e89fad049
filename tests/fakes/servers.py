"""Nova's servers in memory, as ``magnum.clients.servers.Servers`` shows them."""

import dataclasses
import datetime
import itertools
from typing import Any

from magnum.clients.errors import CloudError
from magnum.clients.servers import Server

#: Whom servers belong to where a test does not say otherwise.
OWNER = 'bay-user'


@dataclasses.dataclass
class FakeServers:
    """The servers that tests made; ``asked`` has the name of every look-up."""

    servers: list[tuple[str, str, Server]] = dataclasses.field(default_factory=list)
    outputs: dict[str, Any] = dataclasses.field(default_factory=dict)
    asked: list[str] = dataclasses.field(default_factory=list)
    fault: CloudError | None = None
    numbers: Any = dataclasses.field(default_factory=lambda: itertools.count(1))

    def boot(
        self,
        name: str,
        project_id: str,
        owner: str = OWNER,
        addresses: tuple[str, ...] = ('10.0.0.5',),
        made: datetime.datetime | None = None,
    ) -> str:
        """Make a server; one of the same name that there is stays."""
        number = next(self.numbers)
        made = made or datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=number)
        server = Server(
            f'server-{number}', owner, made.strftime('%Y-%m-%dT%H:%M:%SZ'), addresses
        )
        self.servers.append((name, project_id, server))
        return server.id

    def named(self, name: str, project_id: str) -> list[Server]:
        self.asked.append(name)
        if self.fault is not None:
            raise self.fault
        found = [one for of, project, one in self.servers if (of, project) == (name, project_id)]
        return sorted(found, key=lambda server: (server.created, server.id), reverse=True)

    def stack_output(self, stack_name: str, stack_id: str, output: str) -> Any:
        self.asked.append(f'{stack_name}.{output}')
        return self.outputs.get(output)


class NoWakeUp:
    """Counts hints to conductors."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self) -> None:
        self.sent += 1
