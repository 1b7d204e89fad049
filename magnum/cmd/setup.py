"""Set-up of console scripts, and their exit on configuration errors."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import oslo_messaging
import sqlalchemy as sa
from alembic.util import CommandError
from keystoneauth1 import exceptions as keystoneauth_exceptions
from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log as logging
from oslo_policy import policy

from magnum import conf as magnum_conf
from magnum import version
from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.db import migration
from magnum.db.engine import Database
from magnum.drivers.catalogue import CatalogueInvalid
from magnum.policies.enforcer import PolicyUnreadable

LOG = logging.getLogger(__name__)

#: Libraries' errors that the configuration causes.
_MISCONFIGURED: Final = (
    cfg.Error, CatalogueInvalid, SealingError, PolicyUnreadable, policy.InvalidDefinitionError,
    keystoneauth_exceptions.ClientException, oslo_messaging.MessagingException,
    sa.exc.ArgumentError, CommandError,
)


class CannotRun(Exception):
    """Something that the program needs is missing or wrong.

    :param message: one sentence for the operator, without secrets.
    :param code: exit code of the process, as in sysexits.h.
    """

    def __init__(self, message: str, code: int = os.EX_CONFIG):
        super().__init__(message)
        self.code = code


def configuration(prog: str, argv: Sequence[str] | None = None) -> cfg.ConfigOpts:
    """Options of the command line and the files; logging set up by them.

    :param argv: words after the program's name; the process's own when None.
    """
    conf = magnum_conf.load(sys.argv[1:] if argv is None else argv, prog=prog)
    logging.setup(conf, magnum_conf.PROJECT, version.version_string_with_package())
    magnum_conf.check_values(conf)
    return conf


@contextlib.contextmanager
def ending_clearly(prog: str, code: int | None = None) -> Iterator[None]:
    """End the process with one line on standard error for a fault of its surroundings.

    Faults of the program itself keep their traceback.

    :param prog: name of the console script.
    :param code: exit code to use instead of the fault's own.
    """
    try:
        yield
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        message = ' '.join(str(fault).split())
        print(f'{prog}: {message}', file=sys.stderr)
        if _logs_elsewhere():
            LOG.critical('%s ends: %s', prog, message)
        sys.exit(fault.code if code is None else code)


def check_service(conf: cfg.ConfigOpts) -> None:
    """Check, before any fork, what a service cannot work without.

    Waits for a database that does not answer, as long as
    ``[database]max_retries`` and ``retry_interval`` say.

    :raises CannotRun: something is missing; libraries' errors mean the same.
    """
    check_configuration(conf)
    with opened(conf) as database:
        _wait_for(database, conf)
        check_schema(database)


def check_configuration(conf: cfg.ConfigOpts) -> None:
    """Check what a service needs of its configuration alone.

    :raises CannotRun: something is missing; libraries' errors mean the same.
    """
    Sealer.from_config(conf)
    if conf.conductor.lease <= conf.openstack_client.timeout:
        raise CannotRun('[conductor]lease must exceed [openstack_client]timeout.')
    if conf.api.enabled_ssl and not (conf.api.ssl_cert_file and conf.api.ssl_key_file):
        raise CannotRun('[api]enabled_ssl needs ssl_cert_file and ssl_key_file.')


@contextlib.contextmanager
def opened(conf: cfg.ConfigOpts, is_patient: bool = False) -> Iterator[Database]:
    """The configured database, closed at the end.

    :param is_patient: wait for as long as a statement takes.
    :raises CannotRun: its URL is malformed, or of a kind whose driver is not installed.
    """
    try:
        database = Database(conf, is_patient)
    except ImportError as error:
        raise CannotRun(f'[database]connection needs a driver: {error}') from error
    except ValueError:
        # Its own words may have a part of the password.
        raise CannotRun('[database]connection is no valid URL.') from None
    with contextlib.closing(database):
        yield database


def check_schema(database: Database) -> None:
    """Refuse a database whose schema is older than the program.

    :raises CannotRun: saying what to run.
    """
    found = migration.version(database)
    if found != migration.newest() and migration.is_known(found):
        raise CannotRun(
            f'The database has the schema {found or "of no release"}, this release needs '
            f'{migration.newest()}: run "magnum-db-manage upgrade".'
        )


def announce(conf: cfg.ConfigOpts, prog: str, workers: int) -> None:
    """Log what starts here, and on what; no secrets."""
    LOG.info(
        '%s %s starts on host %s: %d worker processes, database %s, message bus %s',
        prog, version.version_string_with_package(), conf.host, workers, _database_of(conf),
        _bus_of(conf),
    )


def _wait_for(database: Database, conf: cfg.ConfigOpts) -> None:
    left: int = conf.database.max_retries
    while True:
        try:
            return database.meet(database.engine)
        except db_exc.DBConnectionError as error:
            if left == 0:
                raise
            LOG.warning(
                'The database does not answer, trying again in %d s: %s',
                conf.database.retry_interval, _cause(error),
            )
        left -= 1
        time.sleep(conf.database.retry_interval)


def _database_of(conf: cfg.ConfigOpts) -> str:
    return sa.make_url(conf.database.connection).set(query={}).render_as_string()


def _bus_of(conf: cfg.ConfigOpts) -> str:
    url = oslo_messaging.TransportURL.parse(conf)
    hosts = ','.join(f'{host.hostname}:{host.port}' for host in url.hosts)
    return f'{url.transport}://{hosts}/{url.virtual_host or ""}'


def fault_of(error: Exception) -> CannotRun | None:
    """What an error says of the surroundings; None for a fault of the program."""
    for kinds, meant in _MEANINGS:
        if isinstance(error, kinds):
            return meant(error)
    return None


def _of_database(error: Exception) -> CannotRun:
    return CannotRun(f'The database cannot be used: {_cause(error)}', os.EX_UNAVAILABLE)


def _cause(error: Exception) -> str:
    """The driver's own words: SQLAlchemy's have statements and a web address."""
    inner = getattr(error, 'inner_exception', None) or error
    return str(getattr(inner, 'orig', None) or inner)


_MEANINGS: Final[
    tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[..., CannotRun]], ...]
] = (
    (CannotRun, lambda error: error),
    # Its own words have the URL, and with it the password.
    (oslo_messaging.InvalidTransportURL, lambda _: CannotRun('transport_url is no valid URL.')),
    (_MISCONFIGURED, lambda error: CannotRun(str(error))),
    ((db_exc.DBError, sa.exc.DBAPIError), _of_database),
    (OSError, lambda error: CannotRun(str(error), os.EX_OSERR)),
)


def _logs_elsewhere() -> bool:
    """Whether the log is not on standard error."""
    conf = cfg.CONF
    try:
        return bool(conf.log_file or conf.log_dir or conf.use_syslog or conf.use_journal)
    except cfg.Error:   # nothing was read yet
        return False
