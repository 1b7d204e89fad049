"""Labels of a driver: one JSON Schema made of three parts.

The parts are JSON files: those labels that every driver takes
(``common/labels.json``), the driver's own (``<coe>/labels.json``), both
mapping names to the schema of a string, and those that other releases of
Magnum read and this driver has no use for (``<coe>/ignored_labels.json``),
each with the reason.

Beside the words of JSON Schema a label may have ``format`` (how its value may
be written: ``magnum.domain.label_values``), ``scope`` (``nodegroup``: a group
may have it otherwise than its bay), ``alias`` (the label that it is another
name of), ``defaults_by`` (a label with a release, and the defaults that go with lines of
its releases, in place of ``default``), ``needs`` (labels, or attributes of the baymodel,
with the values without which it does nothing), ``releases`` (the releases that there are)
and ``support_ends`` (for each of them the day after which its own project mends nothing).
A label that is
``deprecated`` is accepted and has no effect; its description says why.
"""

import dataclasses
import difflib
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from magnum.domain import label_values
from magnum.drivers import contract, files

_LONGEST: Final = 4096  # characters of a value; settings of nodes are part of user data
#: How much a name has to be like a known one to be taken for its misspelling.
#: "boot_volume_zie" is like its own by 0.90. Known names may be more alike than that.
_LIKENESS: Final = 0.88

Origin = Literal['default', 'baymodel', 'bay']
Effect = Literal['applied', 'none']
#: Attributes of the baymodel that labels may need.
Attributes = Mapping[str, str | None]


@dataclasses.dataclass(frozen=True)
class Resolved:
    """What a label comes to: its normal form, where it is from, whether it has an effect.

    ``reason`` says why there is none.
    """

    value: str
    origin: Origin
    effect: Effect = 'applied'
    reason: str = ''

    def document(self) -> dict[str, str]:
        """What clients see; a reason only where there is one."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value or (
            name == 'value'
        )}


@functools.cache
def schema(driver_folder: str) -> dict[str, Any]:
    """JSON Schema of a driver's labels, their defaults included."""
    common = json.loads(files.read('common/labels.json'))
    own = json.loads(files.read(f'{driver_folder}/labels.json'))
    ignored = json.loads(files.read(f'{driver_folder}/ignored_labels.json'))
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'type': 'object',
        'additionalProperties': {'type': 'string'},
        'properties': {
            **{
                name: {'type': 'string', 'deprecated': True, 'description': reason}
                for name, reason in ignored.items()
            },
            **common,
            **own,
        },
    }


