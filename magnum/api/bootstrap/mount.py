"""Where the nodes' own application is mounted, before authentication."""

from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from magnum.api.bootstrap import handlers
from magnum.certificates.service import CertificateService
from magnum.clients.servers import Servers
from magnum.db import models
from magnum.db.engine import Database
from magnum.drivers.contract import Driver
from magnum.drivers.registry import Registry


def serves(path: str) -> bool:
    """Whether a path belongs to the nodes."""
    return path == handlers.MOUNT_POINT or path.startswith(f'{handlers.MOUNT_POINT}/')


def make(
    conf: cfg.ConfigOpts,
    database: Database,
    certificates: CertificateService,
    drivers: Registry,
    wake_up: handlers.Wakes,
) -> Callable[..., Any]:
    """The nodes' application; it is given paths that ``serves`` knows."""

    def driver_for_bay(bay: models.Bay, baymodel: models.Baymodel) -> Driver:
        if bay.driver:
            return drivers.by_name(bay.driver)
        return drivers.choose(baymodel.server_type, baymodel.cluster_distro, baymodel.coe)

    application = handlers.make_app(
        conf, database.writing, database.reading, certificates, driver_for_bay, Servers(conf),
        wake_up,
    )

    def mounted(environ: dict[str, Any], start_response: Any) -> Any:
        environ['SCRIPT_NAME'] = environ.get('SCRIPT_NAME', '') + handlers.MOUNT_POINT
        environ['PATH_INFO'] = environ['PATH_INFO'].removeprefix(handlers.MOUNT_POINT)
        return application(environ, start_response)

    return mounted
