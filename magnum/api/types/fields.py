"""Resources as tables of fields, and the WSME types made of them."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import wsme
import wsme.rest.json
import wsme.types

from magnum.api import errors
from magnum.api.dialects import Dialect


@dataclasses.dataclass(frozen=True)
class Field:
    """One attribute of a resource.

    ``default`` is what a request that leaves the attribute open, or removes
    it, gets. ``read_only`` refuses it in requests; ``ignored`` takes it there
    without effect. ``kept`` attributes cannot be removed by PATCH.
    """

    attribute: str
    datatype: Any
    mandatory: bool = False
    default: Any = None
    read_only: bool = False
    ignored: bool = False
    kept: bool = False


@dataclasses.dataclass(frozen=True)
class ResourceType:
    """What documents of one resource hold in one dialect.

    :param document: the WSME type.
    :param by_member: the fields, by their names in documents.
    """

    dialect: Dialect
    document: type
    by_member: Mapping[str, Field]

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
            raise errors.APIError(errors.BAD_REQUEST, error.faultstring, source=source) from None
        except wsme.exc.InvalidInput as error:
            raise errors.invalid(error.fieldname, error.value, error.msg) from None
        except wsme.exc.ClientSideError as error:
            source = errors.pointer(getattr(error, 'fieldname', ''))
            raise errors.APIError(errors.INVALID_VALUE, error.faultstring, source=source) from None
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
    by_attribute = {
        field.attribute: dataclasses.replace(
            field, mandatory=field.mandatory or field.attribute in dialect.mandatory
        )
        for field in fields
    }
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
    return ResourceType(dialect, document, by_member)


def defaults(fields: Iterable[Field]) -> dict[str, Any]:
    """What a new row has where its request gives nothing."""
    return {
        field.attribute: field.default
        for field in fields
        if not (field.mandatory or field.read_only or field.ignored)
    }