def applied(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that are given, in their normal forms and under their own names.

    An empty value is "not given". Unknown labels stay as they are.
    """
    rules = _rules(label_schema)
    found: dict[str, str] = {}
    for name, text in labels.items():
        if name not in rules:
            found[name] = text
            continue
        own_name = rules[name].get('alias', name)
        value = label_values.normal(rules[own_name], text)
        if value:
            found[own_name] = value
    return found


def resolve(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that are given over the schema's defaults."""
    found = applied(label_schema, labels)
    return {**_defaults(label_schema, found), **found}


def service(label_schema: Mapping[str, Any], name: str, value: str) -> str | None:
    """The type of the cloud's service that a value of a label needs; None if none."""
    found: str | None = _rules(label_schema).get(name, {}).get('services', {}).get(value)
    return found


def volume_types(label_schema: Mapping[str, Any], values: Attributes) -> Iterator[str]:
    """Labels with types of volumes that there are, by the labels with their sizes.

    :param values: as of ``why_without_effect``.
    """
    for name, rule in _rules(label_schema).items():
        size = rule.get('of_volumes', '')
        is_there = str(values.get(size) or '').strip('0') != ''
        if is_there and not why_without_effect(label_schema, size, values):
            yield name


def _rules(label_schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = label_schema.get('properties', {})
    return found


def _defaults(label_schema: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Defaults; some go with the release that is given, or else the default one.

    :param given: labels in their normal forms.
    """
    rules = _rules(label_schema)
    found: dict[str, str] = {
        name: rule['default'] for name, rule in rules.items() if 'default' in rule
    }
    for name, rule in rules.items():
        for other, by_line in rule.get('defaults_by', {}).items():
            release = given.get(other, found[other])
            of_line = (value for line, value in by_line.items() if is_of_line(release, line))
            found[name] = next(of_line, found[name])
    return found


def resolved(
    label_schema: Mapping[str, Any],
    baymodel_labels: Mapping[str, str],
    bay_labels: Mapping[str, str],
    presets: Mapping[str, str],
    attributes: Attributes,
) -> dict[str, Resolved]:
    """What holds for a bay, and where it comes from; sorted by names.

    :param bay_labels: the bay's, complete: they replace the baymodel's, so
        that one of these which the bay lacks does not hold.
    :param presets: defaults of the operator's, over the driver's.
    :param attributes: defaults that need others are left out.
    """
    rules = _rules(label_schema)
    own = applied(label_schema, bay_labels)
    found = {
        name: Resolved(value, 'default')
        for name, value in {**_defaults(label_schema, own), **presets}.items()
        if name in rules and _suits(rules[name], attributes)
    }
    values = {name: label.value for name, label in found.items()}
    values |= own
    known = {**values, **attributes}
    for name, text in bay_labels.items():
        origin: Origin = 'baymodel' if baymodel_labels.get(name) == text else 'bay'
        given = applied(label_schema, {name: text})
        for own_name, value in given.items():
            reason = why_without_effect(label_schema, own_name, known)
            found[own_name] = Resolved(value, origin, 'none' if reason else 'applied', reason)
    return dict(sorted(found.items()))


def _suits(rule: Mapping[str, Any], attributes: Attributes) -> bool:
    """Whether a label is for a baymodel of these attributes."""
    needs = rule.get('needs', {})
    return all(needs[name] == attributes[name] for name in needs.keys() & attributes.keys())


def why_without_effect(
    label_schema: Mapping[str, Any], name: str, values: Attributes
) -> str:
    """The reason why a label does nothing; empty if it does something.

    :param values: of all labels, resolved, and of attributes of the baymodel.
    """
    rule = _rules(label_schema).get(name)
    if rule is None:
        return 'No label of this name is known.'
    if rule.get('deprecated', False):
        return str(rule['description'])
    for needed, value in rule.get('needs', {}).items():
        if values.get(needed) != value:
            return f'It needs {needed}={value}.'
    return str(rule.get('idle', {}).get(values.get(name), ''))


def without_effect(
    label_schema: Mapping[str, Any],
    labels: Iterable[str],
    all_labels: Mapping[str, str],
    attributes: Attributes,
) -> dict[str, str]:
    """Those labels that do nothing, each with the reason.

    :param all_labels: beside which they stand, as they were given.
    """
    values = {**resolve(label_schema, all_labels), **attributes}
    reasons = {name: why_without_effect(label_schema, name, values) for name in sorted(labels)}
    return {name: reason for name, reason in reasons.items() if reason}


def without_effect_on_nodegroup(
    label_schema: Mapping[str, Any],
    labels: Mapping[str, str],
    bay_labels: Mapping[str, str],
    attributes: Attributes,
) -> dict[str, str]:
    """Those labels of a further node group that do nothing, each with the reason.

    What it has from its bay was told of there.
    """
    own = {name: text for name, text in labels.items() if bay_labels.get(name) != text}
    shared = own.keys() - of_nodegroup(label_schema, own).keys()
    return {
        **dict.fromkeys(sorted(shared), 'A node group has this label from its bay.'),
        **without_effect(label_schema, own, {**bay_labels, **labels}, attributes),
    }


def of_nodegroup(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """Those labels that a node group may have otherwise than its bay.

    The schema marks them by ``"scope": "nodegroup"``.
    """
    rules = _rules(label_schema)
    return {
        name: value
        for name, value in labels.items()
        if rules.get(name, {}).get('scope') == 'nodegroup'
    }


def misspelled(label_schema: Mapping[str, Any], labels: Iterable[str]) -> dict[str, str]:
    """Unknown names that are very like a known one, each with that one."""
    known = _rules(label_schema)
    found = {}
    for name in sorted(set(labels) - known.keys()):
        plain = name.lower().replace('-', '_')
        likely = difflib.get_close_matches(plain, known, 1, _LIKENESS)
        if likely:
            found[name] = likely[0]
    return found


def unknown(label_schema: Mapping[str, Any], labels: Iterable[str]) -> list[str]:
    """Names that the driver does not know."""
    return sorted(set(labels) - _rules(label_schema).keys())


def check(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Validate the values of known labels.

    Unknown labels pass: what becomes of them is the API's decision.

    :raises PlanRefused: naming ``labels/<name>``.
    """
    rules = _rules(label_schema)
    for name in rules.keys() & labels.keys():
        # The pattern of a schema lets a line break at the end pass.
        if len(labels[name]) > _LONGEST or not labels[name].isprintable():
            raise _refused(
                name,
                f'A label holds no line breaks and the like, and {_LONGEST} characters at most.',
            )
    for name in sorted(rules.keys() & labels.keys()):
        _check_alias(label_schema, labels, name)
    # Loaded by the first request that gives labels: reads need no validator.
    import jsonschema

    validator = jsonschema.Draft202012Validator(label_schema)
    for error in validator.iter_errors(applied(label_schema, labels)):
        name = '/'.join(map(str, error.absolute_path))
        rule = error.schema if isinstance(error.schema, dict) else {}
        wanted = rule.get('description', error.message)
        refusal = _refused(name, f'{error.instance!r} is not a value of this label: {wanted}')
        raise as_sent(label_schema, labels, refusal)


def as_sent(
    label_schema: Mapping[str, Any], labels: Mapping[str, str], refusal: contract.PlanRefused
) -> contract.PlanRefused:
    """The refusal with the name under which its label was given, which may be an alias."""
    rules = _rules(label_schema)
    for name in labels:
        own_name = rules.get(name, {}).get('alias')
        if own_name not in labels and refusal.field == f'labels/{own_name}':
            return _refused(name, refusal.reason)
    return refusal


def _check_alias(label_schema: Mapping[str, Any], labels: Mapping[str, str], name: str) -> None:
    """Check that two names of one label have the same value."""
    own_name = _rules(label_schema)[name].get('alias')
    if own_name in labels:
        one, other = (applied(label_schema, {each: labels[each]}) for each in (name, own_name))
        if one != other:
            raise _refused(name, f'This is another name of {own_name}, which says something else.')


def check_releases(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Refuse releases that the driver does not have in its catalogue.

    :raises PlanRefused: naming ``labels/<name>`` and what there is.
    """
    rules = _rules(label_schema)
    for name, value in applied(label_schema, labels).items():
        lines = rules.get(name, {}).get('releases')
        if lines and not any(is_of_line(value, line) for line in lines):
            raise _refused(
                name, f'{value} is no release that this driver builds; it builds those of: '
                f'{", ".join(lines)}.'
            )


def is_of_line(release: str, line: str) -> bool:
    """Whether a release is a patch release of a line (``v1.34.1`` of ``v1.34``)."""
    return release.startswith(f'{line}.') and release[len(line) + 1:].isdecimal()


def _refused(name: str, reason: str) -> contract.PlanRefused:
    return contract.PlanRefused(f'labels/{name}', reason)
