"""Every spelling of every kind of label, and its normal form."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from magnum.domain import booleans, label_values, labels
from magnum.drivers.registry import Registry

SPELLINGS: dict[str, dict[str, tuple[str, ...]]] = {
    'boolean': {
        'true': ('true', 'True', 'TRUE', 't', 'yes', 'Y', 'on', '1', ' true '),
        'false': ('false', 'False', 'f', 'no', 'N', 'off', '0'),
        'perhaps': ('perhaps',),
        '2': ('2',),
    },
    'integer': {
        '20': ('20', '20.0', '20.', ' 20', '020', '+20', '20.000'),
        '0': ('0', '0.0', '00'),
        '-1': ('-1', '-1.0'),
        '20.5': ('20.5',), '2e1': ('2e1',), 'x': ('x',), '9' * 20: ('9' * 20,),
    },
    'list': {'a,b': ('a,b', 'a, b', ' a ,b ', 'a,,b,', ',a,b')},
    'networks': {
        '10.0.0.0/8,192.168.0.0/16': (
            '10.0.0.0/8,192.168.0.0/16', '10.0.0.0/8, 192.168.0.0/16',
            ' 10.1.2.3/8 ,192.168.0.0/16',
        ),
        '192.0.2.1/32': ('192.0.2.1', '192.0.2.1/32'),
        '2001:db8::/32': ('2001:DB8::/32',),
        'nonsense': ('nonsense',),
    },
    'prefix': {'registry.example.org/x/': (
        'registry.example.org/x/', 'registry.example.org/x', 'registry.example.org/x// ',
    )},
    'url': {'https://example.org/x': ('https://example.org/x', 'https://example.org/x/')},
    'release': {'v1.34.1': ('v1.34.1', '1.34.1', ' v1.34.1'), 'latest': ('latest',)},
    'choice': {'Two': ('Two', 'two', 'TWO', ' two'), 'three': ('three',)},
    'text': {'a b': ('a b', ' a b  ')},
}
CASES = [
    (kind, text, expected)
    for kind, forms in SPELLINGS.items()
    for expected, texts in forms.items()
    for text in texts
]


def test_every_format_is_tried() -> None:
    assert set(label_values.FORMATS) == SPELLINGS.keys()


@pytest.mark.parametrize(('kind', 'text', 'expected'), CASES)
def test_normal_forms(kind: str, text: str, expected: str) -> None:
    rule = {'format': kind, 'enum': ['one', 'Two']}
    assert label_values.normal(rule, text) == expected
    assert label_values.normal(rule, expected) == expected, 'a normal form is its own'


@pytest.mark.parametrize('kind', SPELLINGS)
def test_an_empty_text_is_not_given(kind: str) -> None:
    assert label_values.normal({'format': kind, 'enum': ['one']}, '  ') == ''


def _labels() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for driver in Registry.from_entry_points().all().values():
        for name, rule in driver.labels_schema()['properties'].items():
            yield driver.name, name, rule


@pytest.mark.parametrize(('driver', 'name', 'rule'), list(_labels()))
def test_every_label_has_a_format_that_fits(driver: str, name: str, rule: dict[str, Any]) -> None:
    kind = rule.get('format', 'text')
    assert kind in label_values.FORMATS
    if name.endswith(('_enabled', '_preempt')) and not (
        rule.get('deprecated') and 'enum' not in rule
    ):
        assert kind == 'boolean'
        assert set(rule['enum']) == {'true', 'false'}
    if name.endswith(('_size', '_count', 'len')) and 'pattern' in rule:
        assert kind == 'integer'
    if 'enum' in rule and kind == 'text':
        pytest.fail('a choice of words has a format')


def test_a_label_without_a_format_is_text() -> None:
    assert label_values.normal({}, ' True ') == 'True'


def test_words_of_json_and_python_are_one() -> None:
    given = json.loads('{"a": true, "b": false, "c": 20, "d": 20.0, " e ": "True"}')
    assert labels.parse(given) == {'a': 'true', 'b': 'false', 'c': '20', 'd': '20.0', 'e': 'True'}
    assert labels.parse("{'a': True, 'b': 1}") == {'a': 'true', 'b': '1'}
    assert booleans.parse('True') is True
    assert booleans.parse('maybe') is None


def test_no_driver_reads_labels_otherwise() -> None:
    """A comparison with "true" is only right for normal forms."""
    folder = pathlib.Path(labels.__file__).parents[1]
    readers = {
        str(path.relative_to(folder)) for path in folder.rglob('*.py')
        if "== 'true'" in path.read_text()
    }
    # The last four read settings of nodes, and what they say.
    assert readers == {
        'drivers/footprint.py', 'drivers/stack_parameters.py', 'drivers/kubernetes/addons.py',
        'drivers/kubernetes/cloud.py', 'drivers/kubernetes/hardening.py',
        'drivers/kubernetes/node/charts.py', 'drivers/common/node/agent/cloud.py',
        'drivers/kubernetes/driver.py', 'operations/steps/cloud_credential.py',
    }
