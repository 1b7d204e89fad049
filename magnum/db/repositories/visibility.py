"""Whose rows a caller may see."""

import dataclasses
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

# Parameters of prepared queries; a row of theirs may have any other name.
_PROJECT = sa.bindparam('scope_project', type_=sa.String())
_USER = sa.bindparam('scope_user', type_=sa.String())


@dataclasses.dataclass(frozen=True)
class Scope:
    """The rows of one project (of one user, for a token without project), or all."""

    project_id: str | None
    user_id: str | None
    all_projects: bool = False

    def own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The condition on a table with ``project_id`` and ``user_id``."""
        if self.all_projects:
            return sa.true()
        if self.project_id is not None:
            return table.c.project_id == self.project_id
        return sa.and_(table.c.project_id.is_(None), table.c.user_id == self.user_id)

    @property
    def kind(self) -> 'Kind':
        """What prepared queries differ by."""
        return Kind(self.all_projects, self.project_id is not None)

    @property
    def parameters(self) -> dict[str, Any]:
        """What prepared queries are run with."""
        if self.all_projects:
            return {}
        if self.project_id is not None:
            return {_PROJECT.key: self.project_id}
        return {_USER.key: self.user_id}


class Kind(NamedTuple):
    """Scopes that differ by their parameters only."""

    all_projects: bool
    has_project: bool

    def own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """The condition of :meth:`Scope.own`, with parameters."""
        if self.all_projects:
            return sa.true()
        if self.has_project:
            return table.c.project_id == _PROJECT
        return sa.and_(table.c.project_id.is_(None), table.c.user_id == _USER)


#: The rows of everybody.
EVERYTHING: Final = Scope(None, None, all_projects=True)
