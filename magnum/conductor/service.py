"""A conductor's threads: claims, leases, watcher, report, and the message bus.

The database is the truth; the bus only shortens waits. So work begins before
the bus is connected and goes on while it is away.
"""

import concurrent.futures
import contextlib
import random
import threading
import uuid
from collections.abc import Callable

import oslo_messaging
from oslo_config import cfg
from oslo_log import log as logging

from magnum.clients import failpoints
from magnum.clients.errors import CloudError
from magnum.conductor import archives, bus, report
from magnum.conductor.presence import Presence
from magnum.conductor.purge import INTERVAL as PURGE_INTERVAL
from magnum.conductor.purge import Purge
from magnum.db.away import UNAVAILABLE
from magnum.db.commits import FORGET_INTERVAL
from magnum.db.engine import Database
from magnum.domain.plain_text import first_line
from magnum.operations import bootstrap_endpoint
from magnum.operations.claims import Claims
from magnum.operations.credential_watcher import INTERVAL as CREDENTIAL_INTERVAL
from magnum.operations.credential_watcher import CredentialWatcher
from magnum.operations.healer import INTERVAL as HEAL_INTERVAL
from magnum.operations.healer import Healer
from magnum.operations.node_watcher import NodeWatcher
from magnum.operations.release_watcher import INTERVAL as RELEASE_INTERVAL
from magnum.operations.release_watcher import ReleaseWatcher
from magnum.operations.runner import Runner
from magnum.operations.watcher import Watcher
from magnum.operations.work import Tools

LOG = logging.getLogger(__name__)


