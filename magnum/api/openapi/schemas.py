"""JSON Schemas of documents, made of field tables, views and dialects."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from magnum.api.dialects import Dialect
from magnum.api.openapi import scalars
from magnum.api.openapi.members import ALWAYS, MEMBERS
from magnum.api.openapi.scalars import Schema
from magnum.api.openapi.words import meaning
from magnum.api.types.fields import Field, ResourceType

_COMPONENTS: Final = '#/components/schemas/'


def ref(name: str) -> Schema:
    """A component, by its name."""
    return {'$ref': f'{_COMPONENTS}{name}'}


def closed(properties: Mapping[str, Any], optional: Collection[str] = ()) -> Schema:
    """An object of these members and no other; all there but the optional ones."""
    return {
        'type': 'object',
        'properties': dict(properties),
        'required': [name for name in properties if name not in optional],
        'additionalProperties': False,
    }


def request(resource: ResourceType) -> Schema:
    """The body of a request that makes a thing."""
    allowed = {
        member: field for member, field in resource.by_member.items() if not field.read_only
    }
    properties = {
        member: _described(
            resource.dialect, field, scalars.request(field.datatype, field.mandatory)
        )
        for member, field in allowed.items()
    }
    optional = [member for member, field in allowed.items() if not field.mandatory]
    return closed(properties, optional)


def patch(resource: ResourceType, changeable: Collection[str] | None = None) -> Schema:
    """A JSON patch: a list of operations on members that may change.

    :param changeable: attributes; None for all that are not read only.
    """
    members = '|'.join(
        member
        for member, field in resource.by_member.items()
        if not field.read_only and (changeable is None or field.attribute in changeable)
    )
    path = {'type': 'string', 'pattern': rf'^/({members})(/[\w-]+)*$'}
    value = {'type': ['string', 'number', 'boolean', 'object', 'array']}
    change = closed({'op': {'enum': ['add', 'replace']}, 'path': path, 'value': value})
    removal = closed({'op': {'const': 'remove'}, 'path': path, 'value': {}}, optional=['value'])
    return {'type': ['array', 'null'], 'items': {'anyOf': [change, removal]}}


def document(
    dialect: Dialect,
    attributes: Iterable[str],
    fields: Iterable[Field],
    optional: Collection[str] = (),
) -> Schema:
    """A thing as answers show it.

    :param attributes: of the view; those in ``optional`` are not always there.
    """
    by_attribute = {field.attribute: field for field in fields}
    properties = {
        dialect.member(attribute): _shown(dialect, attribute, by_attribute.get(attribute))
        for attribute in (*attributes, *optional)
    }
    return closed(properties, optional=[dialect.member(name) for name in optional])


def listing(collection: str, item: Schema) -> Schema:
    """One page of a list."""
    following = {'type': 'string', 'description': 'The next page; only when there is one.'}
    return closed(
        {collection: {'type': 'array', 'items': item}, 'next': following}, optional=['next']
    )


def narrowed(schema: Schema) -> Schema:
    """The members of a document that a request chose."""
    return {**schema, 'required': [], 'minProperties': 1}


def _shown(dialect: Dialect, attribute: str, field: Field | None) -> Schema:
    schema = MEMBERS.get(attribute)
    if schema is None:
        if field is None:
            raise LookupError(f'nothing says what {dialect.title} {attribute} looks like')
        schema = scalars.answer(field.datatype)
        has_value = field.mandatory or field.default is not None or attribute in ALWAYS
        schema = schema if has_value else scalars.nullable(schema)
    words = meaning(dialect.argument, attribute)
    return {**schema, **({'description': words} if words else {})}


def _described(dialect: Dialect, field: Field, schema: Schema) -> Schema:
    words = meaning(dialect.argument, field.attribute)
    if field.ignored:
        words = f'{words} Taken without effect.'.strip()
    described = {**schema, **({'description': words} if words else {})}
    if field.default is not None and not field.ignored:
        described['default'] = field.default
    return described
