"""magnum-all-in-one: API and conductor in one process.

On the embedded defaults: SQLite under ``state_path``, messaging within the
process. For trying Magnum out and for small clouds.
"""

import os
import pathlib

from oslo_config import cfg
from oslo_messaging import opts as messaging_options

from magnum.cmd import api, conductor, processes, setup
from magnum.db import migration

PROG = 'magnum-all-in-one'


def main() -> None:
    """Run everything until a signal ends it."""
    with setup.ending_clearly(PROG):
        conf = setup.configuration(PROG)
        for group, options in messaging_options.list_opts():
            if group is None:  # transport_url, which else is known only when first used
                conf.register_opts(options)
        conf.set_default('transport_url', 'fake://')
        conf.set_override('workers', 1, 'api')
        conf.set_default('heat_notifications', False, 'conductor')
        setup.check_configuration(conf)
        _make_state_path(conf)
        with setup.opened(conf, is_patient=True) as database:
            migration.upgrade(database)
        setup.check_service(conf)
        setup.announce(conf, PROG, 1)
        processes.run(conf, PROG, 1, conductor.make, api.make)


def _make_state_path(conf: cfg.ConfigOpts) -> None:
    try:
        pathlib.Path(conf.state_path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise setup.CannotRun(
            f'[DEFAULT]state_path cannot be made: {error}', os.EX_CANTCREAT
        ) from error
