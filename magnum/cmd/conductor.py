"""magnum-conductor: carries operations out."""

from oslo_config import cfg

from magnum.cmd import processes, setup
from magnum.conductor.service import Conductor
from magnum.db.engine import Database

PROG = 'magnum-conductor'


def make(conf: cfg.ConfigOpts) -> Conductor:
    """A conductor of this process."""
    return Conductor(conf, Database(conf))


def main() -> None:
    """Run this host's conductor processes until a signal ends them."""
    with setup.ending_clearly(PROG):
        conf = setup.configuration(PROG)
        setup.check_service(conf)
        setup.announce(conf, PROG, conf.conductor.workers)
        processes.run(conf, PROG, conf.conductor.workers, make)
