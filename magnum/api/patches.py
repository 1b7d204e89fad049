"""JSON patches: which ones are taken, and what they come to.

A patch works on the members of a document as its dialect names them. Values
may be strings of what they mean, as in POST: the field's type coerces them.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from magnum.api import errors
from magnum.api.types.fields import Field, ResourceType
from magnum.api.types.scalars import coerce
from magnum.domain import labels

_OPERATIONS: Final = frozenset({'add', 'replace', 'remove'})
_PATH: Final = re.compile(r'(/[\w-]+)+', re.ASCII)
_INTERNAL: Final = frozenset({'id'})


def apply(
    body: object,
    resource: ResourceType,
    current: Mapping[str, Any],
    changeable: Collection[str] | None = None,
) -> dict[str, Any]:
    """The attributes that a patch changes, with their new values.

    :param body: the request's JSON; null stands for no change at all.
    :param current: attribute -> value of the resource, of every field that
        has a value of its own.
    :param changeable: attributes beside which all are internal; None for no
        such limit.
    :returns: only what differs from ``current``; None where the default is
        a null, or for the caller to find.
    :raises APIError: 400, by the first rule that a step breaks.
    """
    if body is None:
        return {}
    if not isinstance(body, list):
        raise errors.invalid('patch', body, 'A JSON patch is a list of operations.', {})
    changed: dict[str, Any] = {}
    for step in body:
        _apply_step(_checked(step, resource, changeable), current, changed)
    return {
        attribute: value
        for attribute, value in changed.items()
        if value != current.get(attribute)
    }


class _Step:
    """One operation whose form is right."""

    __slots__ = ('field', 'member', 'op', 'path', 'raw', 'rest', 'value')

    def __init__(self, raw: Mapping[str, Any], field: Field | None):
        self.raw = raw
        self.op: str = raw['op']
        self.path: str = raw['path']
        self.value: Any = raw.get('value')
        self.member, *self.rest = self.path[1:].split('/')
        self.field = field

    def impossible(self, reason: str) -> errors.APIError:
        return errors.APIError(
            errors.INVALID_PATCH,
            f"Couldn't apply patch '{[dict(self.raw)]}'. Reason: {reason}",
            source=errors.pointer(self.path),
        )


def _refused(path: str, detail: str) -> errors.APIError:
    return errors.APIError(errors.INVALID_PATCH, detail, source=errors.pointer(path))


def _checked(
    raw: object, resource: ResourceType, changeable: Collection[str] | None
) -> _Step:
    if not isinstance(raw, Mapping):
        raise errors.invalid('patch', raw, 'An operation of a JSON patch is an object.', {})
    if not isinstance(raw.get('op'), str) or raw['op'] not in _OPERATIONS:
        raise errors.invalid(
            'op', raw.get('op'), f'Value should be one of: {", ".join(sorted(_OPERATIONS))}', {}
        )
    path = raw.get('path')
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise errors.invalid(
            'path', path, f'Value should match the pattern ^{_PATH.pattern}$', {}
        )
    if unknown := raw.keys() - {'op', 'path', 'value'}:
        raise errors.invalid(
            'patch', raw, f'Unknown members: {", ".join(sorted(unknown))}', {}
        )
    step = _Step(raw, resource.by_member.get(path[1:].partition('/')[0]))
    _check_target(step, changeable)
    _check_value(step)
    return step


def _check_target(step: _Step, changeable: Collection[str] | None) -> None:
    field = step.field
    whole = f'/{step.member}'
    fixed = field is not None and (
        field.read_only
        or field.attribute == 'uuid'
        or (changeable is not None and field.attribute not in changeable)
    )
    if step.member in _INTERNAL or fixed:
        raise _refused(whole, f"'{whole}' is an internal attribute and can not be updated")
    kept = field is not None and (field.mandatory or field.kept)
    if step.op == 'remove' and kept and not step.rest:
        raise _refused(whole, f"'{whole}' is a mandatory attribute and can not be removed")


def _check_value(step: _Step) -> None:
    if step.op == 'remove':
        return
    if step.value is None:
        raise _refused(step.path, "'add' and 'replace' operations needs value")
    structured = step.field is not None and step.field.datatype.structured
    whole = structured and not step.rest and isinstance(step.value, dict | list)
    if not isinstance(step.value, str | int) and not whole:
        raise errors.invalid(
            'value', step.value, 'Value should be a string or an integer.',
            errors.pointer(step.path),
        )


def _apply_step(
    step: _Step,
    current: Mapping[str, Any],
    changed: dict[str, Any],
) -> None:
    field = step.field
    if field is None:
        if step.op == 'add' and not step.rest:
            raise _refused(
                step.path,
                f'Adding a new attribute {step.path} to the root of the resource is not allowed.'
            )
        raise step.impossible(f'there is no {step.path}')
    value = changed[field.attribute] if field.attribute in changed else current.get(field.attribute)
    if step.rest:
        changed[field.attribute] = _change_inside(step, value)
        return
    if step.op == 'add' and value is not None:
        raise _refused(
            step.path,
            f"The attribute {step.path} has existed, please use 'replace' operation instead."
        )
    if step.op == 'remove':
        changed[field.attribute] = field.default
        return
    try:
        new = coerce(field.datatype, step.value)
    except ValueError as error:
        raise errors.invalid(step.member, step.value, str(error)) from None
    if new is None and (field.mandatory or field.kept):
        raise errors.invalid(step.member, step.value, 'Value should not be empty.')
    changed[field.attribute] = field.default if new is None else new


def _change_inside(step: _Step, value: object) -> dict[str, str]:
    """A copy of a dict attribute with one key set or taken out."""
    if not isinstance(value, dict) or len(step.rest) != 1:
        raise step.impossible(f'{step.path} is not inside an object')
    (key,) = step.rest
    if step.op != 'add' and key not in value:
        raise step.impossible(f"can't {step.op} a non-existent object '{key}'")
    inside = dict(value)
    if step.op == 'remove':
        del inside[key]
    else:
        try:
            inside |= labels.parse({key: step.value})
        except ValueError as error:
            raise errors.invalid(step.path, step.value, str(error)) from None
    return inside
