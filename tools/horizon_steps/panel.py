"""A Horizon that runs."""

import dataclasses
import pathlib
from collections.abc import Mapping

from tools.common import network, processes
from tools.common.processes import Home, Process
from tools.devcloud import settings
from tools.horizon_steps import environment

NAME = 'horizon'
_PATIENCE = 120  # seconds until the first page, on a busy machine


@dataclasses.dataclass(frozen=True)
class Panel:
    """One Horizon.

    :ivar state: the directory of its sessions, key and logs.
    :ivar port: the TCP port on which it listens.
    :ivar extra: further environment variables, which ``local_settings`` reads.
    """

    state: pathlib.Path
    port: int
    extra: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f'http://{settings.IP}:{self.port}'

    @property
    def home(self) -> Home:
        """Where its process is noted."""
        return Home(self.state / 'log', self.state / 'run', self.state)

    def pid(self) -> int | None:
        """The id of its process, None when there is none."""
        return self.home.pid(NAME)

    def start(self) -> bool:
        """Start it unless it runs, and wait for the first page; say whether it was started."""
        process = Process(
            self.home,
            NAME,
            environment.django(
                'runserver', '--noreload', '--insecure', f'{settings.IP}:{self.port}'
            ),
            {
                **environment.variables(self.state, self.port),
                'HORIZON_KEYSTONE_URL': settings.KEYSTONE_URL,
                **self.extra,
            },
            ports=(self.port,),
            ready=lambda: network.answers_http(self.port),
        )
        started = process.start()
        processes.wait_ready([process], limit=_PATIENCE, interval=0.5)
        return started

    def stop(self) -> bool:
        """Stop it; say whether it ran."""
        return bool(self.home.stop([NAME]))
