"""What a bay and its node groups take over from a baymodel, as their columns say it.

A copied column names in its ``info`` the baymodel's column that it is a copy
of, by the role of the nodes that it is about. It is taken over where a request
leaves it open; in an upgrade of nodes of that role it follows the baymodel.
"""

from collections.abc import Mapping
from typing import Any, Final

from magnum.domain.nodegroups import MASTER, WORKER

_COPY: Final = 'copy_of'


def copy_of(
    column: str | None = None, master: str | None = None, worker: str | None = None
) -> dict[str, Any]:
    """The ``info`` of a copied column.

    :param column: of the baymodel, whatever the nodes.
    :param master: for masters; None where it says nothing of them.
    :param worker: for all other nodes.
    """
    sources = {MASTER: master or column, WORKER: worker or column}
    return {_COPY: {role: source for role, source in sources.items() if source is not None}}


def copies(mapped: type[Any], role: str) -> Mapping[str, str]:
    """Columns that are copies, each with the baymodel's column.

    :param mapped: a class of rows.
    :param role: of the nodes that they are about: MASTER or WORKER.
    """
    sources = {column.name: column.info.get(_COPY, {}) for column in mapped.__table__.c}
    return {name: by_role[role] for name, by_role in sources.items() if role in by_role}


def inherited(mapped: type[Any]) -> tuple[str, ...]:
    """Names of the columns that a bay takes over from the baymodel's of the same name."""
    return tuple(dict.fromkeys([*copies(mapped, WORKER), *copies(mapped, MASTER)]))


def of_bay(bay: Any, baymodel: Any, attribute: str) -> Any:
    """An attribute of the bay's baymodel, as the bay has it: upgrades may leave it as it was."""
    return (bay.kept or {}).get(attribute, getattr(baymodel, attribute))


def of_nodegroup(mapped: type[Any], role: str, bay: Any, baymodel: Any) -> dict[str, Any]:
    """The copied columns of a new node group: the bay's value, or the baymodel's.

    :param bay: a row that need not be stored yet.
    """
    return {
        column: getattr(bay if source in bay.__table__.c else baymodel, source)
        for column, source in copies(mapped, role).items()
    }
