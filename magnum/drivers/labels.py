"""Labels of a driver: one JSON Schema made of three parts.

The parts are JSON files: those labels that every driver takes
(``common/labels.json``), the driver's own (``<coe>/labels.json``), both
mapping names to the schema of a string, and the names of labels that other
releases of Magnum read and this driver has no use for
(``<coe>/ignored_labels.json``).
"""

import functools
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import jsonschema

from magnum.drivers import contract, templates

_LONGEST: Final = 4096  # characters of a value; settings of nodes are part of user data

Origin = Literal['default', 'baymodel', 'bay']


@functools.cache
def schema(driver_folder: str) -> dict[str, Any]:
    """JSON Schema of a driver's labels, their defaults included."""
    ignored = json.loads(templates.read(f'{driver_folder}/ignored_labels.json'))
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            **{
                name: {
                    'type': 'string', 'deprecated': True,
                    'description': 'Accepted for compatibility, not used.',
                }
                for name in ignored
            },
            **json.loads(templates.read('common/labels.json')),
            **json.loads(templates.read(f'{driver_folder}/labels.json')),
        },
    }


def resolve(
    label_schema: Mapping[str, Any],
    labels: Mapping[str, str],
) -> dict[str, str]:
    """The labels over the schema's defaults."""
    defaults = {
        name: rule['default']
        for name, rule in label_schema['properties'].items()
        if 'default' in rule
    }
    return {**defaults, **labels}


def origins(
    label_schema: Mapping[str, Any],
    baymodel_labels: Mapping[str, str],
    bay_labels: Mapping[str, str],
) -> dict[str, tuple[str, Origin]]:
    """What holds for a bay, and where it comes from.

    :param bay_labels: the bay's, complete: they replace the baymodel's, so
        that one of these which the bay lacks does not hold.
    """
    found: dict[str, tuple[str, Origin]] = {
        name: (value, 'default') for name, value in resolve(label_schema, {}).items()
    }
    for name, value in bay_labels.items():
        inherited = baymodel_labels.get(name) == value
        found[name] = (value, 'baymodel' if inherited else 'bay')
    return found


def of_nodegroup(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, str]:
    """Those labels that a node group may have otherwise than its bay.

    The schema marks them by ``"scope": "nodegroup"``.
    """
    rules = label_schema['properties']
    return {
        name: value
        for name, value in labels.items()
        if rules.get(name, {}).get('scope') == 'nodegroup'
    }


def check(label_schema: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Refuse ill values of known labels.

    Unknown labels pass: what becomes of them is the API's decision.

    :raises PlanRefused: naming ``labels/<name>``.
    """
    for name in label_schema['properties'].keys() & labels.keys():
        # The pattern of a schema lets a line break at the end pass.
        if len(labels[name]) > _LONGEST or not labels[name].isprintable():
            raise contract.PlanRefused(
                f'labels/{name}',
                f'A label holds no line breaks and the like, and {_LONGEST} characters at most.',
            )
    validator = jsonschema.Draft202012Validator(label_schema)
    for error in validator.iter_errors(dict(labels)):
        if error.validator != 'additionalProperties':
            name = '/'.join(['labels', *map(str, error.absolute_path)])
            rule = error.schema if isinstance(error.schema, dict) else {}
            wanted = rule.get('description', error.message)
            raise contract.PlanRefused(
                name, f'{error.instance!r} is not a value of this label: {wanted}'
            )
