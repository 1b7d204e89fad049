"""magnum-status: whether this host is ready for the installed release."""

import sys

from alembic.script import ScriptDirectory
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from magnum import conf as magnum_conf
from magnum.certificates.errors import SealingError
from magnum.certificates.sealing import Sealer
from magnum.db import migration
from magnum.db.engine import Database

Code = upgradecheck.Code
Result = upgradecheck.Result


class Checks(upgradecheck.UpgradeCommands):
    """What ``magnum-status upgrade check`` looks at.

    :param conf: filled from the command line before the checks run.
    """

    def __init__(self, conf: cfg.ConfigOpts):
        super().__init__()
        self._conf = conf

    def _check_schema(self) -> upgradecheck.Result:
        found = migration.version(Database(self._conf))
        newest = ScriptDirectory.from_config(migration.config()).get_current_head()
        if found == newest:
            return Result(Code.SUCCESS, f'The schema is at {found}.')
        return Result(Code.FAILURE, f'The schema is at {found}; run "magnum-db-manage upgrade".')

    def _check_encryption_key(self) -> upgradecheck.Result:
        try:
            Sealer.from_config(self._conf)
        except SealingError as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS, 'The encryption key can be read.')

    _upgrade_checks = (
        ('database schema', _check_schema),
        ('encryption key', _check_encryption_key),
    )


def main() -> int:
    """Run the checks; the exit code says how bad it is."""
    conf = magnum_conf.new_config()
    result: int = upgradecheck.main(conf, magnum_conf.PROJECT, Checks(conf))
    return result


if __name__ == '__main__':
    sys.exit(main())
