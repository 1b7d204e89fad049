"""magnum-all-in-one: API and conductor in one process.

On the embedded defaults: SQLite under ``state_path``, messaging within the
process. For trying Magnum out and for small clouds.
"""

import pathlib

from oslo_messaging import opts as messaging_options

from magnum.cmd import api, conductor, processes
from magnum.cmd.setup import configuration
from magnum.db import migration
from magnum.db.engine import Database


def main() -> None:
    """Run everything until a signal ends it."""
    conf = configuration('magnum-all-in-one')
    for group, options in messaging_options.list_opts():
        if group is None:  # transport_url, which else is known only when first used
            conf.register_opts(options)
    conf.set_default('transport_url', 'fake://')
    conf.set_override('workers', 1, 'api')
    conf.set_default('heat_notifications', False, 'conductor')
    pathlib.Path(conf.state_path).mkdir(parents=True, exist_ok=True)
    database = Database(conf)
    migration.upgrade(database)
    database.close()
    processes.run(conf, 1, conductor.make, api.make)
