"""magnum-status: whether this host is ready for the installed release."""

import sys
from typing import Final

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from magnum import conf as magnum_conf
from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.cmd import setup
from magnum.db import migration

Code = upgradecheck.Code
Result = upgradecheck.Result
#: Exit code of checks that could not be made, as every OpenStack service has it.
_UNEXPECTED: Final = 255


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

    def _check_schema(self) -> upgradecheck.Result:
        try:
            with setup.opened(self._conf) as database:
                found = migration.version(database)
        except Exception as error:
            fault = setup.fault_of(error)
            if fault is None:
                raise
            return Result(Code.FAILURE, str(fault))
        if found == migration.newest():
            return Result(Code.SUCCESS, f'The schema is at {found}.')
        return Result(Code.FAILURE, f'The schema is at {found}; run "magnum-db-manage upgrade".')

    def _check_encryption_key(self) -> upgradecheck.Result:
        try:
            Sealer.from_config(self._conf)
        except SealingError as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS, 'The encryption key can be read.')

    _upgrade_checks = (
        ('configuration', _check_values),
        ('database schema', _check_schema),
        ('encryption key', _check_encryption_key),
    )


def main() -> int:
    """Run the checks; the exit code says how bad it is."""
    conf = magnum_conf.new_config()
    with setup.ending_clearly('magnum-status', _UNEXPECTED):
        result: int = upgradecheck.main(conf, magnum_conf.PROJECT, Checks(conf))
    return result


if __name__ == '__main__':
    sys.exit(main())