class Conductor:
    """One conductor process. Made after any fork; ``start`` returns at once."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        database: Database,
        tools: Tools | None = None,
        transport: oslo_messaging.Transport | None = None,
    ):
        options = conf.conductor
        if options.lease <= conf.openstack_client.timeout:
            raise ValueError('[conductor]lease must exceed [openstack_client]timeout')
        failpoints.arm(options.failpoint)
        tools = tools or Tools.make(conf, database)
        self._conf = conf
        self._database = database
        self._threads_wanted: int = options.threads
        self._worker = f'{conf.host}/{uuid.uuid4().hex[:8]}'
        self._presence = Presence(conf.state_path, self._worker)
        self._claims = Claims(
            database,
            worker=self._worker,
            lease=options.lease,
            client_timeout=conf.openstack_client.timeout,
        )
        self._sessions = tools.sessions
        self._drivers = tools.drivers
        self._runner = Runner(tools, self._claims)
        self._purge = Purge(conf, database)
        self._watcher = Watcher(
            database, tools.heat, lambda: conf.conductor.watch_interval
        )
        self._stopped = threading.Event()
        self._node_watcher = NodeWatcher(conf, database, tools.drivers)
        self._healer = Healer(conf, database, tools.drivers)
        self._release_watcher = ReleaseWatcher(conf, database, tools.drivers)
        self._credential_watcher = CredentialWatcher(
            conf, database, tools.sealer, tools.application_credentials, tools.drivers,
            self._stopped.is_set,
        )
        self._bus = bus.Bus(conf, self.wake_up, self._stack_moved, transport)
        self._pool = concurrent.futures.ThreadPoolExecutor(
            options.threads, thread_name_prefix='operation'
        )
        self._work_wanted = threading.Event()
        self._look_wanted = threading.Event()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._leases: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work."""
        self._presence.begin()
        options = self._conf.conductor
        loops: dict[str, Callable[[], object]] = {
            'claims': lambda: self._loop(
                self._claim, lambda: options.poll_interval, self._work_wanted
            ),
            'watcher': lambda: self._loop(
                self._watch, lambda: min(options.watch_interval, 1.0), self._look_wanted
            ),
            'nodes': lambda: self._loop(
                self._node_watcher.look, lambda: min(options.watch_interval, 1.0)
            ),
            'healing': lambda: self._loop(
                self._heal,
                lambda: min(self._conf.nodes.heal_after / 4 or HEAL_INTERVAL, HEAL_INTERVAL),
            ),
            'releases': lambda: self._loop(
                self._release_watcher.look, lambda: RELEASE_INTERVAL
            ),
            'credentials': lambda: self._loop(
                self._credential_watcher.look,
                lambda: min(
                    self._conf.identity.cloud_credential_check or CREDENTIAL_INTERVAL,
                    CREDENTIAL_INTERVAL,
                ),
            ),
            'archives': lambda: self._loop(
                lambda: archives.keep(self._database, self._drivers), lambda: archives.INTERVAL
            ),
            'purge': lambda: self._loop(self._purge.run, lambda: PURGE_INTERVAL),
            'commits': lambda: self._loop(
                self._database.commits.forget, lambda: FORGET_INTERVAL
            ),
            'report': lambda: self._loop(
                lambda: report.seen(self._database, self._conf.host),
                lambda: options.service_down_time / 6,
            ),
        }
        self._threads = [_started(name, loop) for name, loop in loops.items()]
        # What still runs while the rest has stopped needs its lease.
        self._leases = _started('leases', lambda: self._loop(
            self._claims.renew_all, lambda: options.lease / 4, ended=self._ended
        ))
        self._bus.start()
        LOG.info(
            'Conductor %s works on up to %d operations, with leases of %d s',
            self._worker, self._threads_wanted, options.lease,
        )
        # Beside the work: Keystone may take its time.
        _started('bootstrap endpoint', self._warn_of_endpoint)

    def _warn_of_endpoint(self) -> None:
        warning = bootstrap_endpoint.warning(self._conf, self._sessions)
        if warning is not None:
            LOG.warning('%s', warning)

    def wake_up(self) -> None:
        """There may be work."""
        self._work_wanted.set()

    def stop(self, grace: float = 60.0) -> None:
        """Stop claiming, hand work back between steps, end.

        :param grace: seconds that running steps get.
        """
        self._claims.stopping.set()
        self._stopped.set()
        self._work_wanted.set()
        self._look_wanted.set()
        self._bus.stop()
        for thread in self._threads:
            thread.join(grace)
        _started('end', self._pool.shutdown).join(grace)
        self._ended.set()
        if self._leases is not None:
            self._leases.join(grace)
        self._presence.end()

    def _claim(self) -> None:
        self._presence.bury(self._claims.lapse)
        free = self._threads_wanted - self._claims.held
        if free <= 0 or self._stopped.is_set():
            return
        for claim in self._claims.claim(free):
            LOG.info(
                'Took %s of bay %s (operation %s, %s, request %s)',
                claim.verb, claim.bay_uuid, claim.operation_uuid, claim.phase, claim.request_id,
            )
            self._pool.submit(self._runner.run, claim).add_done_callback(self._done)

    def _done(self, future: concurrent.futures.Future[None]) -> None:
        # A thread is free, and what it did may have made work for the watcher.
        self._work_wanted.set()

    def _watch(self) -> None:
        # Deadlines first: they hold while Heat is away, too.
        queued = self._watcher.fail_overdue()
        queued += self._watcher.give_turns(self._conf.conductor.operations_per_bay)
        with contextlib.suppress(CloudError):  # the watcher has logged it
            queued += self._watcher.look()
        if queued:
            self._work_wanted.set()

    def _heal(self) -> None:
        if self._healer.look():
            self._work_wanted.set()

    def _stack_moved(self, stack_id: str) -> None:
        if self._watcher.hint(stack_id):
            # Heat says so before it saves its row: give it a moment.
            threading.Timer(0.5, self._look_wanted.set).start()

    def _loop(
        self,
        action: Callable[[], object],
        interval: Callable[[], float],
        wanted: threading.Event | None = None,
        ended: threading.Event | None = None,
    ) -> None:
        """Do something again and again; no error ends a conductor's thread."""
        ended = ended or self._stopped
        while not ended.is_set():
            if wanted is not None:
                wanted.clear()
            try:
                action()
            except UNAVAILABLE as away:
                name = threading.current_thread().name
                LOG.warning('The %s thread waits for the database: %s', name, first_line(away))
            except Exception:
                LOG.exception('A turn of the %s thread failed', threading.current_thread().name)
            pause = interval() * random.uniform(0.9, 1.1)  # noqa: S311 - not for secrecy
            (wanted or ended).wait(pause)


def _started(name: str, work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
