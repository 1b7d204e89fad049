"""magnum-api: the REST API under a threaded server.

Any other WSGI server runs ``magnum.wsgi.api:application`` as well.
"""

import os

from oslo_config import cfg

from magnum.api import app
from magnum.api.http.server import Server
from magnum.cmd import processes, setup

PROG = 'magnum-api'


def make(conf: cfg.ConfigOpts) -> Server:
    """The API of this process."""
    return Server(conf, app.make_default_application(conf))


def main() -> None:
    """Run this host's API processes until a signal ends them."""
    with setup.ending_clearly(PROG):
        conf = setup.configuration(PROG)
        setup.check_service(conf)
        workers = conf.api.workers or os.cpu_count() or 1
        setup.announce(conf, PROG, workers)
        processes.run(conf, PROG, workers, make)
