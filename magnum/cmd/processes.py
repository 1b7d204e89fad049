"""Run services in one or more processes.

Signals: SIGTERM and SIGINT end it, SIGHUP makes it read its configuration
again and reopen its log files, SIGUSR2 makes it describe itself.
"""

import contextlib
import logging as python_logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol

import cotyledon
from oslo_config import cfg
from oslo_log import log as logging
from oslo_reports import guru_meditation_report
from oslo_reports import opts as report_options

from magnum import conf as magnum_conf
from magnum import version
from magnum.cmd import setup

LOG = logging.getLogger(__name__)

#: Exit codes of a worker that will not start the next time either.
_HOPELESS: Final = frozenset({os.EX_CONFIG, os.EX_OSERR})
#: Signals that a process without workers follows.
_HEEDED: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Service(Protocol):
    """Something that runs in threads of its own."""

    def start(self) -> None:
        """Start; return at once."""

    def stop(self) -> None:
        """Stop gracefully."""


Factory = Callable[[cfg.ConfigOpts], Service]


def run(conf: cfg.ConfigOpts, prog: str, workers: int, *factories: Factory) -> None:
    """Run services until a signal ends them.

    :param prog: name of the console script.
    :param workers: processes; each makes its own services, after the fork.
    """
    report_options.set_defaults(conf)
    if workers == 1:
        _run_here(conf, factories)
    else:
        _run_workers(conf, prog, workers, factories)


def reload(conf: cfg.ConfigOpts) -> None:
    """Reload mutable options and reopen log files.

    A file that cannot be read changes nothing.
    """
    try:
        changed = conf.mutate_config_files()
    except cfg.Error as error:
        LOG.error('The configuration is not read again: %s', error)
        return
    _reopen_logs(conf)
    names = sorted(f'[{group or "DEFAULT"}]{name}' for group, name in changed)
    conf.log_opt_values(LOG, python_logging.DEBUG)      # without secrets
    LOG.info('The configuration was read again; changed: %s', ', '.join(names) or 'nothing')


def _reopen_logs(conf: cfg.ConfigOpts) -> None:
    """Write to new files where the old ones were renamed, as logrotate does."""
    former = [
        handler for handler in python_logging.getLogger().handlers
        if isinstance(handler, python_logging.FileHandler)
    ]
    if former:
        logging.setup(conf, magnum_conf.PROJECT, version.version_string_with_package())
    for handler in former:
        handler.close()


def _run_workers(
    conf: cfg.ConfigOpts, prog: str, workers: int, factories: tuple[Factory, ...]
) -> None:
    manager = cotyledon.ServiceManager()
    manager.add(_Worker, workers=workers, args=(conf, prog, factories))
    ended_with: list[int] = []

    def give_up(_service: Any, _worker: Any, code: int) -> None:
        if code in _HOPELESS and not ended_with:
            ended_with.append(code)
            os.kill(os.getpid(), signal.SIGTERM)

    manager.register_hooks(on_dead_worker=give_up, on_reload=lambda: reload(conf))
    with contextlib.suppress(SystemExit):
        manager.run()
    if ended_with:
        sys.exit(ended_with[0])


class _Worker(cotyledon.Service):
    """One of several processes."""

    def __init__(
        self, worker_id: Any, conf: cfg.ConfigOpts, prog: str, factories: tuple[Factory, ...]
    ):
        super().__init__(worker_id)
        _report_on_signal(conf)
        self._conf = conf
        self._prog = prog
        with setup.ending_clearly(prog):
            self._services = [factory(conf) for factory in factories]

    def run(self) -> None:
        """Begin; cotyledon keeps the process alive."""
        with setup.ending_clearly(self._prog):
            for service in self._services:
                service.start()

    def reload(self) -> None:
        """Follow the configuration, without an end of what runs."""
        reload(self._conf)

    def terminate(self) -> None:
        """End, within cotyledon's grace."""
        _stop(self._services)


def _run_here(conf: cfg.ConfigOpts, factories: tuple[Factory, ...]) -> None:
    # Signals are heeded one by one in this thread: a handler may interrupt
    # anything, also what holds the lock of the log. Their numbers come through a
    # socket: a handler is not run while this thread waits for something else, where
    # another thread was interrupted, or this one in the moment before.
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno())
    for number in _HEEDED:
        signal.signal(number, lambda *_: None)
    _report_on_signal(conf)
    services: list[Service] = []
    try:
        for factory in factories:
            services.append(factory(conf))
            services[-1].start()
        while _next(heard) == signal.SIGHUP:
            reload(conf)
    finally:
        _stop(services)
        signal.set_wakeup_fd(-1)
        heard.close()
        told.close()


def _next(heard: socket.socket) -> int:
    """Wait for the next signal that is heeded."""
    while True:
        number = heard.recv(1)[0]
        if number in _HEEDED:
            return number


def _report_on_signal(conf: cfg.ConfigOpts) -> None:
    """Let SIGUSR2 make the process describe itself on its standard error."""
    guru_meditation_report.TextGuruMeditation.setup_autorun(version, conf=conf)


def _stop(services: list[Service]) -> None:
    for service in reversed(services):
        service.stop()
