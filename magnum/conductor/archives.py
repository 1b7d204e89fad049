"""Files of nodes that the database has to have, whatever it was restored from."""

from typing import Final

from magnum.db.engine import Database
from magnum.db.repositories import node_archives
from magnum.drivers.registry import Registry

#: Seconds between two looks.
INTERVAL: Final = 300.0


def keep(database: Database, drivers: Registry) -> None:
    """Write those of this release that are not there.

    Servers of stacks that are in no backup yet may ask for them.
    """
    for driver in drivers.all().values():
        node_archives.keep(database, driver.node_archives())
