"""What handlers work with, made once per process."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from oslo_config import cfg
from sqlalchemy import orm

from magnum.api.http.held_threads import HeldThreads
from magnum.api.http.sse import Streams
from magnum.api.requests.cloud_checks import Preflight
from magnum.api.requests.driver_choice import DriverSelection
from magnum.api.requests.preview import Previews
from magnum.certificates.service import CertificateService
from magnum.db.engine import Database
from magnum.drivers.registry import Registry
from magnum.policies.enforcer import Enforcer

T = TypeVar('T')


class Wakes(Protocol):
    """Tells conductors that there is work."""

    def send(self) -> None:
        """Return at once; the hint may get lost."""


@dataclasses.dataclass(frozen=True)
class Services:
    """Everything that outlives a request.

    ``collections`` are those of the version document, each with its path.
    ``describe`` gives the OpenAPI document of a service at a URL, and its ETag.
    """

    conf: cfg.ConfigOpts
    database: Database
    wake_up: Wakes
    certificates: CertificateService
    drivers: Registry
    enforcer: Enforcer
    preflight: Preflight
    selection: DriverSelection
    previews: Previews
    held: HeldThreads
    streams: Streams
    collections: Mapping[str, str]
    describe: Callable[[str], tuple[bytes, str]]

    def run(self, work: Callable[[orm.Session], T]) -> T:
        """Run a transaction that accepts an operation, and tell conductors."""
        result = self.database.run(work)
        self.wake_up.send()
        return result
