"""magnum-conductor: carries operations out."""

from oslo_config import cfg

from magnum.cmd import processes
from magnum.cmd.setup import configuration
from magnum.conductor.service import Conductor
from magnum.db.engine import Database


def make(conf: cfg.ConfigOpts) -> Conductor:
    """A conductor of this process."""
    return Conductor(conf, Database(conf))


def main() -> None:
    """Run this host's conductor processes until a signal ends them."""
    conf = configuration('magnum-conductor')
    processes.run(conf, conf.conductor.workers, make)
