"""Filters of lists of baymodels and bays."""

import dataclasses
import datetime

import sqlalchemy as sa

Condition = sa.ColumnElement[bool]


@dataclasses.dataclass(frozen=True)
class Filters:
    """What a list is filtered by; None where it is not.

    ``label`` is a key and its value, or None for any value; ``baymodel`` is
    a uuid or a name.
    """

    name: str | None = None
    status: str | None = None
    baymodel: str | None = None
    coe: str | None = None
    label: tuple[str, str | None] | None = None
    changed_since: datetime.datetime | None = None

    def of_table(self, table: sa.Table) -> list[Condition]:
        """The conditions that every table with these columns shares."""
        conditions: list[Condition] = []
        if self.name is not None:
            conditions.append(table.c.name == self.name)
        if self.label is not None:
            key, value = self.label
            stored = table.c.labels[key].as_string()
            conditions.append(stored.is_not(None) if value is None else stored == value)
        if self.changed_since is not None:
            changed = sa.func.coalesce(table.c.updated_at, table.c.created_at)
            conditions.append(
                changed >= sa.literal(self.changed_since, table.c.created_at.type)
            )
        return conditions


NONE = Filters()
