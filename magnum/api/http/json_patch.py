"""JSON Patch: validation and application.

A patch works on the members of a document as its dialect names them. Values
may be strings of what they mean, as in POST: the field's type coerces them.
Its form is judged first, whatever it is meant for.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from magnum.api import errors
from magnum.api.http.request import Call
from magnum.api.types.fields import Field, ResourceType
from magnum.api.types.scalars import coerce
from magnum.domain import labels

_OPERATIONS: Final = frozenset({'add', 'replace', 'remove'})
_PATH: Final = re.compile(r'(/[\w-]+)+', re.ASCII)
_INTERNAL: Final = frozenset({'id'})


def parse(
    call: Call, resource: ResourceType, changeable: Collection[str] | None = None
) -> list['Step']:
    """The operations of a request's body, of which none is malformed.

    No body, and null, stand for no change at all.

    :param changeable: attributes beside which all are internal; None for no
        such limit.
    :raises APIError: 400, by the first rule that one of them breaks.
    """
    body = call.body('patch', optional=True)
    if body is None:
        return []
    if not isinstance(body, list):
        raise errors.invalid('patch', body, 'A JSON patch is a list of operations.', {})
    return [_checked(step, resource, changeable) for step in body]


def apply(steps: Sequence['Step'], current: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that a patch changes, with their new values.

    :param current: attribute -> value of the resource, of every field that
        has a value of its own.
    :returns: only what differs from ``current``; None where the default is
        a null, or for the caller to find.
    :raises APIError: 400, by the first rule that a step breaks.
    """
    changed: dict[str, Any] = {}
    for step in steps:
        _apply_step(step, current, changed)
    return {
        attribute: value
        for attribute, value in changed.items()
        if value != current.get(attribute)
    }


class Step:
    """One operation whose form is right.

    ``value`` is what the field's type makes of the value, or, inside of an
    object, the value as it came.
    """

    __slots__ = ('field', 'member', 'op', 'path', 'raw', 'rest', 'value')

    def __init__(self, raw: Mapping[str, Any], field: Field):
        self.raw = raw
        self.op: str = raw['op']
        self.path: str = raw['path']
        self.value: Any = raw.get('value')
        self.member, *self.rest = self.path[1:].split('/')
        self.field = field


def _refused(path: str, detail: str) -> errors.APIError:
    return errors.APIError(errors.requests.INVALID_PATCH, detail, source=errors.pointer(path))


def _impossible(raw: Mapping[str, Any], reason: str) -> errors.APIError:
    return _refused(raw['path'], f"Couldn't apply patch '{[dict(raw)]}'. Reason: {reason}")


def _checked(
    raw: object, resource: ResourceType, changeable: Collection[str] | None
) -> Step:
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
    step = Step(raw, _field(raw, resource))
    _check_target(step, changeable)
    _check_value(step)
    if step.op != 'remove' and not step.rest:
        step.value = _coerced(step)
    return step


def _field(raw: Mapping[str, Any], resource: ResourceType) -> Field:
    """The field that an operation is meant for."""
    path: str = raw['path']
    member, inside, _ = path[1:].partition('/')
    if member in _INTERNAL:
        raise _internal(member)
    field = resource.by_member.get(member)
    if field is not None:
        return field
    if raw['op'] == 'add' and not inside:
        raise _refused(
            path, f'Adding a new attribute {path} to the root of the resource is not allowed.'
        )
    raise _impossible(raw, f'there is no {path}')


def _internal(member: str) -> errors.APIError:
    return _refused(f'/{member}', f"'/{member}' is an internal attribute and can not be updated")


def _check_target(step: Step, changeable: Collection[str] | None) -> None:
    field = step.field
    if (
        field.read_only
        or field.attribute == 'uuid'
        or (changeable is not None and field.attribute not in changeable)
    ):
        raise _internal(step.member)
    if step.op == 'remove' and (field.mandatory or field.kept) and not step.rest:
        whole = f'/{step.member}'
        raise _refused(whole, f"'{whole}' is a mandatory attribute and can not be removed")


def _check_value(step: Step) -> None:
    if step.op == 'remove':
        return
    if step.value is None:
        raise _refused(step.path, "'add' and 'replace' operations needs value")
    allowed: tuple[type, ...] = (str, int)
    if step.field.datatype.structured:
        allowed += (float,) if step.rest else (dict, list)
    if not isinstance(step.value, allowed):
        raise errors.invalid(
            'value', step.value, 'Value should be a string or an integer.',
            errors.pointer(step.path),
        )


def _coerced(step: Step) -> Any:
    """What the field's type makes of the value; None where that is empty."""
    try:
        value = coerce(step.field.datatype, step.value)
    except ValueError as error:
        raise errors.invalid(step.member, step.value, str(error)) from None
    if value is None and (step.field.mandatory or step.field.kept):
        raise errors.invalid(step.member, step.value, 'Value should not be empty.')
    return value


def _apply_step(
    step: Step,
    current: Mapping[str, Any],
    changed: dict[str, Any],
) -> None:
    field = step.field
    value = changed[field.attribute] if field.attribute in changed else current.get(field.attribute)
    if step.rest:
        changed[field.attribute] = _change_inside(step, value)
        return
    is_empty = step.op == 'remove' or step.value is None
    changed[field.attribute] = field.default if is_empty else step.value


def _change_inside(step: Step, value: object) -> dict[str, str]:
    """A copy of a dict attribute with one key set or taken out."""
    if not isinstance(value, dict) or len(step.rest) != 1:
        raise _impossible(step.raw, f'{step.path} is not inside an object')
    (key,) = step.rest
    if step.op != 'add' and key not in value:
        raise _impossible(step.raw, f"can't {step.op} a non-existent object '{key}'")
    inside = dict(value)
    if step.op == 'remove':
        del inside[key]
    else:
        try:
            inside |= labels.parse({key: step.value})
            labels.check_number(inside)
        except ValueError as error:
            raise errors.invalid(step.path, step.value, str(error)) from None
    return inside
