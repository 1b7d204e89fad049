"""magnum-conductor: carries operations out."""

import signal
import threading

from magnum.cmd.setup import configuration
from magnum.conductor.processes import run_processes
from magnum.conductor.service import Conductor
from magnum.db.engine import Database


def main() -> None:
    """Run the conductor processes of this host until a signal ends them."""
    conf = configuration('magnum-conductor')
    if conf.conductor.workers > 1:
        run_processes(conf)
        return
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    conductor = Conductor(conf, Database(conf))
    conductor.start()
    ended.wait()
    conductor.stop()
