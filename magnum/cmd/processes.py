"""Running a service in one process, or in several of them."""

import signal
import threading
from collections.abc import Callable
from typing import Any, Protocol

import cotyledon
from oslo_config import cfg
from oslo_reports import guru_meditation_report
from oslo_reports import opts as report_options

from magnum import version


class Service(Protocol):
    """Something that runs in threads of its own."""

    def start(self) -> None:
        """Begin; return at once."""

    def stop(self) -> None:
        """End in good order."""


Factory = Callable[[cfg.ConfigOpts], Service]


def run(conf: cfg.ConfigOpts, workers: int, *factories: Factory) -> None:
    """Run services until a signal ends them.

    :param workers: processes; each makes its own services, after the fork.
    """
    report_options.set_defaults(conf)
    if workers == 1:
        _run_here(conf, factories)
        return
    manager = cotyledon.ServiceManager()
    manager.add(_Worker, workers=workers, args=(conf, factories))
    manager.run()


class _Worker(cotyledon.Service):
    """One of several processes."""

    def __init__(self, worker_id: Any, conf: cfg.ConfigOpts, factories: tuple[Factory, ...]):
        super().__init__(worker_id)
        _report_on_signal(conf)
        self._services = [factory(conf) for factory in factories]

    def run(self) -> None:
        """Begin; cotyledon keeps the process alive."""
        for service in self._services:
            service.start()

    def terminate(self) -> None:
        """End, within cotyledon's grace."""
        _stop(self._services)


def _run_here(conf: cfg.ConfigOpts, factories: tuple[Factory, ...]) -> None:
    ended = threading.Event()

    def end(*_: Any) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    _report_on_signal(conf)
    services: list[Service] = []
    try:
        for factory in factories:
            services.append(factory(conf))
            services[-1].start()
        ended.wait()
    finally:
        _stop(services)


def _report_on_signal(conf: cfg.ConfigOpts) -> None:
    """Let SIGUSR2 make the process describe itself on its standard error."""
    guru_meditation_report.TextGuruMeditation.setup_autorun(version, conf=conf)


def _stop(services: list[Service]) -> None:
    for service in reversed(services):
        service.stop()
