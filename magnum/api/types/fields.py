"""Resources as tables of fields, and the WSME types made of them."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Any

import wsme
import wsme.rest.json
import wsme.types

from magnum.api import errors
from magnum.api.dialects import Dialect
from magnum.api.types.schemas import Schema, nullable


class Shown(enum.IntEnum):
    """The views that show an attribute; what lists show is in full documents, too."""

    NOWHERE = 0
    ALONE = 1       # of one that is asked for by itself, where there is something to tell
    IN_FULL = 2
    IN_LISTS = 3


@dataclasses.dataclass(frozen=True)
class Field:
    """One attribute of a resource: everything that the API knows of it.

    ``default`` is what a request that leaves the attribute open, or removes
    it, gets. ``read_only`` refuses it in requests; ``ignored`` takes it there
    without effect. ``kept`` attributes cannot be removed by PATCH; those that
    are ``changeable`` are what PATCH changes of a resource with such a limit.

    Documents have attributes in the order of their fields. One that is
    ``modern`` is neither shown nor changed under the names of 2016; one that
    ``was_mandatory`` is so under these only. ``answer`` is the JSON Schema of
    what documents show, where ``datatype`` does not say it; ``is_set`` says
    that they always show a value. ``meaning`` is a sentence or two for the
    reference.
    """

    attribute: str
    datatype: Any
    meaning: str
    mandatory: bool = False
    default: Any = None
    read_only: bool = False
    ignored: bool = False
    kept: bool = False
    changeable: bool = False
    shown: Shown = Shown.IN_LISTS
    modern: bool = False
    was_mandatory: bool = False
    answer: Schema | None = None
    is_set: bool = False

    def inherited(self, of: str) -> 'Field':
        """The same field of a resource that takes over what its request leaves open."""
        meaning = f"{self.meaning} By default the {of}'s."
        return dataclasses.replace(self, default=None, kept=False, meaning=meaning)

    def request_schema(self) -> Schema:
        """What a request may give."""
        schema: Schema = self.datatype.request_schema(self.mandatory)
        meaning = f'{self.meaning} Taken without effect.' if self.ignored else self.meaning
        described = {**schema, 'description': meaning}
        if self.default is not None and not self.ignored:
            described['default'] = self.default
        return described

    def answer_schema(self) -> Schema:
        """What answers show."""
        schema = self.answer
        if schema is None:
            schema = self.datatype.answer_schema()
            if not (self.mandatory or self.is_set or self.default is not None):
                schema = nullable(schema)
        return {**schema, 'description': self.meaning}


@dataclasses.dataclass(frozen=True)
class ResourceType:
    """What documents of one resource hold in one dialect.

    :param document: the WSME type.
    :param by_member: the fields, by their names in documents.
    :param fields: the fields without the further names of some.
    """

    dialect: Dialect
    document: type
    by_member: Mapping[str, Field]
    fields: tuple[Field, ...]

    def view(self, shown: Shown) -> tuple[str, ...]:
        """The attributes of a view, in the order of documents."""
        return tuple(field.attribute for field in self.fields if field.shown >= shown)

    @property
    def changeable(self) -> frozenset[str]:
        """The attributes that PATCH changes."""
        return frozenset(field.attribute for field in self.fields if field.changeable)

    def parse(self, body: object) -> dict[str, Any]:
        """A request's body as attributes: given, not null and with effect.

        :raises APIError: 400.
        """
        if not isinstance(body, dict):
            raise errors.invalid(self.dialect.argument, body, 'Value should be an object.')
        try:
            parsed = wsme.rest.json.fromjson(self.document, body)
        except wsme.exc.UnknownAttribute as error:
            error.add_fieldname(self.dialect.argument)
            source = errors.pointer(min(error.attributes))
            raise errors.APIError(
                errors.requests.BAD_REQUEST, error.faultstring, source=source
            ) from None
        except wsme.exc.InvalidInput as error:
            raise errors.invalid(error.fieldname, error.value, error.msg) from None
        except wsme.exc.ClientSideError as error:
            source = errors.pointer(getattr(error, 'fieldname', ''))
            raise errors.APIError(
                errors.requests.INVALID_VALUE, error.faultstring, source=source
            ) from None
        given: dict[str, Any] = {}
        for member in body:
            field = self.by_member[member]
            if field.ignored:
                continue
            value = getattr(parsed, member)
            if value is not None:
                if given.get(field.attribute, value) != value:
                    raise errors.invalid(
                        member, body[member], 'Another member says something else.'
                    )
                given[field.attribute] = value
            elif field.mandatory:
                raise errors.invalid(member, body[member], 'Mandatory field missing.')
        return given


def resource_type(
    dialect: Dialect, fields: Iterable[Field], aliases: Mapping[str, str] | None = None
) -> ResourceType:
    """The type of a resource in a dialect.

    :param aliases: further members, each with the attribute it stands for.
    """
    by_attribute = {field.attribute: _spoken(field, dialect) for field in fields}
    by_member = {dialect.member(name): field for name, field in by_attribute.items()}
    by_member |= {member: by_attribute[name] for member, name in (aliases or {}).items()}
    document = type(
        f'{dialect.title}Document',
        (wsme.types.Base,),
        {
            member: wsme.types.wsattr(
                field.datatype, mandatory=field.mandatory, readonly=field.read_only
            )
            for member, field in by_member.items()
        }
        # Without it WSME looks for the order in source code.
        | {'_wsme_attr_order': tuple(by_member)},
    )
    return ResourceType(dialect, document, by_member, tuple(by_attribute.values()))


def _spoken(field: Field, dialect: Dialect) -> Field:
    """A field as a dialect has it."""
    if field.was_mandatory and not dialect.is_modern:
        # Rows that were made under the other names are shown as well.
        answer = nullable(field.datatype.answer_schema())
        field = dataclasses.replace(field, mandatory=True, answer=answer)
    if field.modern and not dialect.is_modern:
        field = dataclasses.replace(field, shown=Shown.NOWHERE, changeable=False)
    return field


def defaults(fields: Iterable[Field]) -> dict[str, Any]:
    """What a new row has where its request gives nothing."""
    return {
        field.attribute: field.default
        for field in fields
        if not (field.mandatory or field.read_only or field.ignored)
    }
