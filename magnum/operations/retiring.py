"""Which masters can take others out of the cluster: those whose scripts know how."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import orm

from magnum.db.models import Bay, Node
from magnum.db.repositories import node_watch
from magnum.domain import reports
from magnum.domain.directives import RETIRE
from magnum.domain.stack_names import stack_name
from magnum.drivers.contract import MASTER, Driver

#: Why masters stay that nobody can take out.
WHY_NOT: Final = (
    'The masters that would stay were made by an earlier release and cannot take others out of '
    'the cluster: more may join, and an upgrade that replaces all of three or more makes them '
    'anew.'
)


def able(masters: Iterable[Node]) -> list[Node]:
    """Those that have said that they can."""
    return [node for node in masters if reports.knows(node.versions, RETIRE)]


def is_impossible(session: orm.Session, driver: Driver, bay: Bay, staying: int) -> bool:
    """Whether none can of the masters that stay, as far as these report.

    :param staying: how many.
    """
    name = stack_name(bay.name, bay.uuid)
    stay = [
        node for node in node_watch.reporting(session, bay.uuid, MASTER)
        if (index := driver.node_index(MASTER, name, node.name)) is not None and index < staying
    ]
    return bool(stay) and not able(stay)
