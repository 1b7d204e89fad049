"""magnum-api: the REST API under a threaded server.

Any other WSGI server runs ``magnum.wsgi.api:application`` as well.
"""

import os

from oslo_config import cfg

from magnum.api import app
from magnum.api.server import Server
from magnum.cmd import processes
from magnum.cmd.setup import configuration


def make(conf: cfg.ConfigOpts) -> Server:
    """The API of this process."""
    return Server(conf, app.make_default_application(conf))


def main() -> None:
    """Run this host's API processes until a signal ends them."""
    conf = configuration('magnum-api')
    processes.run(conf, conf.api.workers or os.cpu_count() or 1, make)
