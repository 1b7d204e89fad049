"""Labels: what is read, compared and inherited."""

from typing import Any

import pytest

from magnum.domain import labels, literals


@pytest.mark.parametrize(('value', 'expected'), [
    ('', {}), ('  ', {}), ({}, {}),
    ('a=1', {'a': '1'}), (' a = 1 , b=2,, ', {'a': '1', 'b': '2'}), ('a=x=y', {'a': 'x=y'}),
    ('a=', {'a': ''}), ('a=1,a=2', {'a': '2'}),
    ('{"a": true}', {'a': 'true'}), ("{'a': 1.5}", {'a': '1.5'}),
    ({' a ': ' 1 ', 'b': False, 'c': 10**20}, {'a': ' 1 ', 'b': 'false', 'c': '1' + '0' * 20}),
    ('a=' + 'x' * (literals.MAX_LENGTH - 2), {'a': 'x' * (literals.MAX_LENGTH - 2)}),
    ({'é': '漢字 😀'}, {'é': '漢字 😀'}),
    # Null is "not given", as everywhere else.
    ({'a': None, 'b': '1'}, {'b': '1'}), ("{'a': None}", {}), ('{"a": null}', {}),
])
def test_forms_that_are_read(value: Any, expected: labels.Labels) -> None:
    assert labels.parse(value) == expected


@pytest.mark.parametrize(('value', 'said'), [
    ('a', 'key=value'), ('a=1,b', 'key=value'), ('=1', 'key=value'), ('a=1, =2', 'key=value'),
    ('a;b=1,c', 'key=value'), ('a=' + 'x' * (literals.MAX_LENGTH - 1), 'more than 65536 char'),
    (['a'], 'an object of strings'), (None, 'an object of strings'), (1, 'an object of strings'),
    ({1: 'a'}, 'keys of labels should be strings'), ({' ': 'a'}, 'keys of labels should be str'),
    ({' ': None}, 'keys of labels'), ({'a': ['b']}, 'values of labels'),
    ({'a': float('nan')}, 'values of labels'), ({'a': float('inf')}, 'values of labels'),
    ({'a': 'b\0'}, 'should be text'), ({'a\0': 'b'}, 'should be text'),
    ({'a': '\ud800'}, 'should be text'), ({'é\udfff': 'a'}, 'should be text'),
])
def test_forms_that_are_refused(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        labels.parse(value)


def test_the_most_labels() -> None:
    most = {f'a{number}': '' for number in range(labels.MOST)}
    assert labels.parse(most) == most
    with pytest.raises(ValueError, match=f'at most {labels.MOST} labels'):
        labels.parse({**most, 'b': ''})


def test_labels_with_a_value() -> None:
    assert labels.given({'a': '1', 'b': ' ', 'c': ''}) == {'a': '1'}


def test_labels_compared() -> None:
    found = labels.compare({'a': '1', 'b': 'x'}, {'b': 'y', 'c': '2'})
    assert (found.overridden, found.added, found.skipped) == ({'b': 'y'}, {'a': '1'}, {'c': '2'})
    assert labels.compare({'a': '1'}, {'a': '1'}) == labels.Comparison({}, {}, {})


def test_labels_inherited() -> None:
    base = {'a': '1'}
    assert labels.inherit(None, base, merge=False) == base
    assert labels.inherit({'b': '2'}, base, merge=False) == {'b': '2'}
    assert labels.inherit({'b': '2'}, base, merge=True) == {'a': '1', 'b': '2'}
    assert labels.inherit({'a': '2'}, base, merge=True) == {'a': '2'}
