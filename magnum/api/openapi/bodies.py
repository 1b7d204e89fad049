"""JSON Schemas of documents, made of the types that validate and show them."""

from collections.abc import Collection
from typing import Final

from magnum.api.types.fields import ResourceType, Shown
from magnum.api.types.schemas import Schema, closed

_COMPONENTS: Final = '#/components/schemas/'


def ref(name: str) -> Schema:
    """A component, by its name."""
    return {'$ref': f'{_COMPONENTS}{name}'}


def request(resource: ResourceType) -> Schema:
    """The body of a request that makes a thing."""
    allowed = {
        member: field for member, field in resource.by_member.items() if not field.read_only
    }
    properties = {member: field.request_schema() for member, field in allowed.items()}
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


def document(resource: ResourceType, shown: Shown) -> Schema:
    """A thing as answers show it; what only one that is alone shows may be missing there."""
    fields = [field for field in resource.fields if field.shown >= shown]
    member = resource.dialect.member
    return closed(
        {member(field.attribute): field.answer_schema() for field in fields},
        optional=[member(field.attribute) for field in fields if field.shown is Shown.ALONE],
    )


def listing(collection: str, item: Schema) -> Schema:
    """One page of a list."""
    following = {'type': 'string', 'description': 'The next page; only when there is one.'}
    return closed(
        {collection: {'type': 'array', 'items': item}, 'next': following}, optional=['next']
    )


def narrowed(schema: Schema, **more: Schema) -> Schema:
    """The members of a document that a request chose.

    :param more: members that only those have who choose them.
    """
    properties = {**schema['properties'], **more}
    return {**schema, 'properties': properties, 'required': [], 'minProperties': 1}
