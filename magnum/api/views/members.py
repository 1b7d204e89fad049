"""Documents that no request gives: each member once, with its value and its JSON Schema."""

import dataclasses
import operator
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from magnum.api.types.fields import Field
from magnum.api.types.scalars import Timestamp, timestamp
from magnum.api.types.schemas import TIME, Schema, closed

Document = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Member:
    """One member of a document.

    :param of: the attribute that it shows; by default the one of its name.
    :param show: makes the member's value of the attribute's.
    :param is_computed: the value is no attribute's: the view gives it.
    :param is_optional: a computed one that is left out where it is not given; it
        stands after all others.
    """

    name: str
    schema: Schema
    meaning: str
    of: str = ''
    show: Callable[[Any], Any] | None = None
    is_computed: bool = False
    is_optional: bool = False

    @property
    def attribute(self) -> str:
        """The attribute that it shows."""
        return self.of or self.name

    def value(self) -> Callable[[Any], Any]:
        """What finds its value in what the document is of."""
        find, show = operator.attrgetter(self.attribute), self.show
        return find if show is None else lambda source: show(find(source))


def time(name: str, meaning: str) -> Member:
    """A point of time, or null."""
    return Member(name, TIME, meaning, show=timestamp)


def computed(name: str, schema: Schema, meaning: str, is_optional: bool = False) -> Member:
    """A member whose value the view gives."""
    return Member(name, schema, meaning, is_computed=True, is_optional=is_optional)


def of_field(field: Field) -> Member:
    """A member as the type of a resource has it."""
    show = timestamp if isinstance(field.datatype, Timestamp) else None
    return Member(field.attribute, field.answer_schema(), field.meaning, show=show)


class DocumentType:
    """The members of a document, in its order: optional ones last."""

    def __init__(self, *members: Member):
        self.members: Final = members
        self._values = [
            (member.name, None if member.is_computed else member.value())
            for member in members if not member.is_optional
        ]
        self._optional = [member.name for member in members if member.is_optional]

    def document(self, source: object = None, **given: object) -> Document:
        """The document of one thing.

        :param given: the members that are computed.
        """
        document = {
            name: given[name] if value is None else value(source) for name, value in self._values
        }
        document |= {name: given[name] for name in self._optional if name in given}
        return document

    def schema(self) -> Schema:
        """The JSON Schema of the documents."""
        return closed(
            {
                member.name: {**member.schema, 'description': member.meaning}
                for member in self.members
            },
            optional=self._optional,
        )

    def columns(self, table: sa.Table, *more: str) -> tuple[sa.ColumnElement[Any], ...]:
        """What to select of a table.

        :param more: columns beside those that members show.
        """
        shown = [member.attribute for member in self.members if not member.is_computed]
        return tuple(table.c[name] for name in dict.fromkeys([*shown, *more]))
