"""magnum-status: whether this host is ready for the installed release."""

import sys
from typing import Final

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_upgradecheck import upgradecheck

from magnum import conf as magnum_conf
from magnum import version
from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.clients.sessions import Sessions
from magnum.cmd import setup
from magnum.db import migration
from magnum.drivers.catalogue import CatalogueInvalid
from magnum.drivers.registry import Registry
from magnum.operations import bootstrap_endpoint, seals

PROG: Final = 'magnum-status'

Code = upgradecheck.Code
Result = upgradecheck.Result
#: Exit code of checks that could not be made, as every OpenStack service has it.
_UNEXPECTED: Final = 255

#: How many rows with a broken seal are named.
_NAMED: Final = 20


class Checks(upgradecheck.UpgradeCommands):
    """What ``magnum-status upgrade check`` looks at.

    :param conf: filled from the command line before the checks run.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        super().__init__()
        self._conf = conf

    def _check_values(self) -> upgradecheck.Result:
        try:
            magnum_conf.check_values(self._conf)
        except cfg.Error as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS, 'The options of the service have values of their types.')

    def _check_drivers(self) -> upgradecheck.Result:
        try:
            found = Registry.from_conf(self._conf)
        except CatalogueInvalid as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS, f'Drivers: {", ".join(found.all())}.')

    def _check_schema(self) -> upgradecheck.Result:
        try:
            with setup.opened(self._conf) as database:
                found = migration.version(database)
        except Exception as error:
            return _failure(error)
        if found == migration.newest():
            return Result(Code.SUCCESS, f'The schema is at {found}.')
        return Result(Code.FAILURE, f'The schema is at {found}; run "magnum-db-manage upgrade".')

    def _check_encryption_key(self) -> upgradecheck.Result:
        try:
            Sealer.from_config(self._conf)
        except SealingError as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS, 'The encryption key can be read.')

    def _check_seals(self) -> upgradecheck.Result:
        try:
            sealer = Sealer.from_config(self._conf)
        except SealingError:
            return Result(Code.FAILURE, 'Without the encryption key no secret can be opened.')
        try:
            with setup.opened(self._conf) as database, database.reading() as session:
                broken = [str(error) for error in seals.broken(session, sealer)]
        except Exception as error:
            fault = setup.fault_of(error)
            if fault is not None:
                return Result(Code.FAILURE, str(fault))
            if not isinstance(error, db_exc.DBError):
                raise
            # Its tables are not those of this release, as the check of the schema says.
            return Result(Code.WARNING, 'The secrets cannot be read before the schema is new.')
        if not broken:
            return Result(Code.SUCCESS, 'Every secret in the database can be opened.')
        more = f' And {len(broken) - _NAMED} more.' if len(broken) > _NAMED else ''
        return Result(Code.FAILURE, ' '.join(broken[:_NAMED]) + more)

    def _check_bootstrap_endpoint(self) -> upgradecheck.Result:
        try:
            warning = bootstrap_endpoint.warning(self._conf, Sessions(self._conf))
        except Exception as error:
            return _failure(error)
        if warning is not None:
            return Result(Code.WARNING, warning)
        return Result(Code.SUCCESS, 'No endpoint without TLS was found.')

    _upgrade_checks = (
        ('configuration', _check_values),
        ('drivers', _check_drivers),
        ('database schema', _check_schema),
        ('encryption key', _check_encryption_key),
        ('secrets', _check_seals),
        ('bootstrap endpoint', _check_bootstrap_endpoint),
    )


def _failure(error: Exception) -> upgradecheck.Result:
    """A result that says what is wrong around the program.

    :raises Exception: the error itself, where it is a fault of the program.
    """
    fault = setup.fault_of(error)
    if fault is None:
        raise error
    return Result(Code.FAILURE, str(fault))


def main() -> int:
    """Run the checks; the exit code says how bad it is."""
    conf = magnum_conf.new_config()
    with setup.ending_clearly(PROG, _UNEXPECTED):
        upgradecheck.register_cli_options(conf, Checks(conf))
        conf(project=magnum_conf.PROJECT, prog=PROG, version=version.VERSION)
    return upgradecheck.run(conf)


if __name__ == '__main__':
    sys.exit(main())
